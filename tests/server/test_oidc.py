"""Logging in by an issuer: who comes in, and as whom."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from roomsplat.errors import InvalidSettingError
from roomsplat.server.database import Database
from roomsplat.server.keys import create_key
from roomsplat.server.logins import Logins
from roomsplat.server.oidc import Client, Issuer, LoginUnavailableError, Secrets
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from tests.server.api_server import Api, code_of, running_api
from tests.server.browser import CSRF, Browser, query, settings_for
from tests.server.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, new_key


def test_a_user_logs_in(browser: Browser) -> None:
    """Sent to the issuer and back, the browser is logged in and at the page it wanted; a change needs the token."""
    assert browser.here.get("/api/session").json()["login_url"] == "/auth/login"
    answer = browser.login("/?job=1#top")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?job=1#top")
    assert answer.headers["cache-control"] == "no-store"
    assert browser.name() == "Ada"
    assert browser.here.get("/api/jobs").json()["items"] == []
    token = browser.here.headers.pop(CSRF)
    assert code_of(browser.here.post("/api/keys", json={})) == (403, "csrf_failed")
    key = browser.here.post("/api/keys", json={}, headers={CSRF: token}).json()["key"]
    assert browser.here.delete("/api/session", headers={CSRF: token}).status_code == 204
    assert browser.name() is None
    program = browser.here.get("/api/session", headers={"X-API-Key": key})
    assert program.json()["user"]["name"] == "Ada"


def test_what_is_sent_to_the_issuer(browser: Browser) -> None:
    """State, nonce and the challenge of PKCE are new for each login, and the secret is not among what browsers see."""
    first, second = query(browser.begin()), query(browser.begin())
    for asked in (first, second):
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == str(browser.here.base_url).rstrip("/") + "/auth/callback"
        assert asked["code_challenge_method"] == "S256"
        assert CLIENT_SECRET not in str(asked)
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name]) >= 43


def test_two_tabs_may_log_in_at_once(browser: Browser) -> None:
    """Two logins that were begun in one browser both come to their end, in any order."""
    first, second = browser.begin("/first"), browser.begin("/second")
    other_first = browser.at_issuer(first)
    assert browser.back(browser.at_issuer(second)).headers["location"] == "/second"
    assert browser.name() == "Ada"
    # the cookie of logins on their way ends with the first that arrives; the other tab is told to begin again
    assert code_of(browser.back(other_first)) == (400, "login_failed")
    assert browser.name() == "Ada"


def test_a_person_is_the_issuers_name_and_nothing_else(login_api: Api, provider: Provider) -> None:
    """The same subject is the same user whatever they are called by now; another one is another user of that name."""

    def who(**person: object) -> dict[str, str]:
        browser = Browser(login_api, provider)
        assert browser.login(**person).status_code == 303
        return browser.here.get("/api/session").json()["user"]

    kim = who(sub="kim-1", name="Kim", email="kim@example.org")
    assert who(sub="kim-1", name="Kim Smith", email="new@example.org") == kim
    other = who(sub="kim-2", name="Kim", email="kim@example.org")
    assert (other["name"], other["id"] == kim["id"]) == ("Kim (2)", False)
    with_key = create_key(login_api.service.database.sessions, "Lee")[0]
    lee = who(sub="lee", name="Lee")
    assert (with_key.user_name, lee["name"]) == ("Lee", "Lee (2)")
    assert who(sub="local", name="local")["name"] == "local (2)"
    assert who(sub="nameless", name=None, email=None)["name"] == "user"
    assert who(sub="by-mail", name=None, email="m@example.org")["name"] == "m@example.org"


def test_nobody_gets_a_key_to_a_logged_in_users_things_by_a_name(login_api: Api, provider: Provider) -> None:
    """``roomsplat keys create`` with the name of a user who logs in is refused: who chose it is not who asks for it."""
    assert Browser(login_api, provider).login(sub="squatter", name="director").status_code == 303
    with pytest.raises(InvalidSettingError, match="logs in") as caught:
        create_key(login_api.service.database.sessions, "director")
    assert "/api/keys" in caught.value.hint


def test_more_is_asked_for_when_the_statement_lacks_it(login_api: Api, provider: Provider) -> None:
    """An issuer that keeps names and addresses for its userinfo is asked there, for the same person only."""
    provider.userinfo = {"sub": "uma", "name": "Uma", "email": "uma@example.org"}
    browser = Browser(login_api, provider)
    assert browser.login(sub="uma", name=None, email=None, email_verified=None).status_code == 303
    assert browser.name() == "Uma"
    provider.userinfo = {"sub": "somebody else", "name": "Uma"}
    assert code_of(Browser(login_api, provider).login()) == (400, "login_failed")


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
def test_every_kind_of_client(provider: Provider, tmp_path: Path, method: str) -> None:
    """The secret goes the way that the issuer takes; without one the proof of PKCE is enough."""
    provider.method = method
    secret = None if method == "none" else CLIENT_SECRET
    with running_api(tmp_path, **settings_for(provider, oidc_client_secret=secret)) as api:
        browser = Browser(api, provider)
        assert browser.login().status_code == 303
        assert browser.name() == "Ada"


def test_a_new_key_of_the_issuer_is_found(browser: Browser, provider: Provider) -> None:
    """When the issuer signs with a key that it did not have before, its keys are fetched again."""
    assert browser.login().status_code == 303
    old, provider.key = provider.key, new_key("second")
    try:
        assert browser.login().status_code == 303
    finally:
        provider.key = old


def test_a_key_logs_in_beside_the_issuer(login_api: Api) -> None:
    """Who has a key may log a browser in with it here, too."""
    browser = login_api.anybody()
    key = login_api.ada.headers["authorization"].removeprefix("Bearer ")
    assert browser.post("/api/session", json={"key": key}).json()["user"]["name"] == "ada"


def test_administrators_are_those_of_the_settings(
    private_api: Api, provider: Provider, started_provider: Provider, tmp_path: Path
) -> None:
    """Who is named sees the metrics; who is named no more does not from the next login on, nor do their keys."""
    browser = Browser(private_api, provider)
    browser.login(sub="boss", name="Boss", email="boss@example.org", email_verified=True)
    assert browser.here.get("/metrics").status_code == 200
    key = browser.here.post("/api/keys", json={"scopes": ["admin"]}).json()["key"]
    program = private_api.anybody({"X-API-Key": key})
    assert program.get("/metrics").status_code == 200
    url = private_api.service.settings.resolved_database_url
    with running_api(tmp_path, **settings_for(started_provider, database_url=url)) as later:
        again = Browser(later, provider)
        again.login()
        assert code_of(again.here.get("/metrics")) == (403, "forbidden")
    assert code_of(program.get("/metrics")) == (403, "forbidden")
    other = Browser(private_api, provider)
    other.login(sub="ann", name="Ann", email="ann@example.org")
    assert code_of(other.here.get("/metrics")) == (403, "forbidden")


def test_an_issuer_that_does_not_answer(tmp_path: Path, provider: Provider) -> None:
    """The service starts and answers without its issuer; a login is 503 with a time to come back, for people a page."""
    silent = {"oidc_issuer": "http://127.0.0.1:9"}
    with running_api(tmp_path, **settings_for(provider, **silent)) as api:
        answer = api.anybody().get("/auth/login")
        assert code_of(answer) == (503, "login_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        page = api.anybody().get("/auth/login", headers={"Accept": "text/html"})
        assert (page.status_code, "does not answer" in page.text) == (503, True)
        assert api.ada.get("/api/jobs").status_code == 200


BROKEN: dict[str, dict[str, Any]] = {
    "another issuer's description": {"issuer": "https://evil.example"},
    "no address for tokens": {"token_endpoint": None},
    "tokens unencrypted elsewhere": {"token_endpoint": "ftp://127.0.0.1/token"},
    "tokens from nobody": {"token_endpoint": "http://127.0.0.1:9/token"},
    "tokens from a page": {"token_endpoint": "ADDRESS/jwks?"},
    "keys from nobody": {"jwks_uri": "http://127.0.0.1:9/keys"},
    "another client": {"token_endpoint_auth_methods_supported": ["client_secret_post"]},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_issuer_that_makes_no_sense(
    started_provider: Provider, provider: Provider, tmp_path: Path, kind: str
) -> None:
    """Whatever is wrong with the issuer's addresses is 503 ``login_unavailable``, never a 500, and nobody comes in."""
    provider.changed = {
        name: value.replace("ADDRESS", provider.address) if isinstance(value, str) else value
        for name, value in BROKEN[kind].items()
    }
    with running_api(tmp_path, **settings_for(started_provider)) as api:
        browser = Browser(api, provider)
        answer = browser.here.get("/auth/login")
        if answer.status_code == 303:
            answer = browser.back(browser.at_issuer(answer.headers["location"]))
        assert code_of(answer) == (503, "login_unavailable")
        assert browser.name() is None


