"""Two users never see each other's things, by whatever way they came in and whatever address they ask."""

from typing import Any

import httpx
import pytest

from tests.server.api_server import Api, code_of
from tests.server.browser import Browser
from tests.server.oidc_provider import Provider
from tests.server.tus import TUS

PLACES = ("job_id", "upload_id", "webhook_id", "prefix")
"""What in an address names a thing of a user."""

LISTS = ("/api/jobs", "/api/webhooks", "/api/keys")


class Things:
    """One thing of every kind, each of the same user."""

    def __init__(self, api: Api, owner: httpx.Client) -> None:
        name = owner.get("/api/session").json()["user"]["name"]
        job = api.completed(name, files={"models/ID/scene.ply": b"ply", "models/ID.ply": b"ply"})
        upload = owner.post("/api/uploads", headers={**TUS, "Upload-Length": "10"})
        hook = owner.post("/api/webhooks", json={"url": "https://8.8.8.8/hook"})
        key = owner.post("/api/keys", json={})
        self.names = {
            "job_id": job.id,
            "upload_id": upload.headers["location"].rpartition("/")[2],
            "webhook_id": hook.json()["id"],
            "prefix": key.json()["prefix"],
        }

    def address(self, path: str) -> str:
        """The address of these things."""
        for place, name in self.names.items():
            path = path.replace(f"{{{place}}}", name)
        return path.replace("{name}", "scene.ply")

    def unnamed(self, text: str) -> str:
        """The text as if it were about things that never were."""
        for name in self.names.values():
            text = text.replace(name, "A" * len(name))
        return text


@pytest.fixture
def people(login_api: Api, provider: Provider) -> tuple[httpx.Client, httpx.Client]:
    """The browsers of two users who logged in by the issuer."""
    one, other = Browser(login_api, provider), Browser(login_api, provider)
    assert one.login(sub="owner", name="Owner", email=None).status_code == 303
    assert other.login(sub="other", name="Other", email=None).status_code == 303
    return one.here, other.here


def operations(api: Api) -> list[tuple[str, str]]:
    """Every method of every address that names something of a user, as the service itself describes them."""
    paths: dict[str, dict[str, Any]] = api.anybody().get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path)
        for path, methods in paths.items()
        if any(f"{{{place}}}" in path for place in PLACES)
        for method in methods
    ]


def test_what_is_anothers_is_not_there(login_api: Api, people: tuple[httpx.Client, httpx.Client]) -> None:
    """Every address of every kind of thing answers others exactly as if the thing had never been."""
    owner, other = people
    things = Things(login_api, owner)
    found = operations(login_api)
    assert len(found) >= 15
    for method, path in found:
        headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        headers = headers if path.startswith("/api/uploads") else {}
        foreign = other.request(method, things.address(path), headers=headers)
        nobodys = other.request(method, things.unnamed(things.address(path)), headers=headers)
        assert foreign.status_code == nobodys.status_code == 404, f"{method} {path}: {foreign.text}"
        if method != "HEAD":
            assert code_of(foreign) == code_of(nobodys), f"{method} {path}"
            assert things.unnamed(foreign.text) == nobodys.text, f"{method} {path}"
    for path in LISTS:
        text = other.get(path).text
        assert not [name for name in things.names.values() if name in text], path
        assert any(name in owner.get(path).text for name in things.names.values()), path
    for method, path in found:
        if method == "GET":
            assert owner.get(things.address(path)).status_code in {200, 204, 404}, path
    assert owner.get(things.address("/api/jobs/{job_id}")).json()["status"] == "completed"
    assert owner.head(things.address("/api/uploads/{upload_id}"), headers=TUS).status_code == 200
