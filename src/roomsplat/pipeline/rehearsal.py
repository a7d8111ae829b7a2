"""Train something tiny in a process of its own while the cameras are being found: it compiles the GPU's kernels.

On a computer that has not run us before, NVRTC compiles some twenty of our kernels (2.4 s on a 4 GHz core) and CuPy its
own at their first use. Finding the cameras takes longer and leaves the GPU idle, and what is compiled is kept on disk,
where training finds it. A process, because a thread that compiles cannot be stopped when the user gives up.
"""

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel
from roomsplat.core.progress import silent
from roomsplat.core.scene import SplatScene
from roomsplat.media.images import write_image
from roomsplat.pipeline.config import PipelineConfig, read_config
from roomsplat.pipeline.fit import fit
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine
from roomsplat.render.view import prepare_scene, render_8bit

STEPS = 100
"""Enough for every degree of the harmonics, every size of picture and every round of densification."""
POINTS = 3_000
PICTURES = 4
WIDTH, HEIGHT = 400, 300
"""px; reduced to a quarter they are still large enough for the coarsest level."""


class Rehearsal:
    """A context in which a rehearsal may run; what is left of it at the end is stopped."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def start(self, config: Path) -> None:
        """Begin, with the settings in the file ``config``. Whatever goes wrong is told by the run itself later."""
        with suppress(OSError):
            self._folder = tempfile.TemporaryDirectory(prefix="roomsplat-", ignore_cleanup_errors=True)
            command = [sys.executable, "-P", "-m", __name__, str(config), self._folder.name]
            self._child = subprocess.Popen(  # noqa: S603 - our own module, with a path of ours
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs."""
        if self._child is not None:
            self._child.kill()  # of no effect on one that has ended
            self._child.communicate()
        if self._folder is not None:
            self._folder.cleanup()


def rehearse(engine: Engine, config: PipelineConfig, folder: Path) -> None:
    """Train, measure and draw a scene of random points with the run's own settings, only smaller; uses ``folder``."""
    train = replace(config.train, max_steps=STEPS, max_gaussians=2 * POINTS, max_side=max(WIDTH, HEIGHT))
    model = random_model(folder)
    trained = fit(model, engine, train, folder / "checkpoint", silent)
    scene = SplatScene(gaussians=trained.gaussians, splat_model=trained.splat_model)
    splats, settings = prepare_scene(engine, scene)
    render_8bit(engine, splats, model.posed_images.cameras.pinhole(0), settings)


def random_model(folder: Path) -> SparseModel:
    """A few cameras side by side before a cloud of points, and pictures of noise in ``folder``."""
    random = np.random.default_rng(0)
    poses = np.tile(np.eye(4, dtype=np.float32), (PICTURES, 1, 1))
    poses[:, 0, 3] = np.linspace(-0.2, 0.2, PICTURES)
    paths = tuple(folder / f"{number}.jpg" for number in range(PICTURES))
    for path in paths:
        write_image(path, random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    cloud = random.uniform((-1, -1, 2), (1, 1, 4), (POINTS, 3)).astype(np.float32)
    return SparseModel(
        posed_images=PosedImages(
            cameras=Cameras(
                intrinsics=np.tile(
                    np.array([WIDTH, WIDTH, WIDTH / 2, HEIGHT / 2], np.float32), (PICTURES, 1)
                ),
                cam_from_world=poses,
                width=WIDTH,
                height=HEIGHT,
            ),
            image_paths=paths,
            mask_paths=(None,) * PICTURES,
            is_eval=np.arange(PICTURES) == 0,
        ),
        points=PointCloud(
            positions=cloud,
            colors=random.integers(0, 256, (POINTS, 3), np.uint8),
            errors=np.zeros(POINTS, np.float32),
            track_lengths=np.zeros(POINTS, np.int32),
        ),
        scale="arbitrary",
        num_input_images=PICTURES,
    )


def main(settings: Path, folder: Path) -> None:
    """What the process does, in the empty ``folder``; it ends with its parent, whose end closes our stdin."""

    def end_with_parent() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    config = read_config(settings)
    rehearse(select_engine(config.engine, config.threads, config.device), config, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
