"""Where messages may go: a web address that a user gave, resolved and checked so that it leads to no inner network."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from roomsplat.errors import RoomsplatError

MAX_URL = 2000
"""Letters of an address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to the numeric addresses behind them; raises ``OSError``."""

_PRINTABLE = re.compile(r"[!-~]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class RefusedAddressError(RoomsplatError):
    """A web address that the service sends nothing to."""

    code: ClassVar[str] = "webhook_refused"

    def __init__(self, why: str) -> None:
        """Args: ``why``: the end of a sentence that begins with the address, for who needs another sentence."""
        super().__init__(
            f"The webhook's address {why}.", hint="Give a public address such as https://example.org/hook."
        )
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A web address in its parts."""

    secure: bool
    host: str
    """Lower case, ASCII (IDNA); an IPv6 address without its brackets."""
    port: int
    path: str
    """With the query, never empty."""

    @property
    def host_header(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_target(url: str, *, allow_internal: bool) -> Target:
    """The address in its parts; ``http`` only where inner addresses are allowed.

    Raises:
        RefusedAddressError: it is no plain web address.
    """
    if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url):
        raise RefusedAddressError("is longer than 2,000 letters or holds others than plain ASCII")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except (ValueError, UnicodeError):
        raise RefusedAddressError("cannot be read") from None
    if parts.scheme not in ({"https", "http"} if allow_internal else {"https"}):
        raise RefusedAddressError("does not begin with https://")
    if not host or port == 0:
        raise RefusedAddressError("names no host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise RefusedAddressError("holds a user name, a password or a fragment")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure=secure, host=host, port=port or (443 if secure else 80), path=path)


def checked_addresses(target: Target, *, allow_internal: bool, resolve: Resolve | None = None) -> list[str]:
    """The numeric addresses of the target, all of them fit to be connected to: connect to these, not to the name.

    Raises:
        RefusedAddressError: the name has no address, or one of its addresses lies in an inner network.
    """
    try:
        found = list(dict.fromkeys((resolve or _resolve)(target.host, target.port)))
    except OSError:
        found = []
    if not found:
        raise RefusedAddressError(f"leads nowhere: {target.host} has no address")
    if not allow_internal:
        inner = [text for text in found if not is_public(text)]
        if inner:
            raise RefusedAddressError(f"leads to an inner network: {target.host} is {inner[0]}")
    return found


def is_public(text: str) -> bool:
    """Whether a numeric address, and every IPv4 address hidden in it, belongs to the public internet."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if hidden is None and (address in _NAT64 or address in _COMPATIBLE):
            hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if hidden is not None:
            return is_public(str(hidden))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _resolve(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
