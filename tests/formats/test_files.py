"""Files appear whole or not at all, and the suffix decides the format."""

import os
from pathlib import Path

import pytest

from roomsplat.errors import InputNotFoundError, InvalidSettingError, OutputError
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.scene_files import read_scene, write_scene
from tests.formats.samples import assert_same_gaussians, make_scene


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    """While writing, the old file stands; afterwards the new one does, alone."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with open_output(path) as file:
        file.write(b"new and longer")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_the_old_file(tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves the old file and no temporary one."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), open_output(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    """The new file can be read by whoever can read any other new file."""
    (tmp_path / "plain").write_bytes(b"")
    with open_output(tmp_path / "ours") as file:
        file.write(b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert os.access(tmp_path / "ours", os.R_OK)


def test_a_folder_that_is_missing_is_an_output_error(tmp_path: Path) -> None:
    """Writing into a folder that does not exist names the file and what to do."""
    with (
        pytest.raises(OutputError, match="could not be written") as caught,
        open_output(tmp_path / "no" / "a.ply"),
    ):
        pass
    assert "output folder" in caught.value.hint


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    """Reading what is not there names it."""
    with (
        pytest.raises(InputNotFoundError, match=r"gone\.ply does not exist"),
        open_input(tmp_path / "gone.ply"),
    ):
        pass


@pytest.mark.parametrize("name", ["scene.txt", "scene", "scene.ply.gz", "scene.ksplat"])
def test_unknown_suffixes_name_the_known_ones(tmp_path: Path, name: str) -> None:
    """An unknown suffix is refused before anything is read or written, and the known ones are listed."""
    for action in (lambda: read_scene(tmp_path / name), lambda: write_scene(tmp_path / name, make_scene())):
        with pytest.raises(InvalidSettingError, match="no splat format") as caught:
            action()
        assert ".ply" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_suffix_in_capitals(tmp_path: Path) -> None:
    """SCENE.PLY is a PLY file."""
    write_scene(tmp_path / "SCENE.PLY", make_scene())
    assert_same_gaussians(read_scene(tmp_path / "SCENE.PLY").gaussians, make_scene().gaussians)
