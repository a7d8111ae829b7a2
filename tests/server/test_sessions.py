"""Logging in with a key, staying logged in, logging out, and what other sites can make a browser do."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from roomsplat.server.keys import create_key, revoke_key
from roomsplat.server.logins import address_of
from tests.server.api_server import Api, code_of, running_api
from tests.server.browser import CSRF, key_of, logged_in


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with keys, where mistakes are not counted."""
    with running_api(tmp_path_factory.mktemp("storage"), failed_logins_per_minute=0) as running:
        yield running


def test_a_key_logs_a_browser_in(api: Api) -> None:
    """The answer of the login is that of asking; the cookie alone reads, with the token it writes, as its user."""
    browser = api.anybody()
    nobody = {"auth": "keys", "user": None, "csrf": None, "login_url": None}
    assert browser.get("/api/session").json() == nobody
    assert code_of(browser.get("/api/jobs")) == (401, "unauthorized")
    answer = browser.post("/api/session", json={"key": f" {key_of(api.ada)} "})
    assert answer.status_code == 201
    assert answer.json() == browser.get("/api/session").json()
    assert answer.json()["user"] == {"id": api.owner("ada"), "name": "ada"}
    job = api.job("ada")
    assert browser.get(f"/api/jobs/{job.id}").status_code == 200
    cancelled = browser.post(f"/api/jobs/{job.id}/cancel", headers={CSRF: answer.json()["csrf"]})
    assert cancelled.json()["status"] == "cancelled"


def test_the_cookie_is_out_of_reach(api: Api) -> None:
    """No script reads it, no other site's form sends it, no cache keeps it, and it ends when the session does."""
    answer = api.anybody().post("/api/session", json={"key": key_of(api.ada)})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert re.fullmatch(
        r"roomsplat_session=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax", cookie
    )
    assert answer.headers["cache-control"] == "no-store"


def test_over_tls_the_cookie_belongs_to_one_host(tmp_path: Path) -> None:
    """Where users come by https the cookie is Secure and has the prefix that keeps neighbours from setting it."""
    with running_api(tmp_path, public_url="https://splats.example") as api:
        answer = api.anybody().post("/api/session", json={"key": key_of(api.ada)})
        (cookie,) = answer.headers.get_list("set-cookie")
        assert re.fullmatch(
            r"__Host-roomsplat_session=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure",
            cookie,
        )
        plain = cookie.split(";")[0].removeprefix("__Host-")
        assert api.anybody({"Cookie": plain}).get("/api/session").json()["user"] is None
        assert api.anybody({"Cookie": f"__Host-{plain}"}).get("/api/session").json()["user"] is not None


def test_a_change_needs_the_token_of_its_own_session(api: Api) -> None:
    """Without the token, with a wrong one and with that of another session every kind of change is refused."""
    job = api.job("ada")
    browser, another = logged_in(api, api.ada), logged_in(api, api.bob)
    good = browser.headers.pop(CSRF)
    for said in (
        {},
        {CSRF: ""},
        {CSRF: "x"},
        {CSRF: "\xe9"},
        {CSRF: another.headers[CSRF]},
        {CSRF: good[:-1]},
    ):
        for method, path in (
            ("POST", f"/api/jobs/{job.id}/cancel"),
            ("POST", "/api/jobs/upload"),
            ("DELETE", f"/api/jobs/{job.id}"),
            ("POST", "/api/keys"),
            ("POST", "/api/webhooks"),
            ("DELETE", "/api/session"),
        ):
            headers = [(name, value.encode("latin-1")) for name, value in said.items()]
            answer = browser.request(method, path, headers=headers)
            assert code_of(answer) == (403, "csrf_failed"), (method, path, said)
    assert browser.get(f"/api/jobs/{job.id}").json()["status"] == "pending"
    assert browser.post(f"/api/jobs/{job.id}/cancel", headers={CSRF: good}).status_code == 200


