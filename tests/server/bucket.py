"""A server that speaks S3, for the tests: moto in a process of its own, and a door before it that a law may close."""

import contextlib
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Generator

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "us-east-1"


class Moto:
    """The server; what it holds is in its memory."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, "moto has ended"
            assert time.monotonic() < deadline, "moto does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def bucket(self) -> str:
        """A new and empty bucket; its name."""
        name = f"b{secrets.token_hex(6)}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")  # noqa: S310 - our own server
        urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 - the same
        return name

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class Door:
    """A port that passes everything on to a server while it is open; closed, nobody answers, as in a restart."""

    def __init__(self, port: int) -> None:
        """Args: ``port``: of the server behind."""
        self._behind = port
        self._listener: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self.port = 0
        self.open()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let everything through, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Break every connection and take no other."""
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for passing in list(self._passing):
            with contextlib.suppress(OSError):
                passing.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                return
            for reading, writing in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(reading, writing), daemon=True).start()

    def _pass(self, reading: socket.socket, writing: socket.socket) -> None:
        self._passing.add(reading)
        try:
            while data := reading.recv(1 << 16):
                writing.sendall(data)
        except OSError:
            pass
        finally:
            self._passing.discard(reading)
            for end in (reading, writing):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            reading.close()


@contextlib.contextmanager
def door_to(port: int) -> Generator[Door]:
    """A door until the block ends."""
    door = Door(port)
    try:
        yield door
    finally:
        door.close()
