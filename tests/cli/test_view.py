"""``roomsplat view``, as a process."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from roomsplat.cli.view import find_scene
from roomsplat.errors import InputNotFoundError, InvalidFileError
from roomsplat.page.site import BUILT

ROOT = Path(__file__).resolve().parents[2]


def a_run(folder: Path) -> Path:
    """What ``reconstruct`` leaves, as far as the viewer looks at it."""
    (folder / "cameras").mkdir(parents=True)
    (folder / "scene.ply").write_bytes(b"ply\nformat")
    (folder / "run.json").write_text("{}")
    (folder / "cameras" / "transforms.json").write_text("{}")
    return folder


def test_a_run_is_shown_with_its_cameras(tmp_path: Path) -> None:
    """The folder and its scene.ply are the same; a splat elsewhere has no cameras, whatever lies beside it."""
    run = a_run(tmp_path / "room")
    assert find_scene(run) == find_scene(run / "scene.ply")
    assert find_scene(run).cameras == run / "cameras"
    other = shutil.copyfile(run / "scene.ply", run / "other.ply")
    assert find_scene(other).cameras is None


@pytest.mark.parametrize(
    ("name", "content", "kind", "says"),
    [
        ("none.ply", None, InputNotFoundError, "does not exist"),
        ("empty.ply", b"", InvalidFileError, "empty"),
        ("picture.ply", b"\x89PNG\r\n", InvalidFileError, "not what its name says"),
        ("odd.splat", b"1234567", InvalidFileError, "not what its name says"),
        ("film.mp4", b"1234", InvalidFileError, "not a splat"),
    ],
)
def test_what_is_no_splat_is_refused(
    tmp_path: Path, name: str, content: bytes | None, kind: type[Exception], says: str
) -> None:
    """The viewer is not opened on what it cannot show."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=says):
        find_scene(path)


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    """A folder without a scene says what it should hold."""
    with pytest.raises(InvalidFileError, match="no finished scene"):
        find_scene(tmp_path)


def view(*arguments: str) -> subprocess.Popen[str]:
    """The command, started."""
    # What a shell runs in the background, these tests perhaps, ignores Ctrl-C, and so do its children.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start = f"{heed}; from roomsplat.cli.main import main; main()"
    command = [sys.executable, "-c", start, "view", "--no-browser", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(not (BUILT / "viewer.html").exists(), reason="the page is not built: make web")
def test_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    """It prints the address, serves viewer and scene, and ends well at Ctrl-C; a taken port is told in a sentence."""
    run = a_run(tmp_path / "room")
    process = view(str(run))
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found is not None
        with httpx.Client(base_url=found[0], trust_env=False) as client:
            assert client.get("/").status_code == 200
            assert client.get(client.get("/view.json").json()["scene"]).content == b"ply\nformat"
        taken = view(str(run), "--port", found[1])
        _, said = taken.communicate(timeout=60)
        assert taken.returncode == 16
        assert "hint: Leave --port out." in said
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
