"""Logins by an issuer that users know already (OpenID Connect); the one file that talks to authlib.

The code flow with PKCE: the browser fetches a code from the issuer, we exchange it for a signed statement of who came.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key
from joserfc.jws import JWSRegistry

from roomsplat.errors import RoomsplatError

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that need the issuer's private key. ``none`` and those by a shared secret are never taken: with them a
token could be signed by whoever knows the issuer's public key."""

TIMEOUT_SECONDS = 10.0
DESCRIPTION_SECONDS = 3600.0
"""How long the issuer's description of itself and its keys are taken from memory."""
SILENCE_SECONDS = 5.0
"""An issuer that did not answer is not asked again so soon: logins must not pile up behind it."""
LEEWAY_SECONDS = 60
"""By how much our clock and the issuer's may differ."""


class LoginFailedError(RoomsplatError):
    """This login was not begun here, was begun too long ago, or what came of it cannot be trusted."""

    code: ClassVar[str] = "login_failed"

    def __init__(self, why: str) -> None:
        """Args: ``why``: a sentence."""
        super().__init__(
            why, hint="Begin the login again; it must end in the same browser within ten minutes."
        )


class LoginUnavailableError(RoomsplatError):
    """The issuer of logins cannot be asked."""

    code: ClassVar[str] = "login_unavailable"

    def __init__(self) -> None:
        """No arguments."""
        super().__init__(
            "The server that knows who you are does not answer.",
            hint="Try again in a minute; if it stays so, tell whoever runs this service.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the issuer knows us by."""

    issuer: str
    client_id: str
    secret: str | None
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What a login was begun with, known to us alone (``nonce`` is what the issuer signs)."""

    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, in the issuer's words."""

    issuer: str
    subject: str
    name: str
    email: str | None
    """Only if the issuer has verified it."""


class Issuer:
    """The issuer of logins."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``client``: who we are there. ``clock``: seconds, never going back."""
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Mapping[str, Any], float]] = {}  # address -> (what it said, until when)
        self._silent_until = float("-inf")
        self._authorities = httpx2.create_ssl_context()  # read once: it takes longer than a whole login

    def address(self, secrets: Secrets, state: str, redirect_uri: str) -> str:
        """Where to send the browser.

        Raises:
            LoginUnavailableError: the issuer does not answer.
        """
        about = self._about()
        with self._session(about, redirect_uri) as session:
            address, _ = session.create_authorization_url(
                about["authorization_endpoint"],
                state=state,
                nonce=secrets.nonce,
                code_verifier=secrets.verifier,
            )
        return str(address)

    def person(self, code: str, secrets: Secrets, redirect_uri: str, named_issuer: str | None) -> Person:
        """Who came back with this code. ``named_issuer``: the issuer that the browser says it comes from (RFC 9207).

        Raises:
            LoginFailedError: the code or what the issuer says about it is no good.
            LoginUnavailableError: the issuer does not answer.
        """
        about = self._about()
        named = named_issuer or about.get("authorization_response_iss_parameter_supported") is True
        if named and named_issuer != self._client.issuer:
            raise LoginFailedError("The login came back from another issuer than it was sent to.")
        with self._session(about, redirect_uri) as session:
            try:
                token = session.fetch_token(
                    about["token_endpoint"], code=code, code_verifier=secrets.verifier
                )
                claims = self._claims(token, secrets.nonce, about)
                if "email" not in claims and "userinfo_endpoint" in about:
                    claims = self._more(session, about, claims)
            except OAuthError as error:
                raise _refused(str(error.error)) from error
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                raise _unavailable(error) from error
        return self._person(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        email = str(claims.get("email") or "")
        verified = "@" in email and claims.get("email_verified") in (True, "true")
        return Person(
            issuer=self._client.issuer,
            subject=str(claims["sub"]),
            name=str(claims.get("name") or email or "user"),
            email=email if verified else None,
        )

    def _claims(self, token: Mapping[str, Any], nonce: str, about: Mapping[str, Any]) -> dict[str, Any]:
        """What the signed statement says, once everything about it was checked."""
        signed = token.get("id_token")
        if not isinstance(signed, str):
            raise LoginFailedError("The issuer did not say who you are.")
        offered = about.get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [name for name in ALGORITHMS if name in offered]
        expected = {
            "iss": {"essential": True, "value": self._client.issuer},
            "aud": {"essential": True, "value": self._client.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        about_us = {
            "nonce": nonce,
            "client_id": self._client.client_id,
            "access_token": token.get("access_token"),
        }
        try:
            read = self._read(signed, allowed, about)
            claims = cast("Any", CodeIDToken)(read.claims, read.header, expected, about_us)
            claims.validate(leeway=LEEWAY_SECONDS)
        except JoseError as error:
            logger.warning("a login failed: the statement of the issuer is no good (%s)", error)
            raise LoginFailedError("What the issuer says about you cannot be trusted.") from error
        if not 0 < len(str(claims["sub"])) <= 255:  # the standard's limit, the column's length
            raise LoginFailedError("The issuer's name for you is too long.")
        return dict(claims)

    def _read(self, signed: str, allowed: list[str], about: Mapping[str, Any]) -> jwt.Token:
        """The statement with its signature checked; with fresh keys when those in memory do not fit."""
        registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
        address = str(about["jwks_uri"])
        try:
            return jwt.decode(signed, _keys(self._fetch(address)), registry=registry)
        except JoseError:
            with self._lock:
                self._known.pop(address, None)
            return jwt.decode(signed, _keys(self._fetch(address)), registry=registry)

    def _more(self, session: Any, about: Mapping[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        """The claims with what the issuer tells only when asked (some keep name and e-mail for that)."""
        answer = session.get(about["userinfo_endpoint"])
        answer.raise_for_status()
        told = answer.json()
        if not isinstance(told, dict) or cast("dict[str, Any]", told).get("sub") != claims["sub"]:
            raise LoginFailedError("The issuer speaks of two different people.")
        return {**cast("dict[str, Any]", told), **claims}

    def _about(self) -> Mapping[str, Any]:
        """The issuer's description of itself, with the addresses that we need checked."""
        about = self._fetch(self._client.issuer.rstrip("/") + "/.well-known/openid-configuration")
        scheme = urlsplit(self._client.issuer).scheme
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        optional = ("userinfo_endpoint",) if "userinfo_endpoint" in about else ()
        right = about.get("issuer") == self._client.issuer and all(
            urlsplit(str(about.get(name, ""))).scheme in {scheme, "https"} for name in (*needed, *optional)
        )
        if not right:
            logger.error("the description of the issuer is not one of %s", self._client.issuer)
            raise LoginUnavailableError
        return about

    def _fetch(self, address: str) -> Mapping[str, Any]:
        with self._lock:
            now = self._clock()
            said, until = self._known.get(address, ({}, now))
            if until > now:
                return said
            if self._silent_until > now:
                raise LoginUnavailableError
            try:
                answer = httpx2.get(address, timeout=TIMEOUT_SECONDS, verify=self._authorities)
                answer.raise_for_status()
                said = answer.json()
                if not isinstance(said, dict):
                    raise ValueError("no JSON object")  # noqa: TRY004, TRY301 - what the issuer sent, as any other nonsense
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                self._silent_until = self._clock() + SILENCE_SECONDS
                raise _unavailable(error) from error
            self._known[address] = (cast("dict[str, Any]", said), now + DESCRIPTION_SECONDS)
            return self._known[address][0]

    def _session(self, about: Mapping[str, Any], redirect_uri: str) -> Any:
        offered = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return cast("Any", OAuth2Client)(
            self._client.client_id,
            self._client.secret,
            token_endpoint_auth_method=method if self._client.secret else "none",
            scope=self._client.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            verify=self._authorities,
        )


def _keys(said: Mapping[str, Any]) -> KeySet:
    """The issuer's keys; those of kinds that we do not know are left out."""
    keys: list[Key] = []
    for key in cast("list[Any]", said.get("keys") or []):
        with contextlib.suppress(JoseError, ValueError, KeyError, TypeError, AttributeError):
            keys.append(import_key(key))
    return KeySet(keys)


def _unavailable(error: Exception) -> LoginUnavailableError:
    logger.error("the issuer of logins does not answer: %s", type(error).__name__)
    return LoginUnavailableError()


def _refused(code: str) -> RoomsplatError:
    """The issuer does not take the code, or does not take us."""
    if code == "invalid_grant":
        return LoginFailedError("The issuer does not know this login, or it was used already.")
    logger.error("the issuer of logins refuses this service: %s", code)
    return LoginUnavailableError()
