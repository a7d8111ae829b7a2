"""Sends the news of ended jobs: takes what is due from the table, sends it, and notes what came of it."""

import asyncio
import logging
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from roomsplat.errors import RoomsplatError
from roomsplat.server.database import Sessions, reading, writing
from roomsplat.server.jobs_base import utc_now
from roomsplat.server.mail import job_message, send_mail
from roomsplat.server.models import Delivery
from roomsplat.server.outside import RefusedAddressError, Resolve, checked_addresses, parse_target
from roomsplat.server.settings import ServerSettings
from roomsplat.server.webhooks import GONE, UndeliveredError, Webhooks, post, signed_request

logger = logging.getLogger(__name__)

WAITS = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 28800.0, 28800.0)
"""Seconds before the second try, the third and so on: together 23.6 hours, then the message is given up."""

CLAIM_SECONDS = 120.0
"""A message that was taken and not reported on for so long is taken again: its sender is gone."""

AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A delivery as the sender needs it."""

    id: str
    channel: str
    target: str
    kind: str
    payload: dict[str, object]
    attempts: int
    """This one included."""
    created_at: datetime


class Outbox:
    """The table of deliveries."""

    def __init__(self, sessions: Sessions, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Args: ``clock``: now, with its zone; laws bring their own."""
        self._sessions = sessions
        self._clock = clock

    def take(self) -> list[Message]:
        """What is due; it counts as tried, and nobody else gets it while it is being sent."""
        now = self._clock()
        due = select(Delivery).where(Delivery.next_at <= now).order_by(Delivery.next_at).limit(AT_ONCE)
        with reading(self._sessions) as session:
            if session.scalar(due.with_only_columns(Delivery.id)) is None:
                return []  # the ordinary case takes no lock
        with writing(self._sessions) as session:
            rows = list(session.scalars(due.with_for_update(skip_locked=True)))
            for row in rows:
                row.attempts += 1
                row.next_at = now + timedelta(seconds=CLAIM_SECONDS)
            return [
                Message(
                    id=row.id,
                    channel=row.channel,
                    target=row.target,
                    kind=row.kind,
                    payload=dict(row.payload),
                    attempts=row.attempts,
                    created_at=row.created_at,
                )
                for row in rows
            ]

    def delivered(self, message: Message) -> None:
        """It arrived."""
        self._note(message, next_at=None, delivered_at=self._clock(), last_error=None)

    def undelivered(self, message: Message, error: UndeliveredError) -> None:
        """It did not: it is tried again later, or given up after a day or when that is of no use."""
        again = None
        if not error.final and message.attempts <= len(WAITS):
            # spread, so that the messages to a receiver that was down do not all come back at once
            wait = WAITS[message.attempts - 1] * random.uniform(0.9, 1.0)  # noqa: S311 - spreads load, guards nothing
            again = self._clock() + timedelta(seconds=wait)
        self._note(message, next_at=again, delivered_at=None, last_error=str(error))

    def _note(self, message: Message, **values: object) -> None:
        # a sender that was away for longer than its claim does not undo what another one noted
        same_try = (Delivery.id == message.id, Delivery.attempts == message.attempts)
        with writing(self._sessions) as session:
            session.execute(update(Delivery).where(*same_try).values(**values))


class Messenger:
    """Sends what is due until it is told to stop; one thread of the API's process."""

    def __init__(
        self,
        sessions: Sessions,
        settings: ServerSettings,
        *,
        public_url: str,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Args: ``public_url``: how users reach the service. ``trust``: which servers are believed."""
        self._settings = settings
        self._public_url = public_url.rstrip("/")
        self._outbox = Outbox(sessions)
        self._webhooks = Webhooks(sessions)
        self._resolve = resolve
        self._trust = trust or ssl.create_default_context()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="messenger", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being sent is finished first or, after a while, left to the next start."""
        self._stop.set()
        self._thread.join(self._settings.webhook_timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if asyncio.run(self.send_due()):
                    continue
            except RoomsplatError as error:
                logger.warning("messages wait: %s", error.message)
            except Exception:
                logger.exception("sending messages failed by a bug")
            self._stop.wait(self._settings.delivery_poll_seconds)

    async def send_due(self) -> int:
        """Send everything that is due; how many messages that was."""
        messages = await asyncio.to_thread(self._outbox.take)
        await asyncio.gather(*(self._send(message) for message in messages))
        return len(messages)

    async def _send(self, message: Message) -> None:
        try:
            match message.channel:
                case "webhook":
                    await self._send_webhook(message)
                case "mail":
                    await self._send_mail(message)
                case _:
                    raise AssertionError(f"no channel {message.channel}")
        except UndeliveredError as error:
            logger.warning("message %s (try %d) did not arrive: %s", message.id, message.attempts, error)
            await asyncio.to_thread(self._outbox.undelivered, message, error)
        else:
            await asyncio.to_thread(self._outbox.delivered, message)

    async def _send_webhook(self, message: Message) -> None:
        settings = self._settings
        found = await asyncio.to_thread(self._webhooks.target_of, message.target)
        if found is None:
            raise UndeliveredError("the webhook was deleted", final=True)
        url, secret = found
        allow = settings.webhook_allow_internal
        try:
            target = parse_target(url, allow_internal=allow)
            addresses = await asyncio.to_thread(
                checked_addresses, target, allow_internal=allow, resolve=self._resolve
            )
        except RefusedAddressError as error:
            raise UndeliveredError(error.message) from error  # a name's address may change for the better
        body: dict[str, object] = {
            "type": message.kind,
            "timestamp": message.created_at.isoformat(),
            "data": {**message.payload, "url": self._job_url(message)},
        }
        request = signed_request(target, secret, message_id=message.id, body=body, now=utc_now())
        status = await post(
            target, addresses, request, seconds=settings.webhook_timeout_seconds, trust=self._trust
        )
        if status == GONE:
            await asyncio.to_thread(self._webhooks.forget, message.target)
            raise UndeliveredError("the receiver wants no more (410)", final=True)
        if not 200 <= status < 300:
            raise UndeliveredError(f"the receiver answered {status}")

    async def _send_mail(self, message: Message) -> None:
        mail = job_message(
            self._settings,
            message.target,
            kind=message.kind,
            payload=message.payload,
            url=self._job_url(message),
            message_id=message.id,
        )
        await send_mail(self._settings, mail)

    def _job_url(self, message: Message) -> str:
        return f"{self._public_url}/api/jobs/{message.payload.get('job_id')}"
