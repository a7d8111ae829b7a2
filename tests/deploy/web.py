"""A web server on this computer that hands out a video, well and badly."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """See ``serving``."""

    content = b""

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/to/"):
            self.lead_on(self.path.removeprefix("/to/"))
        elif self.path == "/loop":
            self.lead_on("/loop")
        elif self.path in {"/film", "/half"}:
            size = len(self.content)
            self.send(self.content if self.path == "/film" else self.content[: size // 2], size)
        elif self.path == "/endless":
            self.send(self.content * 100, None)
        else:
            self.send_error(404)

    def send(self, body: bytes, promised: int | None) -> None:
        """A body of which another length may be promised."""
        self.send_response(200)
        if promised is not None:
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)

    def lead_on(self, to: str) -> None:
        """A redirect."""
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


class Server(ThreadingHTTPServer):
    """One that says nothing about clients that hang up: they are what some laws are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing."""


@contextmanager
def serving(content: bytes, certificate: tuple[str, str] | None = None) -> Iterator[int]:
    """The port of a server with ``content`` under /film; with a certificate and its key it speaks TLS.

    ``/to/URL`` leads on to URL, ``/loop`` to itself, ``/half`` breaks off, ``/endless`` is ``content`` a hundred times
    without a word of its length.
    """
    server = Server(("127.0.0.1", 0), type("OurHandler", (Handler,), {"content": content}))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
