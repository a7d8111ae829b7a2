"""A job's events as a stream of server-sent events: replayed from any id, alive by comments, ended with the job."""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator

import anyio
from anyio import CapacityLimiter, to_thread

from roomsplat.server.errors import JobNotFoundError
from roomsplat.server.jobs import Jobs
from roomsplat.server.problems import TooManyRequestsError
from roomsplat.server.records import EventRecord
from roomsplat.server.schemas import EventView

READERS = 8
"""Threads that look for new events, for all streams together: streams never take those of ordinary requests."""

BATCH = 200
"""Events read at once."""


class EventStreams:
    """All open streams of this process."""

    def __init__(self, jobs: Jobs, *, poll_seconds: float, comment_seconds: float, per_user: int) -> None:
        """Args: ``comment_seconds``: how long a line may be silent. ``per_user``: streams one user may have open."""
        self._jobs, self._poll_seconds, self._comment_seconds = jobs, poll_seconds, comment_seconds
        self._per_user = per_user
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = False
        self._readers: CapacityLimiter | None = None

    def stop(self) -> None:
        """End every stream at its next look, so that the service can stop; clients come back with Last-Event-ID."""
        self._stopping = True

    def refuse_many(self, user_id: str) -> None:
        """Call before answering with a stream.

        Raises:
            TooManyRequestsError: the user has as many streams open as one may have.
        """
        with self._lock:
            if self._open[user_id] >= self._per_user:
                raise TooManyRequestsError(5)

    @contextlib.contextmanager
    def _counted(self, user_id: str) -> Generator[None]:
        with self._lock:
            self._open[user_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[user_id] -= 1
                if not self._open[user_id]:
                    del self._open[user_id]

    async def look(self, job_id: str, owner_id: str, after: int) -> tuple[bool, list[EventRecord]]:
        """Whether the job has ended, and its events after this id.

        Raises:
            JobNotFoundError: there is no such job, or it is another owner's.
        """
        if self._readers is None:
            self._readers = CapacityLimiter(READERS)

        def read() -> tuple[bool, list[EventRecord]]:
            # In this order: a job's last event is written in the transaction that ends it.
            ended = self._jobs.get(job_id, owner_id).status.ended
            return ended, self._jobs.events(job_id, owner_id, after, BATCH)

        return await to_thread.run_sync(read, limiter=self._readers)

    async def stream(self, job_id: str, owner_id: str, after: int) -> AsyncGenerator[bytes]:
        """The events after this id as they happen, until the job has ended or is deleted."""
        with self._counted(owner_id):
            yield b"retry: 2000\n\n"
            told = time.monotonic()
            while not self._stopping:
                try:
                    ended, events = await self.look(job_id, owner_id, after)
                except JobNotFoundError:  # deleted while we watched
                    return
                if events:
                    after = events[-1].id
                    yield b"".join(message(event) for event in events)
                    told = time.monotonic()
                elif ended:
                    return
                elif time.monotonic() - told >= self._comment_seconds:
                    yield b": still here\n\n"
                    told = time.monotonic()
                if len(events) < BATCH and not ended:
                    await anyio.sleep(min(self._poll_seconds, self._comment_seconds))


def message(event: EventRecord) -> bytes:
    """One event on the wire; JSON holds no line breaks, so the data is one line."""
    data = EventView.of(event).model_dump(mode="json")
    kind = "".join(letter for letter in event.kind if letter.isalnum() or letter in "_-.") or "message"
    return f"id: {event.id}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n".encode()
