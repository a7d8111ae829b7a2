"""Gets a video from a web address that a stranger gave, and from public addresses only (``server/outside.py``)."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from urllib.parse import urljoin

from roomsplat.errors import InputTooLargeError, RoomsplatError
from roomsplat.server.outside import RefusedAddressError, Resolve, Target, checked_addresses, parse_target

MAX_REDIRECTS = 5
BLOCK_BYTES = 1024 * 1024
SILENCE_SECONDS = 30.0
"""A server that sends nothing for so long is given up."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class VideoAddressError(RoomsplatError):
    """The address is none that a video is fetched from."""

    code: ClassVar[str] = "video_url_refused"


class DownloadError(RoomsplatError):
    """The video could not be fetched."""

    code: ClassVar[str] = "video_not_fetched"


class _Connection(http.client.HTTPConnection):
    """Goes to an address that was checked, whatever the name would lead to a moment later."""

    def __init__(self, target: Target, address: str, trust: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=SILENCE_SECONDS)
        self._target, self._address, self._trust = target, address, trust

    def connect(self) -> None:
        """Open the socket."""
        plain = socket.create_connection((self._address, self._target.port), SILENCE_SECONDS)
        try:
            # the certificate is for the name
            secure = self._target.secure
            self.sock = self._trust.wrap_socket(plain, server_hostname=self._target.host) if secure else plain
        except OSError:
            plain.close()
            raise


def fetch_video(
    url: str,
    place: Path,
    *,
    max_bytes: int,
    seconds: float,
    allow_internal: bool = False,
    resolve: Resolve | None = None,
    trust: ssl.SSLContext | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Write the video at ``url`` to ``place``. Every address on the way, after each redirect too, is checked.

    Args:
        url: where it is.
        place: where it goes.
        max_bytes: the largest video.
        seconds: how long all of it may take.
        allow_internal: also loopback and private addresses, and plain http: for an endpoint whose users are trusted.
        resolve: names to addresses; laws bring their own.
        trust: which servers are believed.
        stopped: whether nobody wants the video any more.

    Raises:
        VideoAddressError: the address is no public web address.
        DownloadError: no answer, another answer than the file, or only half of it.
        InputTooLargeError: more than ``max_bytes``.
    """
    until = time.monotonic() + seconds
    trust = trust or ssl.create_default_context()
    for _ in range(MAX_REDIRECTS + 1):
        connection, answer = _ask(url, allow_internal=allow_internal, resolve=resolve, trust=trust)
        try:
            onward = answer.getheader("Location") if answer.status in REDIRECTS else None
            if onward is None:
                _expect_a_file(answer, max_bytes)
                _save(answer, place, max_bytes=max_bytes, until=until, stopped=stopped)
                return
            url = urljoin(url, onward)
        finally:
            answer.close()
            connection.close()
    raise _failed(f"it leads on more than {MAX_REDIRECTS} times")


def _ask(
    url: str, *, allow_internal: bool, resolve: Resolve | None, trust: ssl.SSLContext
) -> tuple[_Connection, http.client.HTTPResponse]:
    try:
        target = parse_target(url, allow_internal=allow_internal)
        addresses = checked_addresses(target, allow_internal=allow_internal, resolve=resolve)
    except RefusedAddressError as error:
        raise VideoAddressError(
            f"The video's address {error.why}.", hint="Give a public address that begins with https://."
        ) from error
    trouble = "no address"
    for address in addresses:
        connection = _Connection(target, address, trust)
        try:
            connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", target.host_header)
            connection.putheader("User-Agent", "roomsplat")
            connection.putheader("Connection", "close")
            connection.endheaders()
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            trouble = type(error).__name__
    raise _failed(f"its server does not answer ({trouble})")


def _expect_a_file(answer: http.client.HTTPResponse, max_bytes: int) -> None:
    if answer.status != 200:
        raise _failed(f"its server answers with status {answer.status}")
    if answer.length is not None and answer.length > max_bytes:
        raise _too_large(max_bytes)


def _save(
    answer: http.client.HTTPResponse,
    place: Path,
    *,
    max_bytes: int,
    until: float,
    stopped: Callable[[], bool],
) -> None:
    size, promised = 0, answer.length
    with place.open("wb") as file:
        while block := _read(answer):
            size += len(block)
            if size > max_bytes:
                raise _too_large(max_bytes)
            if time.monotonic() > until:
                raise _failed("it comes too slowly")
            if stopped():
                raise _failed("nobody waits for it any more")
            file.write(block)
    if promised is not None and size < promised:
        raise _failed(f"its server sent {size} of {promised} bytes")


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read1(BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(f"the connection broke ({type(error).__name__})") from error


def _failed(why: str) -> DownloadError:
    return DownloadError(
        f"The video cannot be fetched: {why}.", hint="Open the address in a browser, then try again."
    )


def _too_large(max_bytes: int) -> InputTooLargeError:
    return InputTooLargeError(
        f"The video has more than {max_bytes} bytes, the most that this service takes.",
        hint="Film with a lower resolution, or cut the film.",
    )
