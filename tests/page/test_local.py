"""One scene, served to this computer."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from roomsplat.page.local import SceneServer, Shown
from roomsplat.page.site import POLICY, Site

SCENE = b"ply\n" + bytes(range(256)) * 10


@pytest.fixture
def served(tmp_path: Path) -> Iterator[httpx.Client]:
    """A run's folder behind the server, with a secret beside it."""
    page, run = tmp_path / "page", tmp_path / "run"
    (run / "cameras" / "images").mkdir(parents=True)
    page.mkdir()
    (page / "viewer.html").write_text("<!doctype html><title>viewer</title>")
    (run / "my scene.ply").write_bytes(SCENE)
    (run / "cameras" / "transforms.json").write_text("{}")
    (run / "cameras" / "images" / "000001.jpg").write_bytes(b"jpg")
    (run / "secret.txt").write_text("secret")
    (run / "cameras" / "out.txt").symlink_to(run / "secret.txt")
    shown = Shown(scene=run / "my scene.ply", cameras=run / "cameras")
    with SceneServer(shown, Site(page), port=0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with httpx.Client(base_url=server.address, trust_env=False) as client:
            yield client
        server.shutdown()
        thread.join(10)
        assert not thread.is_alive()


def test_the_viewer_finds_its_scene(served: httpx.Client) -> None:
    """The page is the viewer, and what it asks first leads to the scene and its cameras."""
    page = served.get("/")
    assert "<title>viewer" in page.text
    assert page.headers["content-security-policy"] == POLICY
    said = served.get("/view.json").json()
    assert said["title"] == "my scene.ply"
    assert served.get(said["scene"]).content == SCENE
    assert json.loads(served.get(said["cameras"]).text) == {}
    assert served.get("/files/cameras/images/000001.jpg").headers["content-type"] == "image/jpeg"
    assert said["mesh"] is None


def test_a_range_is_a_range(served: httpx.Client) -> None:
    """A viewer that loads progressively gets what it asks for; a range that cannot be is answered with the whole."""
    part = served.get("/files/my scene.ply", headers={"Range": "bytes=4-13"})
    assert (part.status_code, part.content) == (206, SCENE[4:14])
    assert part.headers["content-range"] == f"bytes 4-13/{len(SCENE)}"
    rest = served.get("/files/my scene.ply", headers={"Range": "bytes=2000-"})
    assert rest.content == SCENE[2000:]
    assert served.get("/files/my scene.ply", headers={"Range": "bytes=99999-"}).content == SCENE
    head = served.head("/files/my scene.ply")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(SCENE))


@pytest.mark.parametrize(
    "path",
    [
        "/files/secret.txt",
        "/files/cameras/../secret.txt",
        "/files/cameras/%2e%2e/secret.txt",
        "/files/cameras/out.txt",
        "/files//etc/passwd",
        "/files/cameras//etc/passwd",
        "/etc/passwd",
    ],
)
def test_nothing_else_of_the_disk_is_there(served: httpx.Client, path: str) -> None:
    """No way of writing a path, and no link, leads out of the scene's own files."""
    assert served.get(path).status_code == 404


def test_a_foreign_name_is_refused(served: httpx.Client) -> None:
    """A site whose name was made to point here sees nothing."""
    assert served.get("/files/my scene.ply", headers={"Host": "evil.example"}).status_code == 403
    assert served.post("/view.json").status_code == 501
