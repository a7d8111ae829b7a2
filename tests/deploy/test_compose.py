"""The compose files: what they set exists, nothing secret is in them, nothing is open to the world."""

import re
from typing import Any

import pytest
import yaml

from roomsplat.server.settings import ServerSettings
from tests.deploy.laws import COMMANDS, DEPLOY, SETTINGS

NAMES = ("compose.yaml", "compose.gpu.yaml")


def load(name: str) -> tuple[str, dict[str, Any]]:
    """The text, and what it says with its anchors resolved."""
    text = (DEPLOY / name).read_text("utf-8")
    return text, yaml.safe_load(text)


@pytest.mark.parametrize("name", NAMES)
def test_the_services_are_set_by_settings_that_exist(name: str) -> None:
    """Every ROOMSPLAT_ variable of compose is a setting, and no port is open to the world."""
    text, compose = load(name)
    assert set(re.findall(r"ROOMSPLAT_\w+", text)) <= SETTINGS
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_secret_is_written_down() -> None:
    """Every password and key comes from .env, stops compose when it is missing there, and is named in the example."""
    text, compose = load("compose.yaml")
    secrets: set[str] = set()
    for service in compose["services"].values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY|DATABASE_URL", variable):
                found = re.fullmatch(
                    r"(?:postgresql://roomsplat:)?\$\{(\w+):\?[^}]+\}(?:@db/roomsplat)?", value
                )
                assert found, f"{variable} has a value of its own"
                secrets.add(found[1])
    example = (DEPLOY / ".env.example").read_text("utf-8")
    assert {
        name for name, value in re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE) if not value
    } == secrets
    asked = set(re.findall(r"\$\{(\w+)", text))
    assert asked == set(re.findall(r"^#?(\w+)=", example, re.MULTILINE)), "the example names every variable"


def test_foreign_images_are_pinned_and_watched() -> None:
    """Images that are not ours have a version, and what stands on them waits until they are well."""
    _, compose = load("compose.yaml")
    services = compose["services"]
    for name in ("db", "store"):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\S*", services[name]["image"])
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    for name in ("api", "worker"):
        waits = services[name]["depends_on"]
        assert waits == {other: {"condition": "service_healthy"} for other in ("db", "store")}


def test_api_and_workers_are_apart_and_share_database_and_bucket() -> None:
    """Each runs its own command with the same addresses; no folder is shared, so workers may be many."""
    _, compose = load("compose.yaml")
    api, worker = compose["services"]["api"], compose["services"]["worker"]
    assert (api["command"], worker["command"]) == (["serve", "--no-worker"], ["worker"])
    assert {api["command"][0], worker["command"][0]} <= COMMANDS
    assert worker["environment"].items() <= api["environment"].items()
    assert {"ROOMSPLAT_DATABASE_URL", "ROOMSPLAT_BUCKET"} <= set(worker["environment"])
    assert worker["environment"]["ROOMSPLAT_BUCKET_ENDPOINT"] == "http://store:8333"
    assert "volumes" not in worker
    bucket = worker["environment"]["ROOMSPLAT_BUCKET"]
    assert f"-bucket={bucket}" in compose["services"]["store"]["command"]
    grace = float(worker["stop_grace_period"].removesuffix("s"))
    settings = ServerSettings()
    assert grace >= max(settings.drain_seconds, settings.interrupt_seconds) + 10
