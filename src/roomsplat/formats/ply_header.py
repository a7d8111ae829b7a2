"""The header of a PLY file: what follows, in which order and type (Turk 1994, The PLY Polygon File Format)."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

import numpy as np

from roomsplat.errors import InvalidFileError

MAX_HEADER_BYTES = 1 << 16
"""No splat file that we know has a header above 4 kB; a limit keeps a wrong file from being read whole."""

PlyEncoding = Literal["ascii", "binary_little_endian", "binary_big_endian"]

_SCALARS = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float32": "f4",
    "float64": "f8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlyProperty:
    """One property of an element."""

    name: str
    """As in the file."""
    scalar: str | None
    """NumPy's type code without byte order; ``None`` for a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlyElement:
    """A table: ``count`` rows of ``properties``."""

    name: str
    """``vertex``, ``face`` and the like."""
    count: int
    """Rows."""
    properties: tuple[PlyProperty, ...]
    """Columns, in file order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlyHeader:
    """Everything that the header says."""

    encoding: PlyEncoding
    """How the rows are written."""
    elements: tuple[PlyElement, ...]
    """Tables, in file order."""
    comments: tuple[str, ...]
    """Comment lines without the keyword."""
    num_bytes: int
    """Where the rows start."""

    def row_type(self, element: PlyElement) -> np.dtype[np.void] | None:
        """The NumPy type of one binary row; ``None`` if rows differ in length because they hold lists."""
        order = ">" if self.encoding == "binary_big_endian" else "<"
        fields: list[tuple[str, str]] = []
        for prop in element.properties:
            if prop.scalar is None:
                return None
            fields.append((prop.name, order + prop.scalar))
        return np.dtype(fields)


def read_header(path: Path, file: BinaryIO) -> PlyHeader:
    """Read the header from the start of ``file``; LF and CRLF line ends are understood.

    Raises:
        InvalidFileError: this is no PLY file, or its header is damaged (the line is named).
    """
    start = file.read(MAX_HEADER_BYTES)
    if start[:4] not in (b"ply\n", b"ply\r"):
        raise InvalidFileError(f"{path} is not a PLY file.", hint="Give a Gaussian splat in PLY format.")
    # Real headers end in a line of its own; the word may stand in a comment before.
    end = start.find(b"\nend_header")
    stop = start.find(b"\n", end + 1)
    if end < 0 or stop < 0 or start[end + 11 : stop].strip():
        raise _damaged(path, f"has no 'end_header' line in its first {MAX_HEADER_BYTES // 1024} KiB")
    lines = start[: end + 1].decode("utf-8", errors="replace").splitlines()
    return _parse(path, lines[1:], stop + 1)


def _parse(path: Path, lines: list[str], num_bytes: int) -> PlyHeader:
    encoding: PlyEncoding | None = None
    elements: list[tuple[str, int, list[PlyProperty]]] = []
    comments: list[str] = []
    for number, line in enumerate(lines, start=2):
        keyword, _, rest = line.strip().partition(" ")
        words = rest.split()
        match keyword:
            case "format" if words[:1] and words[0] in get_args(PlyEncoding):
                encoding = cast("PlyEncoding", words[0])
            case "comment" | "obj_info":
                comments.append(rest)
            case "element" if (
                len(words) == 2 and words[1].isascii() and words[1].isdigit() and len(words[1]) < 16
            ):
                elements.append((words[0], int(words[1]), []))
            case "property" if elements and _property(words) is not None:
                elements[-1][2].append(cast("PlyProperty", _property(words)))
            case "":
                pass
            case _:
                raise _damaged(
                    path, f"has a header line that cannot be understood (line {number}: {line[:60]!r})"
                )
    if encoding is None:
        raise _damaged(path, "does not say in its header whether it is ascii or binary")
    tables = tuple(PlyElement(name=n, count=c, properties=_unique(path, n, p)) for n, c, p in elements)
    return PlyHeader(encoding=encoding, elements=tables, comments=tuple(comments), num_bytes=num_bytes)


def _property(words: list[str]) -> PlyProperty | None:
    """The property that the words after the keyword declare; ``None`` if they declare none."""
    match words:
        case [scalar, name] if scalar in _SCALARS:
            return PlyProperty(name=name, scalar=_SCALARS[scalar])
        case ["list", count, scalar, name] if count in _SCALARS and scalar in _SCALARS:
            return PlyProperty(name=name, scalar=None)
        case _:
            return None


def _unique(path: Path, element: str, properties: list[PlyProperty]) -> tuple[PlyProperty, ...]:
    names = [prop.name for prop in properties]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _damaged(path, f"declares the property {twice!r} of {element!r} twice")
    return tuple(properties)


def _damaged(path: Path, what: str) -> InvalidFileError:
    return InvalidFileError(f"{path} {what}.", hint="Export the file again from the program that made it.")
