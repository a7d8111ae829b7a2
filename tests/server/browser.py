"""A service that trusts the issuer of the tests, and a browser that logs in there, one step at a time."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.server.api_server import TLS, Api
from tests.server.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider

CSRF = "X-CSRF-Token"
SESSION_COOKIE = "roomsplat_session"


GUESTS: dict[str, Any] = {
    "oidc_allowed_emails": ("Ann@example.org",),
    "oidc_allowed_domains": ("rooms.example",),
    "oidc_admins": ("boss@example.org",),
}
"""Who comes in where not everyone does."""


def settings_for(provider: Provider, **others: object) -> dict[str, Any]:
    """A service that trusts this issuer."""
    ours = {"auth": "oidc", "oidc_issuer": provider.address, "oidc_client_id": CLIENT_ID}
    return {**ours, "oidc_client_secret": CLIENT_SECRET, **others}


class Browser:
    """A browser with cookies of its own; it follows nothing by itself, so that a law can stand in between."""

    def __init__(self, api: Api, provider: Provider) -> None:
        self._provider = provider
        self.here = api.anybody()

    def begin(self, next_path: str = "/") -> str:
        """To the issuer's address."""
        answer = self.here.get("/auth/login", params={"next": next_path})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def at_issuer(self, address: str) -> str:
        """What the issuer sends the browser back to."""
        answer = httpx.get(address, trust_env=False, verify=TLS)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def back(self, address: str, **headers: str) -> httpx.Response:
        """Back at the service."""
        return self.here.get(address, headers=headers)

    def login(self, next_path: str = "/", **person: object) -> httpx.Response:
        """All three steps, as this person."""
        self._provider.person |= person
        answer = self.back(self.at_issuer(self.begin(next_path)))
        if answer.status_code == 303:
            self.here.headers[CSRF] = self.here.get("/api/session").json()["csrf"]
        return answer

    def name(self) -> str | None:
        """Who is logged in here."""
        user = self.here.get("/api/session").json()["user"]
        return user and user["name"]


def query(address: str) -> dict[str, str]:
    """What an address asks."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def key_of(client: httpx.Client) -> str:
    """The key that a client of the fixtures sends."""
    return client.headers["authorization"].removeprefix("Bearer ")


def logged_in(api: Api, client: httpx.Client) -> httpx.Client:
    """A browser that is logged in with this client's key, and sends the token with all it does."""
    browser = api.anybody()
    answer = browser.post("/api/session", json={"key": key_of(client)})
    assert answer.status_code == 201, answer.text
    browser.headers[CSRF] = answer.json()["csrf"]
    return browser
