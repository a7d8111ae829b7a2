"""Logging in by an issuer: every way to cheat that is known, with its status and its code."""

import logging
from pathlib import Path
from typing import Any

import pytest

from roomsplat.server.logins import local_path
from roomsplat.server.problems import InvalidRequestError
from roomsplat.server.users import Users
from tests.server import oidc_provider
from tests.server.api_server import Api, code_of, running_api
from tests.server.browser import SESSION_COOKIE, Browser, query, settings_for
from tests.server.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, Sign, new_key

OTHER_KEY = new_key("first")

STATEMENTS: dict[str, Sign] = {
    "another nonce": oidc_provider.with_claims(nonce="x" * 43),
    "no nonce": oidc_provider.with_claims(nonce=None),
    "signed by nobody (alg none)": oidc_provider.unsigned,
    "signed with the public key (HS256)": oidc_provider.by_the_public_key,
    "signed by another": oidc_provider.by(OTHER_KEY),
    "cut": lambda provider, claims: oidc_provider.signed(provider, claims)[:-4],
    "no statement": lambda _provider, _claims: "",
    "garbage": lambda _provider, _claims: "a.b.c",
    "for another service": oidc_provider.with_claims(aud="another"),
    "for another service by our order": oidc_provider.with_claims(aud="another", azp=CLIENT_ID),
    "for us and by another's order": oidc_provider.with_claims(aud=[CLIENT_ID, "another"], azp="another"),
    "for nobody": oidc_provider.with_claims(aud=None),
    "expired": oidc_provider.with_claims(exp=1_000_000_000),
    "without end": oidc_provider.with_claims(exp=None),
    "not yet good": oidc_provider.with_claims(nbf=9_999_999_999),
    "from the future": oidc_provider.with_claims(iat=9_999_999_999),
    "by another issuer": oidc_provider.with_claims(iss="https://evil.example"),
    "about nobody": oidc_provider.with_claims(sub=None),
    "about no name": oidc_provider.with_claims(sub=""),
    "about an endless name": oidc_provider.with_claims(sub="x" * 256),
    "with another's access token": oidc_provider.with_claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_that_is_no_good_logs_nobody_in(browser: Browser, provider: Provider, kind: str) -> None:
    """Each way to forge or misuse what the issuer says is 400 ``login_failed``, and nobody is logged in."""
    provider.sign = STATEMENTS[kind]
    answer = browser.login()
    assert code_of(answer) == (400, "login_failed")
    assert SESSION_COOKIE not in answer.headers.get("set-cookie", "")
    assert browser.name() is None


def test_a_login_ends_where_and_when_it_began(login_api: Api, provider: Provider, browser: Browser) -> None:
    """Another state, none, another browser, and the same address a second time are 400; nobody is logged in by them."""
    back = browser.at_issuer(browser.begin())
    other = Browser(login_api, provider)
    other.begin()
    for wrong in (
        back.replace("state=", "state=x"),
        "/auth/callback?code=abc",
        "/auth/callback",
        f"/auth/callback?state={query(other.begin())['state']}&code={query(back)['code']}",
    ):
        assert code_of(browser.back(wrong)) == (400, "login_failed"), wrong
    assert code_of(other.back(back)) == (400, "login_failed")
    assert code_of(Browser(login_api, provider).back(back)) == (400, "login_failed")
    assert (other.name(), browser.name()) == (None, None)
    assert browser.back(back).status_code == 303
    assert code_of(browser.back(back)) == (400, "login_failed")
    assert code_of(browser.back("/auth/callback?state=x&code=" + "y" * 5000)) == (422, "invalid_request")


def test_another_logins_code_is_of_no_use(login_api: Api, provider: Provider, browser: Browser) -> None:
    """A code that was used, or that another browser's login was given, does not end this one (PKCE)."""
    used = browser.at_issuer(browser.begin())
    assert browser.back(used).status_code == 303
    stolen = query(Browser(login_api, provider).at_issuer(Browser(login_api, provider).begin()))["code"]
    for code in (query(used)["code"], stolen, "made up"):
        victim = Browser(login_api, provider)
        state = query(victim.begin())["state"]
        assert code_of(victim.back(f"/auth/callback?state={state}&code={code}")) == (400, "login_failed")
        assert victim.name() is None


def test_an_answer_of_another_issuer_is_not_taken(browser: Browser) -> None:
    """An answer that says it comes from elsewhere than the login was sent to is 400 (mix-up)."""
    back = browser.at_issuer(browser.begin())
    assert code_of(browser.back(back.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example")) == (
        400,
        "login_failed",
    )


def test_who_says_no_at_the_issuer_is_told_so(browser: Browser, provider: Provider) -> None:
    """A login that was refused there is 403; a browser gets a page with a way on, and nothing that the issuer wrote."""
    provider.says_no = True
    assert code_of(browser.back(browser.at_issuer(browser.begin()))) == (403, "login_denied")
    page = browser.back(browser.at_issuer(browser.begin()), Accept="text/html,*/*")
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'href="/auth/login"' in page.text
    assert "<b>" not in page.text


def test_a_login_does_not_adopt_a_session(login_api: Api, provider: Provider) -> None:
    """Whatever session cookie the browser had, it has a new one after the login, and the old session has ended."""
    browser = Browser(login_api, provider)
    browser.here.cookies.set(SESSION_COOKIE, "A" * 43, domain="127.0.0.1", path="/")
    browser.login()
    first = browser.here.get("/api/session").cookies[SESSION_COOKIE]
    browser.login()
    second = browser.here.get("/api/session").cookies[SESSION_COOKIE]
    assert len({"A" * 43, first, second}) == 3
    for old in ("A" * 43, first):
        assert (
            login_api.anybody({"Cookie": f"{SESSION_COOKIE}={old}"}).get("/api/session").json()["user"]
            is None
        )


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "evil.example",
    "",
    "/a\r\nSet-Cookie: a=b",
    "/é",
    "/" + "a" * 2000,
]


@pytest.mark.parametrize("path", ELSEWHERE, ids=repr)
def test_a_login_leads_to_no_other_site(browser: Browser, path: str) -> None:
    """What a browser might take for another site is refused before anybody is sent anywhere."""
    assert code_of(browser.here.get("/auth/login", params={"next": path})) == (422, "invalid_request")
    with pytest.raises(InvalidRequestError):
        local_path(path)


def test_pages_of_this_service_are_reached(browser: Browser) -> None:
    """A path with a query and a fragment is kept as it was."""
    for path in ("/", "/?job=a_b-C", "/viewer/x#y", "/%2F%2Fevil.example"):
        assert local_path(path) == path
        assert browser.login(path).headers["location"] == path


LET_IN = {
    "a named address": ({"email": "ann@EXAMPLE.org", "email_verified": True}, None),
    "a named domain": ({"email": "Bo@Rooms.example", "email_verified": True}, None),
    "an administrator": ({"email": "boss@example.org", "email_verified": True}, None),
    "not verified": ({"email": "ann@example.org", "email_verified": False}, "verified"),
    "nothing said of it": ({"email": "ann@example.org", "email_verified": None}, "verified"),
    "a strange word": ({"email": "ann@example.org", "email_verified": ["true"]}, "verified"),
    "no address": ({"email": None}, "verified"),
    "no address at all": ({"email": "rooms.example", "email_verified": True}, "verified"),
    "another address": ({"email": "eve@example.org", "email_verified": True}, "may not"),
    "another domain": ({"email": "eve@evil.example", "email_verified": True}, "may not"),
    "a domain below": ({"email": "eve@sub.rooms.example", "email_verified": True}, "may not"),
    "a domain that ends so": ({"email": "eve@notrooms.example", "email_verified": True}, "may not"),
    "a domain in the name": ({"email": "rooms.example@evil.example", "email_verified": True}, "may not"),
    "two domains": ({"email": "eve@rooms.example@evil.example", "email_verified": True}, "may not"),
}


@pytest.mark.parametrize("kind", LET_IN)
def test_only_guests_come_in(private_api: Api, provider: Provider, kind: str) -> None:
    """With a list of guests, whoever has no verified address on it is 403 ``login_refused``, and is no user here."""
    person, refusal = LET_IN[kind]
    browser = Browser(private_api, provider)
    answer = browser.login(sub=kind, name=kind, **person)
    if refusal is None:
        assert answer.status_code == 303
        assert browser.name() == kind
    else:
        assert code_of(answer) == (403, "login_refused")
        assert refusal in answer.json()["detail"]
        assert browser.name() is None
        assert Users(private_api.service.database.sessions).by_name(kind) is None


def test_logins_are_not_begun_by_flood(tmp_path: Path, started_provider: Provider) -> None:
    """One address begins only so many logins a minute: each is a row until it ends."""
    with running_api(tmp_path, **settings_for(started_provider, logins_per_minute=3)) as api:
        anybody = api.anybody()
        answers = [anybody.get("/auth/login") for _ in range(4)]
        assert {answer.status_code for answer in answers[:3]} == {303}
        assert code_of(answers[-1]) == (429, "too_many_logins")


def test_no_secret_of_a_login_is_logged(
    browser: Browser, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """State, code, cookies, the client's secret and what the issuer signed stand in no log, good login or bad."""
    caplog.set_level(logging.INFO)
    seen: list[str] = []

    def noted(issuer: Provider, claims: dict[str, Any]) -> str:
        seen.append(oidc_provider.signed(issuer, claims))
        return seen[-1]

    provider.sign = noted
    back = browser.at_issuer(browser.begin())
    assert browser.back(back).status_code == 303
    words = [CLIENT_SECRET, *query(back).values(), *browser.here.cookies.values(), *seen]
    words.remove(provider.address)
    provider.sign = oidc_provider.unsigned
    bad = browser.at_issuer(browser.begin())
    assert browser.back(bad).status_code == 400
    words += [query(bad)["code"], query(bad)["state"]]
    # the access log of uvicorn is off where the service runs, and httpx is the browser here
    ours = [
        f"{entry.name} {entry.getMessage()}"
        for entry in caplog.records
        if entry.name not in {"uvicorn.access", "httpx"}
    ]
    assert [word for word in words for line in ours if word in line] == []
    assert any("logged in" in line for line in ours)
