"""Gaussian splats in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023), which every splat program reads.

This is the one file that converts between a splat PLY and ``core``:

* colour coefficients beyond the first lie channel by channel in the file (all of red, then green, then blue) and
  coefficient by coefficient in ``Gaussians.sh``;
* ``rot_0..3`` are wxyz, ``scale_0..2`` natural logarithms, ``opacity`` a logit, as in ``core``;
* the 0.3 px blur model, the unit and the provenance are comments (``ply_notes``);
* a file with an element ``chunk`` is a compressed one (``compressed_ply``).

Rows that a renderer cannot use are settled while reading: an opacity logit of ±inf becomes ±20 (opacity within 2e-9 of
0 or 1) and a log scale of -inf, or the missing third scale of a 2D splat, becomes -20 (2 nanometres in metres); a row
with any other value that is not finite, or with a rotation of length 0, is left out and counted in
``provenance["rows_left_out"]``.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import MAX_DEGREE, num_coefficients
from roomsplat.errors import InvalidFileError
from roomsplat.formats.compressed_ply import read_compressed
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.ply_header import PlyElement, read_header
from roomsplat.formats.ply_notes import header_text, parse_comments
from roomsplat.formats.ply_table import check_length, read_rows, write_rows
from roomsplat.formats.usable import check_usable, usable

_SATURATED = 20.0
_REQUIRED = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "rot_0", "rot_1", "rot_2", "rot_3"),
)


def write_ply(path: Path, scene: SplatScene) -> None:
    """Write a binary little-endian splat PLY: x y z nx ny nz f_dc f_rest opacity scale rot, all float32.

    The normals are zeros; f_rest has 0, 9, 24 or 45 values for degree 0 to 3. The file appears only when complete.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a value is not finite, a rotation has length 0, or the provenance does not fit into a header.
    """
    check_usable(scene.gaussians)
    columns = _columns(scene.gaussians)
    names = _property_names(scene.gaussians.sh_degree)
    elements = [f"element vertex {len(scene.gaussians)}", *(f"property float {name}" for name in names)]
    header = header_text(scene, elements)
    with open_output(path) as file:
        file.write(header)
        write_rows(file, columns, names, len(scene.gaussians))


def read_ply(path: Path) -> SplatScene:
    """Read a splat PLY of any program: text or binary, either byte order, any property order and number type.

    Compressed ones are read too. Properties that are not ours are skipped; a file without f_rest has degree 0. Rows
    that are not finite: see above.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: the file is no splat PLY, is damaged or cut off, or holds not one usable Gaussian in its rows.
    """
    with open_input(path) as file:
        header = read_header(path, file)
        if any(element.name == "chunk" for element in header.elements):
            return read_compressed(path, file, header)
        element = check_length(path, file, header, "vertex")
        present = {prop.name for prop in element.properties}
        gaussians = _empty(element.count, _degree(path, element))
        columns = {name: column for name, column in _columns(gaussians).items() if name in present}
        read_rows(path, file, header, element, columns)
    notes = parse_comments(header.comments)
    gaussians, left_out = _settle(gaussians)
    if left_out and not len(gaussians):
        raise InvalidFileError(
            f"{path} holds {left_out} Gaussians and not one of them is finite.",
            hint="Train again; the training that made this file diverged.",
        )
    provenance = {**notes.provenance, **({"rows_left_out": str(left_out)} if left_out else {})}
    return SplatScene(gaussians=gaussians, splat_model=notes.model, scale=notes.scale, provenance=provenance)


def _property_names(degree: int) -> tuple[str, ...]:
    """Every property of the layout, in its order."""
    rest = 3 * (num_coefficients(degree) - 1)
    return (
        *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"),
        *(f"f_rest_{i}" for i in range(rest)),
        *("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    )


def _columns(gaussians: Gaussians) -> dict[str, NDArray[np.float32]]:
    """Property name to a view into ``gaussians``: reading fills these, writing drains them."""
    columns = {name: gaussians.means[:, i] for i, name in enumerate("xyz")}
    columns |= {f"f_dc_{c}": gaussians.sh[:, 0, c] for c in range(3)}
    rest = gaussians.sh.shape[1] - 1
    columns |= {f"f_rest_{c * rest + j}": gaussians.sh[:, 1 + j, c] for c in range(3) for j in range(rest)}
    columns["opacity"] = gaussians.opacity_logits
    columns |= {f"scale_{i}": gaussians.log_scales[:, i] for i in range(3)}
    return columns | {f"rot_{i}": gaussians.quats[:, i] for i in range(4)}


def _empty(count: int, degree: int) -> Gaussians:
    """Room for ``count`` Gaussians; the scales start flat, for files that have only two of them."""
    return Gaussians(
        means=np.empty((count, 3), np.float32),
        quats=np.empty((count, 4), np.float32),
        log_scales=np.full((count, 3), -_SATURATED, np.float32),
        opacity_logits=np.empty(count, np.float32),
        sh=np.empty((count, num_coefficients(degree), 3), np.float32),
    )


def _degree(path: Path, element: PlyElement) -> int:
    """The degree of the harmonics that the properties speak of."""
    names = {prop.name for prop in element.properties}
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InvalidFileError(
            f"{path} is a PLY file without Gaussians: the properties {', '.join(missing)} are missing.",
            hint="Give a Gaussian splat, not a point cloud or a mesh.",
        )
    rest = {name for name in names if name.startswith("f_rest_")}
    for degree in range(MAX_DEGREE + 1):
        if rest == {f"f_rest_{i}" for i in range(3 * (num_coefficients(degree) - 1))}:
            return degree
    raise InvalidFileError(
        f"{path} has {len(rest)} f_rest properties, expected f_rest_0 onwards, 0, 9, 24 or 45 of them (degree 0 to 3).",
        hint="Export the file with spherical harmonics of degree 0, 1, 2 or 3.",
    )


def _settle(gaussians: Gaussians) -> tuple[Gaussians, int]:
    """Apply the rule on values that are not finite (see the top); also the number of rows left out."""
    logits, log_scales = gaussians.opacity_logits, gaussians.log_scales
    np.copyto(logits, np.sign(logits) * np.float32(_SATURATED), where=np.isinf(logits))
    np.copyto(log_scales, np.float32(-_SATURATED), where=np.isneginf(log_scales))
    good = usable(gaussians)
    left_out = len(good) - int(np.count_nonzero(good))
    return (gaussians[good] if left_out else gaussians), left_out
