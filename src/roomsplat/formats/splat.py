"""Gaussian splats as ``.splat``, the format of antimatter15's viewer in the browser: 32 bytes each, and no header.

The layout is that of https://github.com/antimatter15/splat (README, MIT licence), little-endian:

    float32 x y z · float32 standard deviations (not logarithms) · uint8 red green blue opacity · uint8 w x y z

Colour is that of degree 0, 0.5 + Y00 · sh; a part q of the unit quaternion is stored as q · 128 + 128. The most
important Gaussians come first, so that the first half of a file shows the room well.

What a file cannot hold is lost: harmonics of degree 1 and more, the blur model, the scale and the provenance. What it
holds coarsely: colour and opacity to half of 1/255 (colours outside 0 to 1 are cut), rotations to about half a degree.
A file cut off between two Gaussians cannot be told from a smaller scene.

Rows that a renderer cannot use are left out while reading and counted in ``provenance["rows_left_out"]``; a standard
deviation of 0 becomes 2 nanometres, as in ``ply``.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatScene
from roomsplat.core.spherical_harmonics import Y00
from roomsplat.errors import InvalidFileError
from roomsplat.formats.files import open_input, open_output
from roomsplat.formats.usable import check_usable, usable

ROW = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
"""One Gaussian."""

_FLAT = -20.0
_LARGEST = 88.0  # its exponential is still a float32
_FAINTEST = 1e-3  # nearer to 0 or 1 than half of 1/255: an opacity of 0 or 255 comes back as what it was


def importance(gaussians: Gaussians) -> NDArray[np.float32]:
    """(n,) opacity times the area of the largest cross-section: how much of a picture a Gaussian may fill.

    The format's first writer takes the volume, which puts last what lies flat on a wall.
    """
    log_scales = gaussians.log_scales
    area = np.exp(np.clip(log_scales.sum(axis=1) - log_scales.min(axis=1), -_LARGEST, _LARGEST))
    return gaussians.opacities * area


def write_splat(path: Path, scene: SplatScene) -> None:
    """Write a ``.splat``; the file appears only when complete.

    Raises:
        OutputError: the file cannot be written.
        ValueError: a value is not finite or a rotation has length 0.
    """
    check_usable(scene.gaussians)
    rows = _rows(scene.gaussians[np.argsort(-importance(scene.gaussians), kind="stable")])
    with open_output(path) as file:
        file.write(rows.data)


def read_splat(path: Path) -> SplatScene:
    """Read a ``.splat`` of any program; the harmonics have degree 0.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is empty, ends in the middle of a Gaussian, or holds not one that can be used.
    """
    with open_input(path) as file:
        content = file.read()
    if not content or len(content) % ROW.itemsize:
        what = f"{len(content)} bytes, no multiple of {ROW.itemsize}" if content else "nothing"
        raise InvalidFileError(
            f"{path} holds {what}: it is no .splat file, or cut off.", hint="Copy or export it again."
        )
    gaussians = _gaussians(np.frombuffer(content, ROW))
    good = usable(gaussians)
    left_out = len(good) - int(np.count_nonzero(good))
    if left_out == len(good):
        raise InvalidFileError(
            f"{path} holds {left_out} Gaussians and not one of them can be drawn.",
            hint="Give a .splat file of antimatter15's layout (32 bytes for each Gaussian).",
        )
    notes = {"rows_left_out": str(left_out)} if left_out else {}
    return SplatScene(gaussians=gaussians[good], provenance=notes)


def _rows(gaussians: Gaussians) -> NDArray[np.void]:
    rows = np.empty(len(gaussians), ROW)
    rows["mean"] = gaussians.means
    rows["scale"] = np.exp(np.clip(gaussians.log_scales, -_LARGEST, _LARGEST))
    colour = 0.5 + Y00 * gaussians.sh[:, 0].astype(np.float64)
    rows["rgba"][:, :3] = np.rint(255 * np.clip(colour, 0, 1))
    rows["rgba"][:, 3] = np.rint(255 * gaussians.opacities.astype(np.float64))
    quats = gaussians.quats.astype(np.float64)
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    rows["quat"] = np.clip(np.rint(quats * 128 + 128), 0, 255)
    return rows


def _gaussians(rows: NDArray[np.void]) -> Gaussians:
    opacity = np.clip(rows["rgba"][:, 3] / 255.0, _FAINTEST, 1 - _FAINTEST)
    with np.errstate(divide="ignore", invalid="ignore"):  # what is not above 0 is settled below, or left out
        log_scales = np.log(rows["scale"].astype(np.float64))
    return Gaussians(
        means=np.array(rows["mean"]),
        quats=(rows["quat"] / 128.0 - 1.0).astype(np.float32),
        log_scales=np.where(np.isneginf(log_scales), _FLAT, log_scales).astype(np.float32),
        opacity_logits=np.log(opacity / (1 - opacity)).astype(np.float32),
        sh=((rows["rgba"][:, None, :3] / 255.0 - 0.5) / Y00).astype(np.float32),
    )
