"""Keys and who may come in."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text

from roomsplat.errors import InvalidSettingError
from roomsplat.server import keys as keys_module
from roomsplat.server.auth import (
    CurrentAdmin,
    CurrentUser,
    authenticator_of,
    check_bind,
    current_user,
    is_loopback,
)
from roomsplat.server.database import Database
from roomsplat.server.keys import KeyNotFoundError, check_key, create_key, list_keys, revoke_key
from roomsplat.server.problems import install_problems


class Asked:
    """Asks an app without a network between."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Read."""
        return asyncio.run(self._ask("GET", path, headers))

    def post(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Write."""
        return asyncio.run(self._ask("POST", path, headers))

    async def _ask(self, method: str, path: str, headers: dict[str, str] | None) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url="http://127.0.0.1"
        ) as client:
            return await client.request(method, path, headers=headers)


def app_with(database: Database, mode: str) -> Asked:
    """A small service: one address for reading, one for writing, one for administrators."""
    app = FastAPI()
    install_problems(app)
    app.state.authenticator = authenticator_of("keys" if mode == "keys" else "none", database.sessions)

    @app.get("/thing")
    def read(user: CurrentUser) -> str:
        return user.name

    @app.post("/thing", dependencies=[Depends(current_user)])
    def write() -> str:
        return "written"

    @app.get("/admin")
    def admin(user: CurrentAdmin) -> str:
        return user.name

    return Asked(app)


def test_a_key_lets_its_user_in(database: Database) -> None:
    """Both headers work; whoever has the key is its user, in whatever letters the word Bearer is written."""
    client = app_with(database, "keys")
    record, key = create_key(database.sessions, "ada", name="laptop")
    assert key.startswith("rsk_")
    assert record.prefix == key[:12]
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key} "},
        {"X-API-Key": key},
    ):
        answer = client.get("/thing", headers=headers)
        assert (answer.status_code, answer.json()) == (200, "ada")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer rsk_" + "A" * 43},
        {"Authorization": "Basic rsk_AAAA"},
        {"X-API-Key": "rsk_"},
        {"X-API-Key": "x" * 5000},
    ],
    ids=str,
)
def test_without_a_good_key_nobody_comes_in(database: Database, headers: dict[str, str]) -> None:
    """401 with the code and the way to a key; the answer does not tell a wrong key from a revoked one."""
    client = app_with(database, "keys")
    create_key(database.sessions, "ada")
    answer = client.get("/thing", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert "keys create" in answer.json()["hint"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_one_letter_off_is_no_key(database: Database) -> None:
    """Whatever letter is changed, nobody comes in."""
    _, key = create_key(database.sessions, "ada")
    assert check_key(database.sessions, key) is not None
    for place in range(len(key)):
        other = key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
        assert check_key(database.sessions, other) is None
    assert check_key(database.sessions, key + "A") is None
    assert check_key(database.sessions, key[:-1]) is None


def test_the_key_itself_is_not_kept(database: Database) -> None:
    """No table holds the key or its secret part: who reads the database cannot come in."""
    _, key = create_key(database.sessions, "ada")
    with database.sessions() as session:
        rows = [str(tuple(row)) for row in session.execute(text("SELECT * FROM api_keys"))]
    assert len(rows) == 1
    assert key not in rows[0]
    assert key[12:] not in rows[0]


def test_a_revoked_key_is_useless_at_once(database: Database) -> None:
    """The next request with it gets 401; other keys of the same user go on; revoking twice changes nothing."""
    client = app_with(database, "keys")
    record, key = create_key(database.sessions, "ada")
    _, other = create_key(database.sessions, "ada")
    assert client.get("/thing", headers={"X-API-Key": key}).status_code == 200
    revoked = revoke_key(database.sessions, record.id)
    assert revoked.revoked_at is not None
    assert client.get("/thing", headers={"X-API-Key": key}).status_code == 401
    assert client.get("/thing", headers={"X-API-Key": other}).status_code == 200
    assert revoke_key(database.sessions, record.id).revoked_at == revoked.revoked_at


def test_a_key_is_named_by_id_or_first_letters(database: Database) -> None:
    """What ``keys list`` shows is enough to revoke; anything else is refused with a hint."""
    first, _ = create_key(database.sessions, "ada")
    _, second = create_key(database.sessions, "bob")
    revoke_key(database.sessions, first.prefix)
    revoke_key(database.sessions, second)
    assert all(record.revoked_at is not None for record in list_keys(database.sessions))
    for name in ("", "rsk_", "nobody", "rsk_AAAAAAAA"):
        with pytest.raises(KeyNotFoundError, match="No keys"):
            revoke_key(database.sessions, name)


def test_scopes_hold(database: Database) -> None:
    """A key that may read cannot write, one that may write cannot read, and only administrators administrate."""
    client = app_with(database, "keys")
    for scopes, expected in (
        (["read"], (200, 403, 403)),
        (["write"], (403, 200, 403)),
        (["read", "write"], (200, 200, 403)),
        (["admin"], (403, 403, 200)),
    ):
        _, key = create_key(database.sessions, "-".join(scopes), scopes=scopes)
        headers = {"X-API-Key": key}
        answers = (
            client.get("/thing", headers=headers),
            client.post("/thing", headers=headers),
            client.get("/admin", headers=headers),
        )
        assert tuple(answer.status_code for answer in answers) == expected
        assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"forbidden"}


def test_unknown_scopes_and_empty_names_are_refused(database: Database) -> None:
    """A key is made whole or not at all."""
    for user, scopes in (("ada", ["root"]), ("ada", []), ("  ", ["read"])):
        with pytest.raises(InvalidSettingError):
            create_key(database.sessions, user, scopes=scopes)
    assert list_keys(database.sessions) == []


def test_the_list_shows_everything_but_the_key(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the order of their making, with whose they are and when they were used, to ten minutes."""
    first, key = create_key(database.sessions, "ada", name="laptop")
    create_key(database.sessions, "bob", scopes=["read"])
    assert [(k.user_name, k.name, set(k.scopes)) for k in list_keys(database.sessions)] == [
        ("ada", "laptop", {"read", "write"}),
        ("bob", "", {"read"}),
    ]
    assert first.last_used_at is None
    check_key(database.sessions, key)
    used = list_keys(database.sessions)[0].last_used_at
    assert used is not None
    check_key(database.sessions, key)
    assert list_keys(database.sessions)[0].last_used_at == used
    monkeypatch.setattr(keys_module, "utc_now", lambda: used + timedelta(minutes=11))
    check_key(database.sessions, key)
    assert list_keys(database.sessions)[0].last_used_at == used + timedelta(minutes=11)


def test_without_keys_everybody_is_the_local_user(database: Database) -> None:
    """The one user of this computer may do everything, and is the same one after a restart."""
    assert app_with(database, "none").get("/admin").json() == "local"
    assert app_with(database, "none").post("/thing").status_code == 200
    with database.sessions() as session:
        assert session.execute(text("SELECT count(*) FROM users")).scalar_one() == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_without_keys_this_computer_is_served(host: str) -> None:
    """Every way to name the loopback device is good."""
    check_bind("none", host)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "8.8.8.8", "no.such.host.invalid", "*"])  # noqa: S104 - what is refused
def test_without_keys_nobody_else_is_served(host: str) -> None:
    """Any other address is refused with a sentence, and is fine with keys."""
    with pytest.raises(InvalidSettingError, match="this computer only") as caught:
        check_bind("none", host)
    assert "--auth keys" in caught.value.hint
    check_bind("keys", host)
