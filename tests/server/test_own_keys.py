"""A user's own keys: made, listed and ended by the user."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.keys import list_keys
from tests.server.api_server import Api, code_of, running_api
from tests.server.browser import logged_in


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with keys."""
    with running_api(tmp_path_factory.mktemp("storage")) as running:
        yield running


def test_a_user_keeps_their_own_keys(api: Api) -> None:
    """Made by a login or a key, shown once, listed by first letters, good at once, and gone when deleted."""
    browser = logged_in(api, api.client("cleo"))
    made = browser.post("/api/keys", json={"name": "laptop"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key, prefix = made.json()["key"], made.json()["prefix"]
    assert key.startswith(prefix)
    assert made.json()["scopes"] == ["read", "write"]
    program = api.anybody({"Authorization": f"Bearer {key}"})
    assert program.get("/api/session").json()["user"]["name"] == "cleo"
    listed = browser.get("/api/keys").json()["items"]
    assert [item["prefix"] for item in listed if item["name"] == "laptop"] == [prefix]
    assert key not in browser.get("/api/keys").text
    assert code_of(api.bob.delete(f"/api/keys/{prefix}")) == (404, "key_not_found")
    assert prefix not in api.bob.get("/api/keys").text
    assert browser.delete(f"/api/keys/{prefix}").status_code == 204
    assert code_of(program.get("/api/jobs")) == (401, "unauthorized")
    assert prefix not in browser.get("/api/keys").text
    assert code_of(browser.delete(f"/api/keys/{prefix}")) == (404, "key_not_found")


def test_no_key_is_allowed_more_than_its_maker(api: Api) -> None:
    """A key asks for at most the scopes of whoever makes it; what is no scope is refused."""
    assert code_of(api.ada.post("/api/keys", json={"scopes": ["read", "admin"]})) == (403, "forbidden")
    for scopes in ([], ["root"], "read"):
        assert code_of(api.ada.post("/api/keys", json={"scopes": scopes})) == (422, "invalid_request")
    reader = api.ada.post("/api/keys", json={"scopes": ["read"]}).json()
    assert reader["scopes"] == ["read"]
    program = api.anybody({"X-API-Key": reader["key"]})
    assert code_of(program.post("/api/keys", json={})) == (403, "forbidden")
    root = api.client("root", scopes=("read", "write", "admin"))
    assert root.post("/api/keys", json={"scopes": ["admin"]}).json()["scopes"] == ["admin"]
    assert root.post("/api/keys", json={}).json()["scopes"] == ["read", "write"]


def test_one_user_has_only_so_many_keys(tmp_path: Path) -> None:
    """The key after the last allowed one is refused until another is deleted; other users are not held up."""
    with running_api(tmp_path, max_keys_per_user=2) as api:
        second = api.ada.post("/api/keys", json={}).json()
        assert code_of(api.ada.post("/api/keys", json={})) == (409, "too_many_keys")
        assert api.bob.post("/api/keys", json={}).status_code == 201
        assert api.ada.delete(f"/api/keys/{second['prefix']}").status_code == 204
        assert api.ada.post("/api/keys", json={}).status_code == 201
        assert len([key for key in list_keys(api.service.database.sessions) if key.user_name == "ada"]) == 3
