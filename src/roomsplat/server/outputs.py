"""Puts what a run made where users of the service find it."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def publish(storage: Path, job_id: str, out: Path) -> None:
    """``models/ID.ply`` is the scene and ``frames/ID`` the pictures, as users of the older recipe know them."""
    scene, part = storage / "models" / f"{job_id}.ply", storage / "models" / f".{job_id}.part"
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        os.link(out / "scene.ply", part)
    except OSError:  # a file system without links
        shutil.copyfile(out / "scene.ply", part)
    part.replace(scene)
    frames = storage / "frames" / job_id
    frames.parent.mkdir(exist_ok=True)
    if not frames.is_symlink():
        frames.symlink_to(Path("..") / "models" / job_id / "work" / "capture", target_is_directory=True)


def clear_unfinished(out: Path) -> None:
    """Delete the halves of stages that no later run can continue: after a full disk they are what fills it."""
    for stage in ("capture", "sfm", "export"):  # the half of a training is its checkpoint
        shutil.rmtree(out / "work" / f".{stage}.part", ignore_errors=True)
