"""Read and write a splat of any format that we know, by the file's suffix."""

from pathlib import Path

from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidSettingError
from roomsplat.formats.ply import read_ply, write_ply

SCENE_SUFFIXES = (".ply",)
"""Suffixes that ``read_scene`` and ``write_scene`` take, in lower case."""


def read_scene(path: Path) -> SplatScene:
    """Read a splat.

    Raises:
        InvalidSettingError: the suffix is none of ``SCENE_SUFFIXES``.
        InputNotFoundError: there is no such file.
        InvalidFileError: the file does not hold what its suffix says.
    """
    _check_suffix(path)
    return read_ply(path)


def write_scene(path: Path, scene: SplatScene) -> None:
    """Write a splat; the file appears only when it is complete.

    Raises:
        InvalidSettingError: the suffix is none of ``SCENE_SUFFIXES``.
        OutputError: the file cannot be written.
    """
    _check_suffix(path)
    write_ply(path, scene)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SCENE_SUFFIXES:
        raise InvalidSettingError(
            f"{path} has the suffix {path.suffix or '(none)'}, which is no splat format that this version knows.",
            hint=f"Supported: {', '.join(SCENE_SUFFIXES)}.",
        )