def test_resumable_uploads_need_the_token_too(api: Api) -> None:
    """tus by cookie: each request that changes something carries the token."""
    browser = logged_in(api, api.ada)
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
    made = browser.post("/api/uploads", headers=tus)
    assert made.status_code == 201
    place = made.headers["location"]
    good = browser.headers.pop(CSRF)
    assert code_of(browser.post("/api/uploads", headers=tus)) == (403, "csrf_failed")
    assert code_of(browser.delete(place, headers=tus)) == (403, "csrf_failed")
    assert browser.head(place, headers=tus).status_code == 200
    assert browser.delete(place, headers={**tus, CSRF: good}).status_code == 204


def test_a_key_counts_before_a_cookie(api: Api) -> None:
    """A request with a key is that key's user without any token; a wrong key is not helped by a good cookie."""
    browser = logged_in(api, api.bob)
    del browser.headers[CSRF]
    key = {"X-API-Key": key_of(api.ada)}
    assert browser.get("/api/session", headers=key).json() == {
        "auth": "keys",
        "user": {"id": api.owner("ada"), "name": "ada"},
        "csrf": None,
        "login_url": None,
    }
    job = api.job("ada")
    assert browser.post(f"/api/jobs/{job.id}/cancel", headers=key).status_code == 200
    wrong = {"X-API-Key": "rsk_" + "A" * 43}
    assert code_of(browser.get("/api/jobs", headers=wrong)) == (401, "unauthorized")
    assert browser.get("/api/session", headers=wrong).json()["user"] is None


