"""The description of logins is true where there is an issuer, and for a browser that sends a cookie."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.server.api_server import Api
from tests.server.browser import SESSION_COOKIE, Browser
from tests.server.oidc_provider import Provider
from tests.server.test_openapi import CHECKS

EXAMPLES = 15


def statuses(api: Api, browser: Browser, operation: Any) -> set[int]:
    """What this operation answers to whatever the description allows; each answer is as described."""
    cookies = {SESSION_COOKIE: browser.here.cookies[SESSION_COOKIE]}
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(
            base_url=api.address,
            headers=dict(browser.here.headers),
            cookies=cookies,
            timeout=20,
            allow_redirects=False,
        )
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    return seen


def test_schemathesis_finds_nothing_in_logins(login_api: Api, provider: Provider) -> None:
    """What the description allows of sessions, logins and keys is answered as it says, by cookie, never by a 5xx."""
    browser = Browser(login_api, provider)
    schema = schemathesis.openapi.from_dict(login_api.anybody().get("/openapi.json").json())
    seen: dict[str, set[int]] = {}
    for found in schema.include(path_regex="^/(auth|api/session|api/keys)").get_all_operations():
        operation = found.ok()
        assert browser.login().status_code == 303  # the last operation may have ended the session
        seen[operation.label] = statuses(login_api, browser, operation)
    assert set(seen) == {
        *("GET /api/session", "POST /api/session", "DELETE /api/session"),
        *("GET /api/keys", "POST /api/keys", "DELETE /api/keys/{prefix}"),
        *("GET /auth/login", "GET /auth/callback"),
    }
    assert 201 in seen["POST /api/keys"]
    assert 204 in seen["DELETE /api/session"]
    assert 401 in seen["POST /api/session"]
    assert 303 in seen["GET /auth/login"]
    assert 400 in seen["GET /auth/callback"]
