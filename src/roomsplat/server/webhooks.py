"""Webhooks: who wants to be told at which address, and one signed message to it (standardwebhooks.com)."""

import asyncio
import base64
import json
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import delete, func, select
from standardwebhooks.webhooks import Webhook as Signer

from roomsplat._version import __version__
from roomsplat.errors import RoomsplatError
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import is_id, lock_user, new_id, utc_now
from roomsplat.server.models import Webhook
from roomsplat.server.outside import Resolve, Target, checked_addresses, parse_target

GONE = 410
"""The receiver's word that it wants no more messages."""


class WebhookNotFoundError(RoomsplatError):
    """There is no such webhook, or it is another user's."""

    code: ClassVar[str] = "webhook_not_found"

    def __init__(self) -> None:
        """The sentence is the same for both."""
        super().__init__("There is no such webhook.", hint="List your webhooks with GET /api/webhooks.")


class TooManyWebhooksError(RoomsplatError):
    """The user has as many webhooks as one user may have."""

    code: ClassVar[str] = "too_many_webhooks"


class UndeliveredError(Exception):
    """A message did not arrive; ``final`` when trying again is of no use."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        """Args: ``reason``: for the table of deliveries."""
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRecord:
    """An address that is told when a job of its owner ends."""

    id: str
    url: str
    created_at: datetime
    secret: str | None = None
    """Known when it is made, and to the sender; never shown again."""


class Webhooks:
    """The table of webhooks."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        limit: int = 10,
        allow_internal: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        """Args: ``limit``: webhooks of one user. ``allow_internal``: also loopback and private addresses."""
        self._sessions = sessions
        self._limit = limit
        self._allow_internal = allow_internal
        self._resolve = resolve

    def create(self, owner_id: str, url: str) -> WebhookRecord:
        """A new webhook, with its secret.

        Raises:
            RefusedAddressError: the address is not one that the service sends to.
            TooManyWebhooksError: the user has as many as one may have.
        """
        target = parse_target(url, allow_internal=self._allow_internal)
        checked_addresses(target, allow_internal=self._allow_internal, resolve=self._resolve)
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        row = Webhook(id=new_id(), owner_id=owner_id, url=url, secret=secret, created_at=utc_now())
        with writing(self._sessions) as session:
            lock_user(session, owner_id)
            query = select(func.count()).select_from(Webhook).where(Webhook.owner_id == owner_id)
            if (session.scalar(query) or 0) >= self._limit:
                raise TooManyWebhooksError(
                    f"You have {self._limit} webhooks already, as many as one user may have.",
                    hint="Delete one with DELETE /api/webhooks/{id}.",
                )
            session.add(row)
        return WebhookRecord(id=row.id, url=url, created_at=row.created_at, secret=secret)

    def list(self, owner_id: str) -> list[WebhookRecord]:
        """The user's webhooks, oldest first, without their secrets."""
        with reading(self._sessions) as session:
            query = select(Webhook).where(Webhook.owner_id == owner_id)
            rows = session.scalars(query.order_by(Webhook.created_at, Webhook.id))
            return [WebhookRecord(id=row.id, url=row.url, created_at=row.created_at) for row in rows]

    def delete(self, webhook_id: str, owner_id: str) -> None:
        """End a webhook; what was not delivered to it yet never will be.

        Raises:
            WebhookNotFoundError: there is none, or it is another user's.
        """
        if not is_id(webhook_id):
            raise WebhookNotFoundError
        with writing(self._sessions) as session:
            gone = delete(Webhook).where(Webhook.id == webhook_id, Webhook.owner_id == owner_id)
            if session.scalar(gone.returning(Webhook.id)) is None:
                raise WebhookNotFoundError

    def target_of(self, webhook_id: str) -> tuple[str, str] | None:
        """Address and secret, for the sender."""
        with reading(self._sessions) as session:
            row = session.get(Webhook, webhook_id)
            return None if row is None else (row.url, row.secret)

    def forget(self, webhook_id: str) -> None:
        """The receiver said that it wants no more messages."""
        with writing(self._sessions) as session:
            session.execute(delete(Webhook).where(Webhook.id == webhook_id))


def signed_request(
    target: Target, secret: str, *, message_id: str, body: dict[str, object], now: datetime
) -> bytes:
    """The whole HTTP request: a POST of JSON with the three headers of Standard Webhooks."""
    text = json.dumps(body, separators=(",", ":"))
    content = text.encode()
    moment = now.astimezone(UTC)
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        f"User-Agent: roomsplat/{__version__}",
        "Connection: close",
        f"webhook-id: {message_id}",
        f"webhook-timestamp: {int(moment.timestamp())}",
        f"webhook-signature: {Signer(secret).sign(message_id, moment, text)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content


async def post(
    target: Target, addresses: list[str], request: bytes, *, seconds: float, trust: ssl.SSLContext
) -> int:
    """Send the request to the first of the checked addresses that answers; the status of the answer.

    Redirects are not followed and the answer's body is not read. All of it takes at most ``seconds``.

    Raises:
        UndeliveredError: no answer, or none in HTTP.
    """
    trouble = "no address"
    try:
        async with asyncio.timeout(seconds):
            for address in addresses:
                try:
                    return await _post_to(address, target, request, trust)
                except (OSError, ValueError) as error:  # also TLS; a line without an end is a ValueError
                    trouble = f"{type(error).__name__}: {error}"
    except TimeoutError:
        trouble = f"no answer within {seconds:g} s"
    raise UndeliveredError(trouble[:500])


async def _post_to(address: str, target: Target, request: bytes, trust: ssl.SSLContext) -> int:
    reader, writer = await asyncio.open_connection(
        address,
        target.port,
        limit=8192,
        ssl=trust if target.secure else None,
        server_hostname=target.host if target.secure else None,  # the certificate is for the name
    )
    try:
        writer.write(request)
        await writer.drain()
        words = (await reader.readline()).split(maxsplit=2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise ValueError("the answer is not HTTP")
        return int(words[1])
    finally:
        writer.transport.abort()
