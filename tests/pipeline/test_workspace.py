"""A stage's result appears whole or not at all, and is taken again only for the same input and settings."""

from pathlib import Path

import pytest

from roomsplat.capture.config import CaptureConfig
from roomsplat.errors import InputNotFoundError, OutputError
from roomsplat.pipeline.workspace import Workspace, source_key, stage_key


def test_a_finished_stage_is_found_again_for_its_key_only(tmp_path: Path) -> None:
    """is_done holds for the key that produced the folder and for no other."""
    workspace = Workspace(tmp_path / "out")
    with workspace.produce("capture", "key") as folder:
        (folder / "result.txt").write_text("whole")
        assert not workspace.is_done("capture", "key")
    assert workspace.is_done("capture", "key")
    assert not workspace.is_done("capture", "other")
    assert (workspace.folder("capture") / "result.txt").read_text() == "whole"


def test_a_failed_stage_leaves_no_result(tmp_path: Path) -> None:
    """An error inside the block keeps the stage undone and the earlier result in place."""
    workspace = Workspace(tmp_path)
    with workspace.produce("sfm", "old"):
        pass
    with pytest.raises(KeyboardInterrupt), workspace.produce("sfm", "new") as folder:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt
    assert workspace.is_done("sfm", "old")
    assert not (workspace.folder("sfm") / "half").exists()


def test_only_a_resumable_stage_with_the_same_key_continues(tmp_path: Path) -> None:
    """The unfinished folder survives for the same key and is emptied for another, or when it cannot be resumed."""
    workspace = Workspace(tmp_path)

    def interrupted(key: str, *, resumable: bool) -> bool:
        with pytest.raises(KeyboardInterrupt), workspace.produce("train", key, resumable=resumable) as folder:
            found = (folder / "checkpoint").exists()
            (folder / "checkpoint").write_text("steps")
            raise KeyboardInterrupt
        return found

    assert not interrupted("a", resumable=True)
    assert interrupted("a", resumable=True)
    assert not interrupted("b", resumable=True)
    assert not interrupted("b", resumable=False)


def test_time_of_interrupted_attempts_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed stage reports what all its attempts took together."""
    clock = iter([0.0, 5.0, 100.0, 103.0])
    monkeypatch.setattr("roomsplat.pipeline.workspace.time.monotonic", lambda: next(clock))
    workspace = Workspace(tmp_path)
    with pytest.raises(KeyboardInterrupt), workspace.produce("train", "k", resumable=True):
        raise KeyboardInterrupt
    with workspace.produce("train", "k", resumable=True):
        pass
    assert workspace.seconds("train") == 8.0


def test_a_key_changes_with_settings_and_inputs() -> None:
    """Two keys are equal exactly when settings and inputs are."""
    base = stage_key(CaptureConfig(), "film")
    assert base == stage_key(CaptureConfig(), "film")
    assert base != stage_key(CaptureConfig(fps=3.0), "film")
    assert base != stage_key(CaptureConfig(), "another film")


def test_a_source_key_follows_the_content(tmp_path: Path) -> None:
    """A film that was replaced, and a folder that gained an image, have another key."""
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a" * 5000)
    first = source_key(film)
    film.write_bytes(b"a" * 2000 + b"b" + b"a" * 2999)
    assert source_key(film) != first
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"x")
    before = source_key(folder)
    (folder / "2.jpg").write_bytes(b"x")
    assert source_key(folder) != before


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """The message says which path is missing."""
    with pytest.raises(InputNotFoundError, match=r"nowhere\.mp4"):
        source_key(tmp_path / "nowhere.mp4")


def test_an_output_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A file where the output folder should be ends in one sentence with its name."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match="taken"):
        Workspace(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """While one run holds the folder another is told so; afterwards the folder is free."""
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    with first.exclusive(), pytest.raises(OutputError, match="Another roomsplat run"), second.exclusive():
        pass
    with second.exclusive():
        pass


def test_a_users_own_folder_is_never_taken(tmp_path: Path) -> None:
    """A folder that holds something else is refused and stays as it was; one of ours is taken again."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "preview.png").write_text("my picture")
    with pytest.raises(OutputError, match="not empty"):
        Workspace(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["preview.png"]
    Workspace(tmp_path / "ours")
    (tmp_path / "ours" / "scene.ply").write_text("a result")
    Workspace(tmp_path / "ours")


def test_a_source_key_ignores_what_is_no_picture(tmp_path: Path) -> None:
    """A note or a hidden file beside the pictures does not throw finished work away."""
    (tmp_path / "1.jpg").write_bytes(b"x")
    before = source_key(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    assert source_key(tmp_path) == before