def test_a_silent_issuer_is_not_asked_by_everybody(provider: Provider) -> None:
    """After one that got no answer others are told so at once, for seconds; then it is asked again."""
    now = [0.0]
    client = Client(issuer="http://127.0.0.1:9", client_id="x", secret=None, scopes="openid")
    issuer = Issuer(client, clock=lambda: now[0])
    made = Secrets(nonce="n", verifier="v" * 43)
    for _ in range(2):
        with pytest.raises(LoginUnavailableError):
            issuer.address(made, "s", "http://127.0.0.1/auth/callback")
    issuer._client = Client(issuer=provider.address, client_id="x", secret=None, scopes="openid")
    with pytest.raises(LoginUnavailableError):
        issuer.address(made, "s", "http://127.0.0.1/auth/callback")
    assert provider.asked == []
    now[0] += 6
    assert issuer.address(made, "s", "http://127.0.0.1/auth/callback").startswith(provider.address)
    issuer.address(made, "s", "http://127.0.0.1/auth/callback")
    assert provider.asked == ["description"]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"oidc_issuer": None}, "ROOMSPLAT_OIDC_ISSUER"),
        ({"oidc_client_id": ""}, "ROOMSPLAT_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://accounts.example"}, "https"),
        ({"oidc_issuer": "accounts.example"}, "https"),
        ({"oidc_issuer": "https://["}, "https"),
        ({"oidc_scopes": "email"}, "openid"),
    ],
    ids=str,
)
def test_wrong_settings_are_told_at_the_start(
    database: Database, tmp_path: Path, wrong: dict[str, Any], name: str
) -> None:
    """A service that could log nobody in does not start, and says which setting is missing."""
    good = {
        "auth": "oidc",
        "oidc_issuer": "https://accounts.example",
        "oidc_client_id": "x",
        "storage": tmp_path,
    }
    Logins(ServerSettings.model_validate(good), database.sessions)
    with pytest.raises(InvalidSettingError, match=name):
        Logins(ServerSettings.model_validate(good | wrong), database.sessions)


def test_first_logins_at_once_make_one_user(database: Database) -> None:
    """Two browsers of one new person who come back together are the same user; two persons of one name are two."""
    users = Users(database.sessions)

    def come(subject: str) -> str:
        return users.of_identity("https://a.example", subject, name="Kim", email=None, is_admin=False).id

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(come, ["one", "one", "two", "one", "two", "one", "two", "one"]))
    assert len(set(found)) == 2
