"""A wish to stop that a signal handler may express.

``threading.Event`` will not do: a handler that sets it while the same thread waits for it waits for itself, for ever.
"""

import os
import select
from contextlib import suppress


class Stop:
    """Not wished for at first."""

    def __init__(self) -> None:
        """A pipe wakes whoever waits."""
        self._wished = False
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def set(self) -> None:
        """Wish it; safe in a signal handler and from another thread."""
        self._wished = True
        with suppress(BlockingIOError):
            os.write(self._in, b".")

    def is_set(self) -> bool:
        """Whether it was wished for."""
        return self._wished

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is wished for."""
        select.select([self._out], [], [], seconds)

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._in)
        os.close(self._out)
