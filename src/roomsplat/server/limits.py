"""Requests a minute: one token bucket for each user, in this process."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from roomsplat.server.problems import TooManyRequestsError

MAX_BUCKETS = 10_000
"""Users remembered at once; the one that asked longest ago is forgotten first (its bucket is full again by then)."""


class RequestLimiter:
    """Lets each user make ``per_minute`` requests at once, and that many more each minute; 0 is no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: ``per_minute``: capacity and refill of each bucket. ``clock``: seconds, never going back."""
        self._capacity = float(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # user -> (tokens, when)

    def take(self, user_id: str) -> None:
        """Count one request of this user.

        Raises:
            TooManyRequestsError: the user's bucket is empty.
        """
        if self._capacity <= 0:
            return
        with self._lock:
            now = self._clock()
            tokens, when = self._buckets.pop(user_id, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - when) * self._capacity / 60)
            allowed = tokens >= 1
            self._buckets[user_id] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        if not allowed:
            raise TooManyRequestsError(max(1, math.ceil((1 - tokens) * 60 / self._capacity)))
