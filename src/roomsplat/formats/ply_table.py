"""Move the rows of one PLY element into arrays, in pieces that stay in the processor's cache."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import InvalidFileError
from roomsplat.formats.ply_header import PlyElement, PlyHeader

Columns = Mapping[str, NDArray[np.float32] | NDArray[np.uint32] | NDArray[np.uint8]]
"""Property name to an (n,) view of the array where its values live."""

_ROWS = 4096
"""Rows in one piece: 1 MB of a degree-3 splat, so that its 59 columns are taken from the cache and not from memory:
reading a million Gaussians takes 0.13 s; with all rows in one piece 0.49 s (docs/lab-notebook.md, formats)."""


def check_length(path: Path, file: BinaryIO, header: PlyHeader, name: str) -> PlyElement:
    """Find element ``name`` and check that the file is long enough to hold its rows, before anything is allocated.

    Raises:
        InvalidFileError: there is no such element, or the file was cut off.
    """
    element = next((e for e in header.elements if e.name == name), None)
    if element is None:
        raise InvalidFileError(
            f"{path} has no {name!r} element.", hint="Give a Gaussian splat in PLY format."
        )
    available = os.fstat(file.fileno()).st_size - header.num_bytes
    if header.encoding == "ascii":
        needed = (
            element.count * 2 * len(element.properties)
        )  # a digit and a separator each, at the very least
    else:
        needed = _start(path, header, name) + element.count * _row_type(path, header, element).itemsize
    if needed > available + (header.encoding == "ascii"):  # the last separator of a text file may be missing
        raise _truncated(path, element)
    return element


def read_rows(path: Path, file: BinaryIO, header: PlyHeader, element: PlyElement, columns: Columns) -> None:
    """Fill ``columns`` with the values of the element's properties of the same names, in the types of these.

    Raises:
        InvalidFileError: the file was cut off, or a text value is not a number.
    """
    pieces = _text_pieces if header.encoding == "ascii" else _binary_pieces
    start = 0
    # Values beyond float32's range become infinite, which the caller looks for; numpy need not say so as well.
    with np.errstate(over="ignore", invalid="ignore"):
        for piece in pieces(path, file, header, element):
            for name, column in columns.items():
                column[start : start + len(piece)] = piece[name]
            start += len(piece)


def write_rows(file: BinaryIO, columns: Columns, names: tuple[str, ...], count: int) -> None:
    """Write ``count`` little-endian float32 rows with one value for each of ``names``; 0 where ``columns`` has none."""
    block = np.zeros(_ROWS, np.dtype([(name, "<f4") for name in names]))
    for start in range(0, count, _ROWS):
        piece = block[: min(_ROWS, count - start)]
        for name, column in columns.items():
            piece[name] = column[start : start + len(piece)]
        file.write(piece.view(np.uint8).data)


def _binary_pieces(
    path: Path, file: BinaryIO, header: PlyHeader, element: PlyElement
) -> Iterator[NDArray[np.void]]:
    row_type = _row_type(path, header, element)
    file.seek(header.num_bytes + _start(path, header, element.name))
    for start in range(0, element.count, _ROWS):
        rows = min(_ROWS, element.count - start)
        data = file.read(rows * row_type.itemsize)
        if len(data) < rows * row_type.itemsize:
            raise _truncated(path, element)
        yield np.frombuffer(data, row_type)


def _text_pieces(
    path: Path, file: BinaryIO, header: PlyHeader, element: PlyElement
) -> Iterator[NDArray[np.void]]:
    row_type = np.dtype([(prop.name, "f8") for prop in element.properties])
    if any(prop.scalar is None for prop in element.properties):
        raise _lists(path, element)
    file.seek(header.num_bytes)
    lines = (line for line in file if line.strip())
    before = header.elements[: header.elements.index(element)]
    for _ in range(sum(e.count for e in before)):
        next(lines, None)
    for start in range(0, element.count, _ROWS):
        rows = [
            line.split() for _, line in zip(range(min(_ROWS, element.count - start)), lines, strict=False)
        ]
        if len(rows) < min(_ROWS, element.count - start):
            raise _truncated(path, element)
        wrong = next((i for i, row in enumerate(rows) if len(row) != len(element.properties)), None)
        if wrong is not None:
            raise InvalidFileError(
                f"{path}: row {start + wrong + 1} of {element.name!r} has {len(rows[wrong])} values, "
                f"expected {len(element.properties)}.",
                hint="Export the file again from the program that made it.",
            )
        try:
            values = np.array(rows, dtype=np.float64)
        except ValueError as error:
            raise InvalidFileError(
                f"{path} holds text where a number should be (rows {start + 1} to {start + len(rows)}: {error}).",
                hint="Export the file again from the program that made it.",
            ) from error
        yield values.view(row_type)[:, 0]


def _row_type(path: Path, header: PlyHeader, element: PlyElement) -> np.dtype[np.void]:
    row_type = header.row_type(element)
    if row_type is None:
        raise _lists(path, element)
    return row_type


def _start(path: Path, header: PlyHeader, name: str) -> int:
    """Bytes between the header's end and the first row of element ``name``."""
    total = 0
    for element in header.elements:
        if element.name == name:
            break
        total += element.count * _row_type(path, header, element).itemsize
    return total


def _truncated(path: Path, element: PlyElement) -> InvalidFileError:
    return InvalidFileError(
        f"{path} was cut off: its header promises {element.count} rows of {element.name!r}.",
        hint="Copy or download the file again.",
    )


def _lists(path: Path, element: PlyElement) -> InvalidFileError:
    return InvalidFileError(
        f"{path} holds lists in its {element.name!r} element, as a mesh does and a splat does not.",
        hint="Give a Gaussian splat in PLY format.",
    )
