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
        wait = self.wait(user_id)
        if wait:
            raise TooManyRequestsError(wait)

    def wait(self, name: str) -> int:
        """Count one request of whoever has this name; whole seconds until it is answered, 0 for now."""
        if self._capacity <= 0:
            return 0
        with self._lock:
            now = self._clock()
            tokens, when = self._buckets.pop(name, (self._capacity, now))
            tokens = min(self._capacity, tokens + (now - when) * self._capacity / 60)
            allowed = tokens >= 1
            self._buckets[name] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - tokens) * 60 / self._capacity))

    def give_back(self, name: str) -> None:
        """A request that was counted and need not be."""
        with self._lock:
            if name in self._buckets:
                tokens, when = self._buckets[name]
                self._buckets[name] = (min(self._capacity, tokens + 1), when)
