"""What a run shows while it is at work: a small picture of the film, the cameras, the scene as it grows."""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.scene import SplatScene
from roomsplat.errors import OutputError
from roomsplat.formats.splat import ROW, importance, write_splat
from roomsplat.formats.usable import usable
from roomsplat.media.images import read_image, reduced_size, resize_image, write_image
from roomsplat.pipeline.events import CamerasFound, SnapshotWritten
from roomsplat.pipeline.export import LIVE, MADE_FROM_SCENE, replace_folder, write_cameras
from roomsplat.pipeline.journal import Journal

THUMBNAIL_SIDE = 320
"""Longer side in px."""
SCENE = f"{LIVE}/scene.splat"
MAX_GAUSSIANS = 200_000
"""6.4 MB: what a browser on a phone fetches every ten seconds."""
SHARE = 0.02
"""Of a run's time that showing the scene may take at most."""
MADE_FROM_CAMERAS = (*MADE_FROM_SCENE, "preview.png", "scene.ply", SCENE)


def write_thumbnail(out: Path, frames: Sequence[Frame]) -> None:
    """Write ``thumbnail.jpg``, the sharpest picture of the film."""
    picture = read_image(max(frames, key=lambda frame: frame.sharpness).path)
    size = reduced_size(picture.shape[1], picture.shape[0], THUMBNAIL_SIDE)
    part = out / ".thumbnail.part.jpg"
    write_image(part, resize_image(picture, *size))
    part.replace(out / "thumbnail.jpg")


def show_cameras(
    out: Path, model: SparseModel, frames: Sequence[Frame], journal: Journal, *, reused: bool
) -> None:
    """Write ``cameras/`` before training, unless they are there, and tell that they are.

    Results of an earlier run that were made from other cameras are removed first: they are never beside cameras that do
    not describe them. ``reused``: the cameras are those of an earlier run. The folder then has them, perhaps as that
    run's training corrected them, and stays with that run's results until the new scene is there.
    """
    folder = out / "cameras"
    if not (reused and folder.exists()):
        part = write_cameras(folder, model, frames)
        if _same(part, folder):
            shutil.rmtree(part)
        else:
            if not reused:
                for name in MADE_FROM_CAMERAS:
                    (out / name).unlink(missing_ok=True)
            replace_folder(part, folder)
    journal.emit(
        CamerasFound(
            stage="sfm",
            progress=journal.progress,
            message=f"{len(frames)} of {model.num_input_images} cameras found",
            file="cameras/transforms.json",
            registered=len(frames),
            frames=model.num_input_images,
        )
    )


def _same(part: Path, folder: Path) -> bool:
    try:
        before = (folder / "transforms.json").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (part / "transforms.json").read_bytes() == before


class LiveScene:
    """Writes ``live/scene.splat`` now and then while the scene is trained; ``watch`` is what the trainer calls."""

    def __init__(
        self, out: Path, every_s: float, journal: Journal, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args: ``every_s``: seconds from one to the next at least; 0 writes none."""
        self._path, self._every, self._journal, self._clock = out / SCENE, every_s, journal, clock
        self._last, self._cost = -np.inf, 0.0

    def watch(self, step: int, look: Callable[[], Gaussians]) -> None:
        """Write the scene after ``step`` steps, if it is time and the last one did not cost too much."""
        began = self._clock()
        waited = began - self._last
        if not self._every or waited < self._every or self._cost > SHARE * waited:
            return
        scene = SplatScene(gaussians=most_important(look(), MAX_GAUSSIANS))
        # A full disk: the run goes on, and what it needs itself fails by itself.
        with suppress(OSError, OutputError):
            self._path.parent.mkdir(exist_ok=True)
            write_splat(self._path, scene)
            self._tell(step, len(scene.gaussians))
        self._last = self._clock()
        self._cost = self._last - began

    def _tell(self, step: int, count: int) -> None:
        self._journal.emit(
            SnapshotWritten(
                stage="train",
                progress=self._journal.progress,
                message=f"the scene after {step} steps can be looked at",
                file=SCENE,
                step=step,
                num_gaussians=count,
                bytes=count * ROW.itemsize,
            )
        )


def most_important(gaussians: Gaussians, count: int) -> Gaussians:
    """At most ``count`` of those that can be drawn, the most important ones, in their order."""
    kept = np.flatnonzero(usable(gaussians))
    if len(kept) > count:
        order = np.argpartition(-importance(gaussians[kept]), count)[:count]
        kept = kept[np.sort(order)]
    return gaussians[kept]
