"""Fetching a stranger's video: from public addresses only, whole or not at all."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.runpod import fetch
from deploy.runpod.fetch import fetch_video
from roomsplat.errors import RoomsplatError
from tests.deploy.web import serving

CONTENT = bytes(range(256)) * 400
PUBLIC = "93.184.216.34"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server without TLS."""
    with serving(CONTENT) as port:
        yield port


def refusal(url: str, place: Path, *, max_bytes: int = 1_000_000, allow_internal: bool = True) -> str:
    """The code with which fetching ends."""
    with pytest.raises(RoomsplatError) as caught:
        fetch_video(url, place, max_bytes=max_bytes, seconds=30, allow_internal=allow_internal)
    assert caught.value.message.startswith("The video")
    return caught.value.code


def test_a_video_arrives_as_it_is(port: int, tmp_path: Path) -> None:
    """Byte for byte, also after it was led on; and one of exactly the largest size is taken."""
    for path in ("/film", "/to//film", f"/to/http://localhost:{port}/film"):
        fetch_video(
            f"http://127.0.0.1:{port}{path}",
            tmp_path / "video",
            max_bytes=len(CONTENT),
            seconds=30,
            allow_internal=True,
        )
        assert (tmp_path / "video").read_bytes() == CONTENT


def test_what_is_no_whole_video_says_why(port: int, tmp_path: Path) -> None:
    """A wrong status, a circle, half a file, too much by its word or in fact, no server: each has its code."""
    base, place = f"http://127.0.0.1:{port}", tmp_path / "video"
    for path in ("/nothing", "/loop", "/half"):
        assert refusal(base + path, place) == "video_not_fetched"
    for path in ("/film", "/endless"):
        assert refusal(base + path, place, max_bytes=len(CONTENT) - 1) == "input_too_large"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert refusal(f"http://127.0.0.1:{free.getsockname()[1]}/", place) == "video_not_fetched"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/film.mp4",
        "https://127.0.0.1/film.mp4",
        "https://localhost/film.mp4",
        "https://[::1]/film.mp4",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/film.mp4",
        "file:///etc/passwd",
        "https://user:word@example.org/film.mp4",
        "https://",
        "no address",
    ],
)
def test_inner_and_strange_addresses_are_refused(url: str, tmp_path: Path) -> None:
    """Nothing is asked of loopback, private and link-local addresses, nor without TLS."""
    assert refusal(url, tmp_path / "video", allow_internal=False) == "video_url_refused"
    assert not (tmp_path / "video").exists()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_every_hop_is_checked_and_the_checked_address_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public server that leads on to an inner address gets no further, and TLS is checked against the name."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subject = ["-subj", "/CN=film.example", "-addext", "subjectAltName=DNS:film.example"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, *subject, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=certificate)
    dialled: list[str] = []
    with serving(CONTENT, (certificate, key)) as port:
        real = socket.create_connection

        def dial(address: tuple[str, int], timeout: float) -> socket.socket:
            """The public internet, as far as this law needs it."""
            dialled.append(address[0])
            return real(("127.0.0.1", port), timeout)

        monkeypatch.setattr(fetch.socket, "create_connection", dial)

        def attempt(url: str) -> None:
            fetch_video(
                url,
                tmp_path / "video",
                max_bytes=10**6,
                seconds=30,
                resolve=lambda host, _port: [PUBLIC] if host.endswith(".example") else [host],
                trust=trust,
            )

        attempt("https://film.example/film")
        assert (tmp_path / "video").read_bytes() == CONTENT
        for inner in ("https://127.0.0.1/film", "http://film.example/film", "https://10.0.0.8/"):
            with pytest.raises(fetch.VideoAddressError):
                attempt(f"https://film.example/to/{inner}")
        with pytest.raises(fetch.DownloadError, match="SSLCertVerificationError"):
            attempt("https://other.example/film")
    assert set(dialled) == {PUBLIC}
