"""Read and write a splat of any format that we know, by the file's suffix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidSettingError
from roomsplat.formats.compressed_ply import write_compressed_ply
from roomsplat.formats.gltf import read_glb, write_glb
from roomsplat.formats.html import read_html, write_html
from roomsplat.formats.ply import read_ply, write_ply
from roomsplat.formats.sog import read_sog, write_sog
from roomsplat.formats.splat import read_splat, write_splat
from roomsplat.formats.spz import read_spz, write_spz


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """How a kind of file is read and written, and what it cannot hold."""

    read: Callable[[Path], SplatScene]
    write: Callable[[Path, SplatScene], None]
    coarse: str = ""
    """What it holds coarsely, in words; nothing where every value comes back."""
    drops: tuple[str, ...] = ()
    """Of ``harmonics``, ``splat_model``, ``scale`` and ``provenance``, what it has no place for."""


_FORMATS = {
    ".compressed.ply": _Format(
        read=read_ply,
        write=write_compressed_ply,
        coarse="places and sizes to a thousandth of their neighbourhood, colours to 8 bits, rotations to 0.3 degrees",
    ),
    ".glb": _Format(read=read_glb, write=write_glb),
    ".ply": _Format(read=read_ply, write=write_ply),
    ".sog": _Format(
        read=read_sog,
        write=write_sog,
        coarse="places to 16 bits, colours and sizes to 256 values each, rotations to 1 degree, view-dependent "
        "colour to a palette",
    ),
    ".splat": _Format(
        read=read_splat,
        write=write_splat,
        coarse="colours to 8 bits, rotations to 1 degree",
        drops=("harmonics", "splat_model", "scale", "provenance"),
    ),
    ".spz": _Format(
        read=read_spz,
        write=write_spz,
        coarse="places to a quarter of a millimetre in a room, colours to 8 bits, sizes to 3 %, rotations to 0.3 "
        "degrees, view-dependent colour to 6 bits",
        drops=("scale", "provenance"),
    ),
    ".html": _Format(
        read=read_html,
        write=write_html,
        coarse="places to 16 bits, colours and sizes to 256 values each, rotations to 1 degree, view-dependent "
        "colour to a palette",
    ),
}

SCENE_SUFFIXES = tuple(suffix for suffix in _FORMATS if suffix != ".html")
"""Suffixes that ``read_scene`` and ``write_scene`` take, in lower case, longer ones before what they end in."""

WRITTEN_SUFFIXES = tuple(_FORMATS)
"""Those that ``write_scene`` takes: a page with the viewer in it is written and not read."""

_WORDS = {
    "harmonics": "colour that depends on the view",
    "splat_model": "that the scene was trained antialiased",
    "scale": "that a unit is a metre",
    "provenance": "the notes on where it comes from",
}


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
        InvalidSettingError: the suffix is none of ``WRITTEN_SUFFIXES``.
        NotInstalledError: it is .html, and the viewer was not built.
        OutputError: the file cannot be written.
    """
    _format_of(path).write(path, scene)


def check_target(path: Path) -> None:
    """Ask before a large scene is read whether it could be written to ``path``.

    Raises:
        InvalidSettingError: the suffix is none of ``WRITTEN_SUFFIXES``.
    """
    _format_of(path)


def what_is_lost(path: Path, scene: SplatScene) -> tuple[str, ...]:
    """What of ``scene`` a file of ``path``'s format does not hold, in words: what is dropped, then what is coarse."""
    known = _format_of(path)
    has = {
        "harmonics": scene.gaussians.sh_degree > 0,
        "splat_model": scene.splat_model == "antialiased",
        "scale": scene.scale == "metric",
        "provenance": bool(scene.provenance),
    }
    dropped = tuple(f"dropped: {_WORDS[what]}" for what in known.drops if has[what])
    return (*dropped, f"rounded: {known.coarse}") if known.coarse else dropped


def _format_of(path: Path) -> _Format:
    name = path.name.lower()
    known = next((_FORMATS[suffix] for suffix in _FORMATS if name.endswith(suffix)), None)
    if known is None:
        raise InvalidSettingError(
            f"{path} has the suffix {path.suffix or '(none)'}, which is no splat format that this version knows.",
            hint=f"Supported: {', '.join(WRITTEN_SUFFIXES)}.",
        )
    return known
