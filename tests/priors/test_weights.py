"""Weights: the published file or one sentence."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from roomsplat.errors import OutputError, WeightsError
from roomsplat.priors.weights import WEIGHTS, Weights, weights_path

CONTENT = bytes(range(256)) * 5000
ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT"}


def entry(*urls: str, content: bytes = CONTENT) -> Weights:
    """A catalogue entry for ``content`` at these addresses."""
    return Weights(
        file="net.pth",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        urls=urls or ("http://a/net.pth",),
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where fetched files go."""
    monkeypatch.delenv("ROOMSPLAT_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "roomsplat" / "weights"


class Hub:
    """A real server on this machine; what it sends at each path is set by the test."""

    def __init__(self) -> None:
        """Start it."""
        self.asked: list[str] = []
        self.pages: dict[str, tuple[bytes, int]] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                body, length = hub.pages.get(self.path, (b"", -1))
                self.send_response(200 if length >= 0 else 404)
                self.send_header("Content-Length", str(max(length, 0)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def page(self, path: str, body: bytes, length: int | None = None) -> str:
        """Send ``body`` at ``path`` and claim ``length`` bytes; its address."""
        self.pages[path] = (body, len(body) if length is None else length)
        return f"http://127.0.0.1:{self.server.server_port}{path}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Stopped and gone after the test."""
    one = Hub()
    yield one
    one.server.shutdown()
    one.server.server_close()
    one.thread.join()


def test_the_catalogue_holds_pinned_files_that_anybody_may_use() -> None:
    """Each file has a full hash, a permissive licence and encrypted addresses, the first of them pinned.

    A commit, a release, or the beginning of the hash in the file's name pins it.
    """
    assert {"aliked", "disk", "xfeat", "depth-anything-v2-small"} < set(WEIGHTS)
    for weights in WEIGHTS.values():
        assert re.fullmatch(r"[0-9a-f]{64}", weights.sha256)
        assert weights.licence in ALLOWED
        assert weights.urls
        assert all(url.startswith("https://") for url in weights.urls)
        pins = rf"/[0-9a-f]{{40}}/|/releases/download/v|-{weights.sha256[:8]}\.pth$"
        assert re.search(pins, weights.urls[0])
    assert (
        len({w.file for w in WEIGHTS.values()}) == len({w.sha256 for w in WEIGHTS.values()}) == len(WEIGHTS)
    )


def test_the_page_lists_every_file_with_its_licence() -> None:
    """docs/learned-help.md names each file of the catalogue beside its licence."""
    page = (Path(__file__).parents[2] / "docs" / "learned-help.md").read_text("utf-8")
    for name, weights in WEIGHTS.items():
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        assert f"`{weights.file}`" in line
        assert line.endswith(f"| {weights.licence} |")


def test_a_folder_of_weights_is_the_only_source(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ROOMSPLAT_WEIGHTS set the file there is taken, and where there is none nothing is fetched."""
    monkeypatch.setenv("ROOMSPLAT_WEIGHTS", str(tmp_path))
    weights = entry(hub.page("/net.pth", CONTENT))
    with pytest.raises(WeightsError, match=r"net\.pth is not in") as refused:
        weights_path(weights)
    assert weights.urls[0] in refused.value.hint
    (tmp_path / "net.pth").write_bytes(CONTENT)
    assert weights_path(weights) == tmp_path / "net.pth"
    (tmp_path / "net.pth").write_bytes(CONTENT[1:])
    with pytest.raises(WeightsError, match="is not the published file"):
        weights_path(weights)
    assert hub.asked == []


def test_a_file_is_fetched_once(cache: Path, hub: Hub) -> None:
    """The first call fetches into the cache, the second one asks nobody."""
    weights = entry(hub.page("/net.pth", CONTENT))
    assert weights_path(weights) == cache / "net.pth"
    assert (cache / "net.pth").read_bytes() == CONTENT
    assert weights_path(weights) == cache / "net.pth"
    assert hub.asked == ["/net.pth"]


def test_who_only_looks_fetches_nothing(cache: Path, hub: Hub) -> None:
    """Without leave to fetch, a file that is not here is told and nobody is asked; one that is here is taken."""
    weights = entry(hub.page("/net.pth", CONTENT))
    with pytest.raises(WeightsError, match=r"net\.pth was not fetched yet"):
        weights_path(weights, fetch=False)
    assert hub.asked == []
    weights_path(weights)
    assert weights_path(weights, fetch=False) == cache / "net.pth"


def test_the_second_address_helps(cache: Path, hub: Hub) -> None:
    """A first address that has nothing, or something else, does not matter."""
    good = hub.page("/good", CONTENT)
    missing, other = good.replace("/good", "/missing"), hub.page("/other", b"another file")
    assert weights_path(entry(missing, other, good)).read_bytes() == CONTENT
    assert hub.asked == ["/missing", "/other", "/good"]
    assert [path.name for path in cache.iterdir()] == ["net.pth"]


Broken = Callable[[Hub], tuple[str, str]]
BROKEN: dict[str, Broken] = {
    "not there": lambda hub: (hub.page("/a", b"", -1), "Not Found"),
    "another file": lambda hub: (hub.page("/a", CONTENT + b"!"), "another file"),
    "cut off": lambda hub: (hub.page("/a", CONTENT[:-1], len(CONTENT)), "another file"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_transfer_leaves_nothing(kind: str, cache: Path, hub: Hub) -> None:
    """Whatever comes that is not the file ends in one sentence with the reason, and nothing stays in the cache."""
    url, reason = BROKEN[kind](hub)
    with pytest.raises(WeightsError, match=reason) as refused:
        weights_path(entry(url))
    assert "ROOMSPLAT_WEIGHTS" in refused.value.hint
    assert list(cache.iterdir()) == []


def test_without_a_connection_it_says_so(cache: Path, hub: Hub) -> None:
    """An address where nobody answers is named, with what to do."""
    url = hub.page("/a", CONTENT)
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(WeightsError, match=r"net\.pth could not be fetched \(127\.0\.0\.1"):
        weights_path(entry(url))
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_full_disk_is_told_before_it_is_full(cache: Path, hub: Hub) -> None:
    """A file that is larger than the space left is not begun."""
    url = hub.page("/a", CONTENT, 10**18)
    with pytest.raises(OutputError, match="No space left"):
        weights_path(entry(url))
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_told(cache: Path, hub: Hub) -> None:
    """A file in the place of the cache's folder ends in one sentence."""
    cache.parent.write_bytes(b"")
    with pytest.raises(OutputError, match="could not be written"):
        weights_path(entry(hub.page("/a", CONTENT)))
