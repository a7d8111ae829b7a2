"""The built page, as files that are answered."""

import gzip
import hashlib
from pathlib import Path

import pytest

from roomsplat.page.site import POLICY, Site, light_viewer

SCRIPT = b"console.log('a room');\n" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page with one script, one picture and things that are not for browsers."""
    files = {
        "index.html": b"<!doctype html><title>page</title>",
        "assets/main-a1b2.js": SCRIPT,
        "assets/room.png": b"\x89PNG",
        "light/viewer.js": b"globalThis.roomsplatViewer = 1;",
        ".vite/manifest.json": b"{}",
        "notes.md": b"private",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_only_files_for_browsers_are_answered(built: Path) -> None:
    """Build notes, hidden folders, the reports' viewer and everything outside the folder do not exist for a browser."""
    site = Site(built)
    assert sorted(site.names) == ["assets/main-a1b2.js", "assets/room.png", "index.html"]
    for name in ("light/viewer.js", ".vite/manifest.json", "notes.md", "../index.html", "assets", ""):
        assert site.answer(name, {}) is None


def test_names_with_a_checksum_are_kept_for_ever_and_html_never(built: Path) -> None:
    """A new build is seen at the next visit, and an old one is not loaded twice."""
    site = Site(built)
    page, script = site.answer("index.html", {}), site.answer("assets/main-a1b2.js", {})
    assert page is not None
    assert script is not None
    assert page.headers["Cache-Control"] == "no-cache"
    assert "immutable" in script.headers["Cache-Control"]
    assert page.headers["Content-Type"].startswith("text/html")


def test_who_has_a_file_gets_it_once(built: Path) -> None:
    """An ETag names the content and its coding, and 304 answers whoever has it."""
    site = Site(built)
    plain = site.answer("assets/main-a1b2.js", {})
    zipped = site.answer("assets/main-a1b2.js", {"accept-encoding": "gzip, br"})
    assert plain is not None
    assert zipped is not None
    assert plain.body == SCRIPT
    assert gzip.decompress(zipped.body) == SCRIPT
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    again = site.answer("assets/main-a1b2.js", {"if-none-match": f'"old", {plain.headers["ETag"]}'})
    assert again is not None
    assert (again.status, again.body) == (304, b"")
    assert hashlib.sha256(SCRIPT).hexdigest()[:32] in plain.headers["ETag"]


def test_pictures_are_not_compressed_again(built: Path) -> None:
    """What is compressed already goes out as it is."""
    picture = Site(built).answer("assets/room.png", {"accept-encoding": "gzip"})
    assert picture is not None
    assert "Content-Encoding" not in picture.headers


def test_the_policy_lets_nothing_else_in() -> None:
    """No script or style inside HTML, no code from text, nobody's frame, no other host."""
    assert "unsafe-inline" not in POLICY
    assert "'unsafe-eval'" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_an_unbuilt_page_says_how_to_build_it(tmp_path: Path) -> None:
    """Installed from sources without Node, everything else works and the page says what is missing."""
    site = Site(tmp_path / "nothing")
    assert not site.built
    assert site.answer("index.html", {}) is None
    assert b"make web" in site.not_built().body
    assert light_viewer(tmp_path) is None


def test_reports_get_their_viewer(built: Path) -> None:
    """The light viewer is read as text, to be written into a report."""
    assert light_viewer(built) == "globalThis.roomsplatViewer = 1;"