def test_a_cookie_is_useless_after_logout(api: Api) -> None:
    """Logging out ends the session in the service: the cookie, kept by whoever copied it, opens nothing."""
    browser = logged_in(api, api.ada)
    copied = api.anybody({"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())})
    assert copied.get("/api/jobs").status_code == 200
    assert browser.delete("/api/session").status_code == 204
    assert not browser.cookies
    assert code_of(copied.get("/api/jobs")) == (401, "unauthorized")
    assert copied.get("/api/session").json()["user"] is None
    assert api.anybody().delete("/api/session").status_code == 204
    assert api.ada.get("/api/jobs").status_code == 200


def test_a_planted_cookie_is_not_adopted(api: Api) -> None:
    """Whatever cookie a browser brings, logging in gives it a new one, and the old one opens nothing (fixation)."""
    planted = "A" * 43
    browser = api.anybody()
    browser.cookies.set("roomsplat_session", planted, domain="127.0.0.1", path="/")
    first = browser.post("/api/session", json={"key": key_of(api.ada)})
    one = first.cookies["roomsplat_session"]
    assert one != planted
    assert api.anybody({"Cookie": f"roomsplat_session={planted}"}).get("/api/session").json()["user"] is None
    again = api.anybody({"Cookie": f"roomsplat_session={one}"})
    two = again.post("/api/session", json={"key": key_of(api.ada)}).cookies["roomsplat_session"]
    assert two != one
    assert api.anybody({"Cookie": f"roomsplat_session={one}"}).get("/api/session").json()["user"] is None
    assert api.anybody({"Cookie": f"roomsplat_session={two}"}).get("/api/session").json()["user"] is not None


@pytest.mark.parametrize(
    "value", ["", "A" * 43, "A" * 42, "A" * 5000, "é" * 43, '"', "a=b=c", "%00"], ids=repr
)
def test_what_is_no_session_is_nobody(api: Api, value: str) -> None:
    """Any text as the cookie is nobody: 401 where somebody is needed, null where it is asked who."""
    headers = [("Cookie", f"roomsplat_session={value}".encode())]
    anybody = api.anybody()
    assert code_of(anybody.get("/api/jobs", headers=headers)) == (401, "unauthorized")
    assert anybody.get("/api/session", headers=headers).json()["user"] is None
    assert anybody.delete("/api/session", headers=headers).status_code == 204


def test_a_revoked_key_ends_the_logins_made_with_it(api: Api) -> None:
    """Who was logged in with the key is out at the next request; logins with other keys go on."""
    record, secret = create_key(api.service.database.sessions, "ada")
    one, other = logged_in(api, api.anybody({"Authorization": f"Bearer {secret}"})), logged_in(api, api.ada)
    assert one.get("/api/jobs").status_code == 200
    revoke_key(api.service.database.sessions, record.id)
    assert code_of(one.get("/api/jobs")) == (401, "unauthorized")
    assert other.get("/api/jobs").status_code == 200


def test_a_login_is_allowed_what_its_key_is(api: Api) -> None:
    """A key that may only read makes a login that may only read, and no key that may do more."""
    browser = logged_in(api, api.client("ada", scopes=("read",)))
    assert browser.get("/api/jobs").status_code == 200
    assert code_of(browser.post("/api/keys", json={})) == (403, "forbidden")
    admin = logged_in(api, api.client("root", scopes=("read", "write", "admin")))
    assert admin.get("/metrics").status_code == 200
    assert code_of(logged_in(api, api.ada).get("/metrics")) == (403, "forbidden")


@pytest.mark.parametrize(
    "body", [{}, {"key": 7}, {"key": "x" * 201}, {"key": "rsk_a", "user": "root"}, [], "rsk_"], ids=repr
)
def test_a_login_that_cannot_be_read_is_refused(api: Api, body: object) -> None:
    """A body that is not the described one is 422, and logs nobody in."""
    answer = api.anybody().post("/api/session", json=body)
    assert code_of(answer) == (422, "invalid_request")
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_log_a_browser_in(api: Api) -> None:
    """A page of another site may not make a browser its own user's (login CSRF)."""
    answer = api.anybody({"Origin": "https://evil.example"}).post(
        "/api/session", json={"key": key_of(api.ada)}
    )
    assert code_of(answer) == (403, "foreign_origin")
    assert "set-cookie" not in answer.headers


def test_keys_cannot_be_guessed_by_flood(tmp_path: Path) -> None:
    """After so many wrong keys a minute the address waits, even with a right one; right ones are not counted."""
    with running_api(tmp_path, failed_logins_per_minute=3) as api:
        anybody, key = api.anybody(), {"key": key_of(api.ada)}
        for _ in range(5):
            assert anybody.post("/api/session", json=key).status_code == 201
        for _ in range(3):
            wrong = anybody.post("/api/session", json={"key": "rsk_" + "A" * 43})
            assert code_of(wrong) == (401, "unauthorized")
        refused = anybody.post("/api/session", json=key)
        assert code_of(refused) == (429, "too_many_logins")
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert api.ada.get("/api/jobs").status_code == 200


def test_one_place_is_counted_once() -> None:
    """Addresses of version 6 are counted by the network that one customer has, those of version 4 each."""
    assert address_of("2001:db8::1") == address_of("2001:db8::ffff:2") != address_of("2001:db8:0:1::1")
    assert address_of("192.0.2.1") != address_of("192.0.2.2")
    assert address_of(None) == address_of("")


def test_without_keys_nobody_logs_in(tmp_path: Path) -> None:
    """The one user is told who they are and needs no token; a login is refused in one sentence."""
    with running_api(tmp_path, auth="none") as api:
        anybody = api.anybody()
        said = anybody.get("/api/session").json()
        assert (said["auth"], said["user"]["name"], said["csrf"], said["login_url"]) == (
            "none",
            "local",
            None,
            None,
        )
        assert code_of(anybody.post("/api/session", json={"key": "rsk_"})) == (409, "login_not_needed")
        assert anybody.delete("/api/session").status_code == 204
        assert code_of(anybody.get("/auth/login")) == (404, "not_found")
        assert code_of(anybody.get("/auth/callback?state=x&code=y")) == (404, "not_found")


def test_no_secret_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a key nor a cookie nor a token against forged requests stands in the log, whatever goes wrong."""
    caplog.set_level(logging.INFO)
    browser = logged_in(api, api.ada)
    api.anybody().post("/api/session", json={"key": "rsk_wrongwrongwrong"})
    browser.post("/api/keys", json={"scopes": 7})
    made = browser.post("/api/keys", json={}).json()["key"]
    words = [key_of(api.ada), browser.cookies["roomsplat_session"], browser.headers[CSRF], made, "rsk_wrong"]
    assert [word for word in words if word in caplog.text] == []
