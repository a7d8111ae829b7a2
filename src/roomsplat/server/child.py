"""One run of the pipeline as a process group that ends whole, and that cannot outlive the worker's lease."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from roomsplat.server.warden import DEADLINE

MAX_LINE_BYTES = 1 << 20
"""An event is a few hundred bytes; what never ends is no event."""


class PipelineChild:
    """A command that tells its progress as JSON lines, under a warden (``warden.py``)."""

    def __init__(self, command: Sequence[str], *, until: float, log: Path) -> None:
        """Start it. ``until``: a moment of ``time.monotonic()``; ``log`` takes what it writes to standard error."""
        # -P: a random.py where the worker stands must not be taken for Python's own
        warden = [sys.executable, "-P", "-m", "roomsplat.server.warden", str(until), *command]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own module and the operator's command
                warden,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                bufsize=0,
            )
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._rest = b""

    @property
    def group(self) -> int:
        """The number of the process group."""
        return self._process.pid

    def extend(self, until: float) -> None:
        """Let it live until this moment of ``time.monotonic()``."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has just ended; ``ended`` tells
            self._process.stdin.write(DEADLINE.pack(until))

    def events(self, wait: float) -> list[dict[str, Any]]:
        """What it told since the last call, after at most ``wait`` seconds for something to arrive."""
        if not self._selector.get_map():  # its output is closed: nothing will come
            time.sleep(min(wait, 0.02))
            return []
        if not self._selector.select(wait):
            return []
        arrived = os.read(self._output, 1 << 16)
        if not arrived:
            self._selector.unregister(self._output)
        *lines, self._rest = (self._rest + arrived).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest = b""
        return [event for line in lines if (event := _parse(line)) is not None]

    def interrupt(self) -> None:
        """Ask it to save what it has and to end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def ended(self) -> int | None:
        """How the command ended: its exit code, 128 and more for a signal; ``None`` while it runs.

        An ended command with output that was not read yet counts as running.
        """
        if self._selector.get_map() and self._selector.select(0):
            return None
        if self._process.returncode is None:
            if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            self.kill()  # whoever the command left behind; its number is not given anew before we have waited
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """Kill the whole group and wait until its leader is gone."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Kill what is left and give everything back."""
        self.kill()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _parse(line: bytes) -> dict[str, Any] | None:
    """The event, or ``None`` for a line that is none (a library may print to standard output)."""
    try:
        content: object = json.loads(line)
    except ValueError:
        return None
    if not isinstance(content, dict) or not isinstance(cast("dict[str, Any]", content).get("event"), str):
        return None
    return cast("dict[str, Any]", content)
