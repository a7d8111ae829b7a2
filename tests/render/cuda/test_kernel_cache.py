"""Compiled kernels are kept where CuPy keeps them, and a home that cannot be written does not cost the GPU."""

import os
from pathlib import Path

import pytest

from roomsplat.render.cuda.kernel_cache import VARIABLE, ensure_cache_folder


def test_cupys_own_folder_is_taken_where_it_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual folder is made, and CuPy is told nothing."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert ensure_cache_folder() == tmp_path / ".cupy" / "kernel_cache"
    assert VARIABLE not in os.environ


def test_a_named_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's choice is neither made nor changed."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert ensure_cache_folder() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


def test_a_home_that_cannot_be_written_gets_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CuPy is sent to a folder that exists, that only this user can enter, and the next call gives the same one."""
    (tmp_path / "home").write_text("a file where the home should be")
    monkeypatch.setenv(VARIABLE, "")  # so that what is set below is undone
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    own = ensure_cache_folder()
    assert own.is_dir()
    assert os.environ[VARIABLE] == str(own)
    assert ensure_cache_folder() == own
    if os.name == "posix":
        assert own.stat().st_mode & 0o077 == 0
    own.rmdir()
