"""What the small formats share: bytes for opacity, three of four parts of a rotation, and how much is too much."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.scene import SplatModel, SplatScene
from roomsplat.errors import InvalidFileError
from roomsplat.formats.usable import usable

MAX_GAUSSIANS = 20_000_000
"""A compressed file that promises more is refused before anything is unpacked: 4.7 GB in memory, ten times what a
browser shows."""

_FAINTEST = 1e-3  # nearer to 0 or 1 than half of 1/255: an opacity of 0 or 255 comes back as what it was


def logits(opacities: NDArray[np.floating], *, faintest: float = _FAINTEST) -> NDArray[np.float32]:
    """(n,) opacities from 0 to 1, both included, to finite logits."""
    inside = np.clip(opacities.astype(np.float64), faintest, 1 - faintest)
    return np.log(inside / (1 - inside)).astype(np.float32)


def opacity_bytes(gaussians: Gaussians) -> NDArray[np.uint8]:
    """(n,) opacities, 0 to 255."""
    return np.rint(255 * gaussians.opacities.astype(np.float64)).astype(np.uint8)


def split_quats(quats: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n, 4) rotations of any length to (n,) which part is the largest and (n, 3) the others, in their order.

    The rotation is made unit and given the sign that makes the largest part positive; the others lie within ±√½.
    """
    unit = quats.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    largest = np.argmax(np.abs(unit), axis=1)
    rows = np.arange(len(unit))
    unit *= np.where(unit[rows, largest] < 0, -1.0, 1.0)[:, None]
    return largest, unit[np.arange(4) != largest[:, None]].reshape(-1, 3)


def join_quats(largest: NDArray[np.integer], others: NDArray[np.floating]) -> NDArray[np.float32]:
    """Undo ``split_quats``; three parts that are together too long become a unit rotation without the fourth."""
    quats = np.zeros((len(others), 4), np.float64)
    quats[np.arange(4) != largest[:, None]] = others.astype(np.float64).ravel()
    rest = np.maximum(0.0, 1.0 - np.einsum("ni,ni->n", others, others, dtype=np.float64))
    quats[np.arange(len(others)), largest] = np.sqrt(rest)
    return quats.astype(np.float32)


def check_count(path: Path, count: int) -> None:
    """Refuse a promise of more than ``MAX_GAUSSIANS``.

    Raises:
        InvalidFileError: it is one.
    """
    if count > MAX_GAUSSIANS:
        raise InvalidFileError(
            f"{path} promises {count:,} Gaussians, more than the {MAX_GAUSSIANS:,} that a compressed file may hold.",
            hint="If it is whole, make it smaller with the program that made it, or export it as a plain PLY.",
        )


def finished(
    path: Path, gaussians: Gaussians, model: SplatModel, notes: dict[str, str] | None = None
) -> SplatScene:
    """The scene without the rows that a renderer cannot use, which ``provenance["rows_left_out"]`` counts.

    Raises:
        InvalidFileError: there are rows and none is left.
    """
    good = usable(gaussians)
    left_out = len(good) - int(np.count_nonzero(good))
    if left_out and left_out == len(good):
        raise InvalidFileError(
            f"{path} holds {left_out} Gaussians and not one of them can be drawn.",
            hint="Export the file again from the program that made it.",
        )
    provenance = dict(notes or {})
    if left_out:
        provenance["rows_left_out"] = str(left_out)
    return SplatScene(
        gaussians=gaussians[good] if left_out else gaussians, splat_model=model, provenance=provenance
    )


def damaged(path: Path, what: str) -> InvalidFileError:
    """The sentence of a file that is not what its name says."""
    return InvalidFileError(
        f"{path} {what}.", hint="Copy it or export it again from the program that made it."
    )
