"""Save and restore a run in the middle: one npz, complete or absent."""

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.errors import InvalidFileError, OutputError
from roomsplat.render.base import SplatArrays
from roomsplat.train.config import TrainConfig
from roomsplat.train.exposure import Exposures
from roomsplat.train.host import PARAMETERS

NAME = "checkpoint.npz"
_FREE_SETTINGS = ("checkpoint_every_s", "picture_memory_mb")
"""Settings that do not change the result."""
_FINISHED = frozenset(
    {"fingerprint", "step", "first_count"}
    | {f"p_{name}" for name in PARAMETERS}
    | {f"e_{name}" for name in Exposures(np.ones((1, 3))).arrays()}
    | {f"c_{name}" for name in ("twists", "log_focal", "first", "visits", "second", "focal", "steps")}
    | {"e_learns", "c_begun", "c_gain", "h_hidden"}
)
"""What the checkpoint of a finished run holds, no more and no less."""
_FIELDS = _FINISHED | {f"{prefix}_{name}" for prefix in "mv" for name in PARAMETERS}
"""What any other one of this version holds: two thirds of it are moments, which nothing is left to be done with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainState:
    """A run between two steps; pictures' order and random numbers follow from seed and step alone."""

    step: int
    """Steps done."""
    first_count: int
    """Gaussians that the run began with."""
    arrays: SplatArrays
    """Host arrays (NumPy), as ``Engine.write`` takes them; without moments when the run is finished."""
    exposures: dict[str, NDArray[np.generic]]
    """``Exposures.arrays()``."""
    poses: dict[str, NDArray[np.generic]]
    """``PoseLearning.arrays()``."""
    transients: dict[str, NDArray[np.generic]]
    """``TransientLearning.arrays()``."""


def fingerprint(config: TrainConfig, model: SparseModel, engine_name: str) -> str:
    """Names everything that the result depends on; a checkpoint of another fingerprint is of no use."""
    settings = {name: value for name, value in asdict(config).items() if name not in _FREE_SETTINGS}
    digest = hashlib.sha256(json.dumps([engine_name, settings], sort_keys=True).encode())
    images, points = model.posed_images, model.points
    for array in (images.cameras.intrinsics, images.cameras.cam_from_world, images.is_eval, points.positions):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def save_checkpoint(directory: Path, state: TrainState, name: str) -> Path:
    """Write under a temporary name, then rename: a reader sees the old file or the new one.

    Raises:
        OutputError: the folder cannot be written.
    """
    path, part = directory / NAME, directory / f".{NAME}.part"
    content: dict[str, Any] = {"fingerprint": name, "step": state.step, "first_count": state.first_count}
    content |= {f"p_{key}": getattr(state.arrays, key) for key in PARAMETERS}
    content |= {f"m_{key}": value for key, value in state.arrays.first_moments.items()}
    content |= {f"v_{key}": value for key, value in state.arrays.second_moments.items()}
    content |= {f"e_{key}": value for key, value in state.exposures.items()}
    content |= {f"c_{key}": value for key, value in state.poses.items()}
    content |= {f"h_{key}": value for key, value in state.transients.items()}
    try:
        with part.open("wb") as file:
            np.savez(file, **content)
        part.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} could not be written ({error.strerror or error}).",
            hint="Free some space or choose another output folder.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def has_checkpoint(directory: Path, name: str) -> bool:
    """Whether ``directory`` holds a checkpoint of fingerprint ``name``.

    Raises:
        InvalidFileError: there is a file, but it is damaged.
    """
    path = directory / NAME
    return path.exists() and _read(path, ("fingerprint",))["fingerprint"].item() == name


def load_checkpoint(directory: Path) -> TrainState:
    """What ``save_checkpoint`` wrote; statistics are zero, as after ``Engine.write``.

    Raises:
        InvalidFileError: there is none, it is damaged, or another version wrote it.
    """
    content = _read(directory / NAME, None)
    if content.keys() not in (_FIELDS, _FINISHED):
        odd = ", ".join(sorted(content.keys() ^ _FIELDS))
        raise InvalidFileError(
            f"{directory / NAME} is a checkpoint of another version ({odd}).",
            hint="Delete it to train from the start.",
        )
    groups = {
        prefix: {key[2:]: value for key, value in content.items() if key.startswith(f"{prefix}_")}
        for prefix in "pmvech"
    }
    arrays = SplatArrays(**groups["p"], first_moments=groups["m"], second_moments=groups["v"], statistics={})
    step, first = int(content["step"]), int(content["first_count"])
    return TrainState(
        step=step,
        first_count=first,
        arrays=arrays,
        exposures=groups["e"],
        poses=groups["c"],
        transients=groups["h"],
    )


def _read(path: Path, keys: tuple[str, ...] | None) -> dict[str, Any]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            return {key: np.lib.format.read_array(archive.open(f"{key}.npy")) for key in keys or names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidFileError(
            f"{path} is no readable checkpoint ({error}).", hint="Delete it to train from the start."
        ) from error
