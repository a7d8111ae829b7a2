"""An issuer of logins (OpenID Connect) on a port of its own, which keeps to the standard unless it is told to cheat."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "roomsplat"
CLIENT_SECRET = "kept between the two"  # noqa: S105 - of this issuer only

Claims = dict[str, Any]
Sign = Callable[["Provider", Claims], str]


class Provider:
    """The issuer: whom it knows, what it was asked, and how it cheats."""

    def __init__(self, key: RSAKey) -> None:
        """Args: ``key``: signs the statements."""
        self.key = key
        self.address = ""
        self.person: Claims = {}
        """Who sits at the browser; ``None`` as a value leaves the claim out."""
        self.userinfo: Claims | None = None
        """What is told only when asked."""
        self.sign: Sign = signed
        self.says_no = False
        self.method = "client_secret_basic"
        self.changed: Claims = {}
        """Of the description of itself."""
        self.asked: list[str] = []
        """The requests of the service."""
        self._codes: dict[str, Claims] = {}

    def reset(self) -> None:
        """Honest again, with Ada at the browser."""
        self.person = {"sub": "ada-1", "name": "Ada", "email": "ada@example.org", "email_verified": True}
        self.userinfo, self.sign, self.says_no = None, signed, False
        self.method, self.changed = "client_secret_basic", {}
        self.asked.clear()

    def app(self) -> Starlette:
        """The four addresses of the standard."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._tell),
                Route("/jwks", self._jwks),
            ]
        )

    def _describe(self, _request: Request) -> Response:
        self.asked.append("description")
        addresses = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/jwks",
            "userinfo_endpoint": "/userinfo",
        }
        return JSONResponse(
            {
                "issuer": self.address,
                **{name: self.address + path for name, path in addresses.items()},
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "token_endpoint_auth_methods_supported": [self.method],
                "code_challenge_methods_supported": ["S256"],
                **self.changed,
            }
        )

    def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        back = {"state": asked["state"]}
        if self.says_no:
            back |= {"error": "access_denied", "error_description": "<b>no</b>"}
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            back |= {"code": code, "iss": self.address}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.asked.append("token")
        if not self._is_client(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or encoded(digest) != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        about = {"iss": self.address, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**about, **self.person}.items() if value is not None}
        return JSONResponse(
            {"access_token": "for userinfo", "token_type": "Bearer", "id_token": self.sign(self, claims)}
        )

    def _is_client(self, request: Request, form: Claims) -> bool:
        match self.method:
            case "client_secret_basic":
                word = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
                return request.headers.get("authorization") == f"Basic {word}"
            case "client_secret_post":
                return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
            case _:
                return form.get("client_id") == CLIENT_ID and "client_secret" not in form

    def _tell(self, request: Request) -> Response:
        self.asked.append("userinfo")
        assert request.headers["authorization"] == "Bearer for userinfo"
        return JSONResponse(self.userinfo or {"sub": self.person["sub"]})

    def _jwks(self, _request: Request) -> Response:
        self.asked.append("keys")
        strange = {"kty": "of the year 2040", "kid": "strange"}
        return JSONResponse({"keys": [strange, self.key.as_dict(private=False)]})


def new_key(kid: str = "first") -> RSAKey:
    """A key to sign with."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def signed(provider: Provider, claims: Claims) -> str:
    """As the standard wants it."""
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, provider.key)


def by(key: RSAKey) -> Sign:
    """By another key than the issuer publishes, under the name of the published one."""
    return lambda provider, claims: jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, key)


def unsigned(_provider: Provider, claims: Claims) -> str:
    """By nobody (alg none)."""
    return f"{encoded(dumped({'alg': 'none'}))}.{encoded(dumped(claims))}."


def by_the_public_key(provider: Provider, claims: Claims) -> str:
    """By the public key as if it were a shared secret (HS256): anybody can do that."""
    head = dumped({"alg": "HS256", "kid": provider.key.kid})
    said = f"{encoded(head)}.{encoded(dumped(claims))}"
    shared = provider.key.as_pem(private=False)
    return f"{said}.{encoded(hmac.digest(shared, said.encode(), 'sha256'))}"


def with_claims(**changed: Any) -> Sign:
    """Signed well, with other claims; ``None`` leaves one out."""

    def sign(provider: Provider, claims: Claims) -> str:
        said = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return signed(provider, said)

    return sign


def dumped(claims: Claims) -> bytes:
    """As JSON."""
    return json.dumps(claims).encode()


def encoded(data: bytes) -> str:
    """As the standard writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextlib.contextmanager
def running_provider() -> Generator[Provider]:
    """The issuer until the block ends."""
    provider = Provider(new_key())
    provider.reset()
    server = uvicorn.Server(uvicorn.Config(provider.app(), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the issuer did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        provider.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield provider
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the issuer did not stop"
