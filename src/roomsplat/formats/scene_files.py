"""Read and write a splat of any format that we know, by the file's suffix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidSettingError
from roomsplat.formats.compressed_ply import write_compressed_ply
from roomsplat.formats.gltf import read_glb, write_glb
from roomsplat.formats.ply import read_ply, write_ply
from roomsplat.formats.sog import read_sog, write_sog
from roomsplat.formats.splat import read_splat, write_splat
from roomsplat.formats.spz import read_spz, write_spz


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """How a kind of file is read and written."""

    read: Callable[[Path], SplatScene]
    write: Callable[[Path, SplatScene], None]


_FORMATS = {
    ".compressed.ply": _Format(read=read_ply, write=write_compressed_ply),
    ".glb": _Format(read=read_glb, write=write_glb),
    ".ply": _Format(read=read_ply, write=write_ply),
    ".splat": _Format(read=read_splat, write=write_splat),
    ".sog": _Format(read=read_sog, write=write_sog),
    ".spz": _Format(read=read_spz, write=write_spz),
}

SCENE_SUFFIXES = tuple(_FORMATS)
"""Suffixes that ``read_scene`` and ``write_scene`` take, in lower case, longer ones before what they end in."""


def read_scene(path: Path) -> SplatScene:
    """Read a splat.

    Raises:
        InvalidSettingError: the suffix is none of ``SCENE_SUFFIXES``.
        InputNotFoundError: there is no such file.
        InvalidFileError: the file does not hold what its suffix says.
    """
    return _format_of(path).read(path)


def write_scene(path: Path, scene: SplatScene) -> None:
    """Write a splat; the file appears only when it is complete.

    Raises:
        InvalidSettingError: the suffix is none of ``SCENE_SUFFIXES``.
        OutputError: the file cannot be written.
    """
    _format_of(path).write(path, scene)


def _format_of(path: Path) -> _Format:
    name = path.name.lower()
    known = next((_FORMATS[suffix] for suffix in _FORMATS if name.endswith(suffix)), None)
    if known is None:
        raise InvalidSettingError(
            f"{path} has the suffix {path.suffix or '(none)'}, which is no splat format that this version knows.",
            hint=f"Supported: {', '.join(SCENE_SUFFIXES)}.",
        )
    return known
