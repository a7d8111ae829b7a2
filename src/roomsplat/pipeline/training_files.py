"""What the training stage leaves on disk for the stages after it and for a later run."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.progress import RunWarning
from roomsplat.core.scene import SplatModel, SplatScene
from roomsplat.formats.ply import read_ply, write_ply
from roomsplat.pipeline.workspace import write_text_whole
from roomsplat.train.evaluate import ImageScore
from roomsplat.train.exposure import exposures_of
from roomsplat.train.floaters import Floaters
from roomsplat.train.poses import CameraMotion

EXPOSURES = "exposures.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training."""

    gaussians: Gaussians
    """The scene."""
    splat_model: SplatModel
    """How opacity behaves under the low-pass filter."""
    num_steps: int
    """Training steps."""
    train_size: tuple[int, int]
    """Width and height in px of the pictures that were trained on."""
    psnr: float | None
    """Mean over the held-out pictures in dB; ``None`` when none were held out."""
    ssim: float | None
    """Mean over the held-out pictures."""
    warnings: tuple[RunWarning, ...]
    """What the user should know."""
    cameras: Cameras
    """All cameras, those of the training pictures where training found them."""
    motion: CameraMotion | None
    """How far they moved; ``None`` if they stayed."""
    scores: tuple[ImageScore, ...] = ()
    """Of every held-out picture; ``index`` is its place in the model."""
    exposures: NDArray[np.float64] | None = None
    """(c, 3, 5) what the camera did to each picture's colours; ``None`` if it was not learned."""
    floaters: Floaters | None = None
    """What hung in the air and was taken away; ``None``: nobody looked."""


def save_training(folder: Path, trained: Trained) -> None:
    """Write ``scene.ply``, ``cameras.npz``, ``training.json`` and, where exposures were learned, ``exposures.npy``."""
    write_ply(folder / "scene.ply", SplatScene(gaussians=trained.gaussians, splat_model=trained.splat_model))
    cameras = trained.cameras
    np.savez(folder / "cameras.npz", intrinsics=cameras.intrinsics, cam_from_world=cameras.cam_from_world)
    if trained.exposures is not None:
        np.save(folder / EXPOSURES, trained.exposures)
    content = {
        "picture_size": [cameras.width, cameras.height],
        "motion": None if trained.motion is None else asdict(trained.motion),
        "floaters": None if trained.floaters is None else asdict(trained.floaters),
        "splat_model": trained.splat_model,
        "num_steps": trained.num_steps,
        "train_size": list(trained.train_size),
        "psnr": trained.psnr,
        "ssim": trained.ssim,
        "warnings": [asdict(warning) for warning in trained.warnings],
        "scores": [asdict(score) for score in trained.scores],
    }
    write_text_whole(folder / "training.json", json.dumps(content, indent=1))


def load_training(folder: Path) -> Trained:
    """Read what ``save_training`` wrote."""
    scene = read_ply(folder / "scene.ply")
    content = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    width, height = content["train_size"]
    full_width, full_height = content["picture_size"]
    with np.load(folder / "cameras.npz") as arrays:
        cameras = Cameras(**arrays, width=full_width, height=full_height)
    motion, exposures, floaters = content["motion"], folder / EXPOSURES, content["floaters"]
    return Trained(
        gaussians=scene.gaussians,
        splat_model=content["splat_model"],
        num_steps=content["num_steps"],
        train_size=(width, height),
        psnr=content["psnr"],
        ssim=content["ssim"],
        warnings=tuple(RunWarning(**warning) for warning in content["warnings"]),
        cameras=cameras,
        motion=None if motion is None else CameraMotion(**motion),
        scores=tuple(ImageScore(**score) for score in content["scores"]),
        exposures=exposures_of(np.load(exposures)) if exposures.exists() else None,
        floaters=None if floaters is None else Floaters(**floaters),
    )
