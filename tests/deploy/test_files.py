"""The files of ``deploy/``: they agree with each other and with the service. ``deploy/check`` runs their steps."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from roomsplat.server.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KINDS = ("cpu", "cuda")
SCRIPTS = ("build.sh", "install.sh", "check")


def instructions(kind: str) -> list[tuple[str, str]]:
    """The instructions of a container file, continued lines joined, without comments."""
    text = (DEPLOY / f"Containerfile.{kind}").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def last_stage(kind: str) -> list[tuple[str, str]]:
    """What ends up in the image."""
    found = instructions(kind)
    begins = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[begins:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_runs_as_nobody_special_and_is_watched(kind: str) -> None:
    """The image has a health check, and everything after the installation, the doctor too, runs as its own user."""
    stage = last_stage(kind)
    words = [word for word, _ in stage]
    user = words.index("USER")
    assert stage[user][1] not in {"root", "0"}
    assert words.count("USER") == 1
    assert "HEALTHCHECK" in words
    doctor = stage.index(("RUN", '["roomsplat", "doctor", "--strict"]'))
    assert doctor > user
    assert [word for word in words[doctor + 1 :] if word in {"RUN", "COPY", "ADD"}] == [], (
        "the last build step"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_has_no_compiler_and_starts_small(kind: str) -> None:
    """The last layer begins from a slim Debian and installs Python and certificates, nothing more."""
    stage = last_stage(kind)
    assert stage[0] == ("FROM", "debian:bookworm-slim")
    [installed] = [
        found[1].split()
        for _, rest in stage
        if (found := re.search(r"apt-get install --yes --no-install-recommends ([\w\s-]+)", rest))
    ]
    assert set(installed) == {"python3", "ca-certificates"}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_copied_is_there_and_let_through(kind: str) -> None:
    """What the file copies exists, and ``.dockerignore`` lets it pass."""
    passed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [
        source
        for word, rest in instructions(kind)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in passed


@pytest.mark.parametrize("kind", KINDS)
def test_the_locks_that_are_installed_exist(kind: str) -> None:
    """The container file installs by the script, from locks that are in requirements/."""
    [locks] = [
        rest.split()[2:] for word, rest in instructions(kind) if rest.startswith("deploy/install.sh /opt")
    ]
    assert "server" in locks
    assert [lock for lock in locks if not (ROOT / "requirements" / f"{lock}.lock").exists()] == []
    assert ("cuda" in locks) == (kind == "cuda")


def test_check_installs_what_the_container_files_install() -> None:
    """The proof uses the packages and the script of the container file."""
    check = (DEPLOY / "check").read_text("utf-8")
    build = next(rest for word, rest in instructions("cpu") if word == "RUN" and "python3-venv" in rest)
    found = re.search(r"--no-install-recommends ([\w\s-]+) &&", build)
    assert found
    assert " ".join(found[1].split()) in check
    assert "deploy/install.sh /opt/roomsplat server" in check


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_the_services_are_set_by_settings_that_exist(name: str) -> None:
    """Every ROOMSPLAT_ variable of compose is a setting; no port is open to the world; no password is written down."""
    text = (DEPLOY / name).read_text("utf-8")
    compose: dict[str, Any] = yaml.safe_load(text)
    known = {f"ROOMSPLAT_{field.upper()}" for field in ServerSettings.model_fields}
    assert set(re.findall(r"ROOMSPLAT_\w+", text)) <= known
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert all("${POSTGRES_PASSWORD" in value for value in re.findall(r"PASSWORD: (.+)", text))


def test_the_containers_settings_are_settings() -> None:
    """The environment of the images names settings that exist."""
    known = {f"ROOMSPLAT_{field.upper()}" for field in ServerSettings.model_fields}
    for kind in KINDS:
        said = {name for _, rest in instructions(kind) for name in re.findall(r"(ROOMSPLAT_\w+)=", rest)}
        assert said
        assert said <= known


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_programs(name: str) -> None:
    """Each is executable, stops at the first error and is valid for a plain POSIX shell."""
    path = DEPLOY / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert "\nset -eu\n" in path.read_text("utf-8")
    shell = shutil.which("dash") or "/bin/sh"
    run = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_build_takes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    """A stand-in for docker gets the file, the tag and, if asked for, the push; a wrong word ends in the usage."""
    heard = tmp_path / "heard"
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    docker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "IMAGE": "registry.example/splat"}

    def build(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(DEPLOY / "build.sh"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert build("cuda", "--push").returncode == 0
    first, second = heard.read_text().splitlines()
    assert "--platform linux/amd64" in first
    assert "--file deploy/Containerfile.cuda --tag registry.example/splat:cuda ." in first
    assert second == "push registry.example/splat:cuda"
    for wrong in ([], ["gpu"], ["cpu", "--pull"]):
        assert build(*wrong).returncode == 2
    assert len(heard.read_text().splitlines()) == 2


def test_install_without_words_says_how() -> None:
    """The installer refuses to guess where to and what."""
    run = subprocess.run([str(DEPLOY / "install.sh")], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "usage:" in run.stderr
