"""The training loop: one, for every engine.

Nothing in a step waits for the device, which runs behind: what a step has found out (its loss, the slope of its
picture's colour transform) is read when the next step has been submitted.
"""

import itertools
import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress, RunWarning, silent
from roomsplat.errors import InvalidFileError, TrainingError
from roomsplat.render.base import (
    Array,
    CameraSlope,
    Engine,
    Gradients,
    PhotometricLoss,
    RenderSettings,
    SplatArrays,
    Splats,
)
from roomsplat.train import schedule
from roomsplat.train.appearance import AppearanceLearning
from roomsplat.train.checkpoint import (
    TrainState,
    fingerprint,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from roomsplat.train.config import TrainConfig
from roomsplat.train.densify import budget, densify
from roomsplat.train.depth_pulls import DepthPulls
from roomsplat.train.floaters import Floaters, without_floaters
from roomsplat.train.host import PARAMETERS, Watch, base_colours, converted, on_host, unwatched
from roomsplat.train.initialise import initial_gaussians
from roomsplat.train.order import Order
from roomsplat.train.pictures import Pictures
from roomsplat.train.pose_trial import PoseLearning
from roomsplat.train.poses import CameraMotion
from roomsplat.train.regularise import with_pulls
from roomsplat.train.telling import Teller, sampled_error
from roomsplat.train.transients import Scene, TransientLearning

_SNAPSHOT_SHARE = 0.02
"""Of the time that copies to fall back on may take: 300 MB from a GPU (400 k Gaussians) take some 0.1 s, and the steps
between two boundaries half a second. A device that is lost then costs 5 s of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What training made."""

    gaussians: Gaussians
    """The scene."""
    exposures: NDArray[np.float64] | None
    """(c, 3, 5) colour transforms by place in the posed images, of held-out ones between their neighbours'; ``None``
    if the film does not drift, or nobody wanted to know."""
    loss: float
    """Smoothed training loss at the end; NaN when a finished checkpoint was read."""
    cameras: Cameras
    """All cameras, those of the training pictures where training found them; those given if they stayed."""
    motion: CameraMotion | None
    """How far they moved; ``None`` if they stayed."""
    floaters: Floaters
    """What hung in the air, and was taken away."""
    resumed_at: int
    """Steps that a checkpoint saved; 0 for a run from the start."""
    warnings: tuple[RunWarning, ...]
    """What the user should know."""


def train(
    model: SparseModel,
    engine: Engine,
    config: TrainConfig,
    checkpoint_dir: Path | None = None,
    report: ReportProgress = silent,
    watch: Watch = unwatched,
) -> TrainResult:
    """Fit Gaussians to the pictures of ``model`` that are not held out.

    ``checkpoint_dir``: an existing folder where the run is saved now and then, at the end and on an interrupt, and from
    where the same call resumes; a resumed run gives the same result, bit for bit. ``watch`` may look at the scene.

    Raises:
        TrainingError: no training picture, or the loss stopped being a number.
        InvalidFileError: a picture is unreadable or of the wrong size.
        OutputError: a checkpoint could not be written.
        EngineError: the device failed or its memory is full; a checkpoint is left behind.
    """
    if model.posed_images.is_eval.all():
        raise TrainingError(
            "No picture is left to train on: all are held out.", hint="Hold out fewer pictures or give more."
        )
    pictures = Pictures(
        engine, model.posed_images, max_side=config.max_side, budget_mb=config.picture_memory_mb
    )
    with engine.guard, closing(pictures):
        return _Run(model, engine, config, pictures, checkpoint_dir, report, watch).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submitted:
    """A step that is on its way, and what it will tell."""

    step: int
    place: int
    loss: PhotometricLoss
    error: Array | None
    """Mean square error of the picture, where it is to be reported."""
    slope: CameraSlope | None
    """Where its camera should go, while poses are learned."""


class _Run:
    """One run's moving parts."""

    def __init__(
        self,
        model: SparseModel,
        engine: Engine,
        config: TrainConfig,
        pictures: Pictures,
        checkpoint_dir: Path | None,
        report: ReportProgress,
        watch: Watch,
    ) -> None:
        self.model, self.engine, self.config, self.pictures = model, engine, config, pictures
        self.directory, self.report, self.watch = checkpoint_dir, report, watch
        self.indices = np.flatnonzero(~model.posed_images.is_eval)
        self.order = Order(pictures, self.indices, config.seed)
        pictures.expect(self.order.of_turn(0))
        report(Progress(fraction=0.0, message="preparing pictures and the first Gaussians"))
        self.shorter_side = min(pictures.width, pictures.height)
        self.extent = schedule.scene_extent(model.posed_images.cameras, model.points)
        self.settings = tuple(
            RenderSettings(sh_degree=degree, antialiased=config.antialiased)
            for degree in range(config.sh_degree + 1)
        )
        self.rounds = frozenset(schedule.densify_rounds(config))
        self.last_round = max(self.rounds, default=0)
        self.name = fingerprint(config, model, engine.name)
        self.warnings: list[RunWarning] = []
        self.teller = Teller(config, self.shorter_side, report)
        self.saved_at, self.saved_step = time.monotonic(), -1
        self.poses = PoseLearning(config, model.posed_images.cameras[self.indices], self.extent)
        self.appearance = AppearanceLearning(config, len(self.indices))
        self.transients = TransientLearning(config, pictures, model.posed_images, self.indices)
        self.depth_pulls = DepthPulls(config.regularise, engine, model.points.positions, self.extent)
        self.state = self._first_state()
        self.snapshot_at, self.snapshot_cost = time.monotonic(), 0.0
        self.appearance.restore(self.state.exposures)
        self.transients.restore(self.state.transients)
        self.poses.restore(self.state.poses)
        self.resumed_at = self.state.step

    def _first_state(self) -> TrainState:
        """The checkpoint if there is one of this very run, else the start."""
        if self.directory is not None:
            try:
                if has_checkpoint(self.directory, self.name):
                    state = load_checkpoint(self.directory)
                    self.saved_step = state.step
                    return state
            except InvalidFileError as error:
                self.warnings.append(
                    RunWarning(code="checkpoint_unreadable", message=f"{error.message} Started again.")
                )
        config = self.config
        gaussians = initial_gaussians(
            self.engine,
            self.model,
            self.pictures,
            indices=self.indices,
            extent=self.extent,
            count=config.max_gaussians,
            seed=config.seed,
            dense=round(config.dense_start * config.max_gaussians),
        )
        arrays = self.engine.read(self.engine.create(gaussians, sh_degree=config.sh_degree))
        self.appearance.begin(self.model, self.pictures, self.indices)
        return TrainState(
            step=0,
            first_count=len(gaussians),
            arrays=converted(arrays, on_host),
            exposures=self.appearance.arrays(),
            poses=self.poses.arrays(),
            transients=self.transients.arrays(),
        )

    def result(self) -> TrainResult:
        """Run to the end; on an interrupt, a lost device or any other stop, leave a checkpoint behind.

        What is saved then lies on the host already: a device that has failed is not asked again.
        """
        try:
            self._train()
        except TrainingError:
            raise  # a checkpoint of a diverged run would only diverge again
        except BaseException:
            self._save()
            raise
        self._save()
        images = self.model.posed_images
        cameras = self.poses.applied(images.cameras, self.indices)
        gaussians, floaters = without_floaters(
            self.engine,
            Gaussians(**{name: getattr(self.state.arrays, name) for name in PARAMETERS}),
            cameras,
            images.is_eval,
            self.model.points,
            antialiased=self.config.antialiased,
        )
        return TrainResult(
            gaussians=gaussians,
            floaters=floaters,
            exposures=self.appearance.of_all(len(self.model.posed_images.cameras), self.indices),
            loss=self.teller.loss,
            cameras=cameras,
            motion=self.poses.corrections.motion() if self.poses.moving else None,
            resumed_at=self.resumed_at,
            warnings=tuple(self.warnings),
        )

    def _train(self) -> None:
        """From boundary to boundary. The engine's Gaussians and the plain arrays are both there only while copying."""
        arrays = converted(self.state.arrays, self.engine.xp.asarray)
        self.watch(self.state.step, partial(base_colours, arrays))
        marks = (mark for mark in schedule.boundaries(self.config) if mark > self.state.step)
        for begin, end in itertools.pairwise((self.state.step, *marks)):
            splats = self.engine.write(arrays)
            del arrays
            self._stretch(begin, end, splats)
            self._consider_poses(end, splats)
            self._consider_transients(end, splats)
            arrays = self.engine.read(splats)
            del splats
            self._boundary(end, arrays)
            self.watch(end, partial(base_colours, arrays))

    def _stretch(self, begin: int, end: int, splats: Splats) -> None:
        """Steps without a pause; each is settled when the next one is under way."""
        previous: _Submitted | None = None
        for step in range(begin, end):
            submitted = self._submit(step, splats)
            if previous is not None:
                self._settle(previous, splats.num_gaussians)
            previous = submitted
        if previous is not None:
            self._settle(previous, splats.num_gaussians)

    def _consider_poses(self, done: int, splats: Splats) -> None:
        """Decide whether cameras move, with the Gaussians as they are, at the size of the last step."""
        step, engine = done - 1, self.engine
        level = schedule.divisor(self.config, step, self.shorter_side)
        settings = self.settings[schedule.sh_degree(self.config, step)]

        def given(place: int) -> PinholeCamera:
            return self.pictures.camera(int(self.indices[place]), level)

        def look(camera: PinholeCamera, place: int) -> tuple[float, Callable[[], Gradients]]:
            rendering = engine.rasterize(splats, camera, settings)
            loss = engine.photometric_loss(
                rendering,
                self.pictures.target(int(self.indices[place]), level),
                ssim_weight=self.config.ssim_weight,
                colour=self.appearance.colour(place),
            )
            return loss.value, lambda: engine.backward(splats, rendering, loss.grad_rgb)

        self.poses.consider(done, given, look)

    def _consider_transients(self, done: int, splats: Splats) -> None:
        """Look for what passes through the film, with the Gaussians as they are."""

        def camera(place: int, level: int) -> PinholeCamera:
            return self.poses.camera(place, self.pictures.camera(int(self.indices[place]), level))

        settings = self.settings[schedule.sh_degree(self.config, done - 1)]
        scene = Scene(
            engine=self.engine,
            splats=splats,
            settings=settings,
            camera=camera,
            colour=self.appearance.colour,
        )
        self.transients.consider(done, scene)

    def _submit(self, step: int, splats: Splats) -> _Submitted:
        """One picture: render, compare, improve."""
        config, engine = self.config, self.engine
        place = self.order.place(step)
        index = int(self.indices[place])
        level = schedule.divisor(config, step, self.shorter_side)
        colour = self.appearance.colour(place)
        target = self.pictures.target(index, level)
        settings = self.settings[schedule.sh_degree(config, step)]
        with_depth = self.depth_pulls.is_due(step)
        if with_depth:
            settings = replace(settings, with_depth=True)
        rates = schedule.learning_rates(config, step, self.extent)
        given = self.pictures.camera(index, level)
        camera = self.poses.camera(place, given)
        rendering = engine.rasterize(splats, camera, settings)
        loss = engine.photometric_loss(rendering, target, ssim_weight=config.ssim_weight, colour=colour)
        alpha_slope = depth_slope = None
        if with_depth:
            alpha_slope, depth_slope = self.depth_pulls.slopes(place, given, rendering, target.pixels)
        error = None
        if self.teller.is_due(step):
            error = sampled_error(engine.xp, rendering.rgb, target.pixels, colour)
        slope = engine.update(
            splats,
            rendering,
            loss.grad_rgb,
            rates=with_pulls(rates, config, count=splats.num_gaussians, extent=self.extent),
            step=step + 1,
            collect=step < self.last_round,
            with_camera=self.poses.moving,
            grad_alpha=alpha_slope,
            grad_depth=depth_slope,
        )
        return _Submitted(step=step, place=place, loss=loss, error=error, slope=slope)

    def _settle(self, submitted: _Submitted, num_gaussians: int) -> None:
        """Take in what a step has found out.

        Its picture's colour transform moves one step late. It is not needed earlier: the same picture comes again a
        pass later.
        """
        step, config, value = submitted.step, self.config, submitted.loss.value
        if not math.isfinite(value):
            raise TrainingError(
                f"Training diverged at step {step + 1} of {config.max_steps}: the loss is {value}.",
                hint="Give another train.seed in a settings file (--config); if it happens again, please report it.",
            )
        self.teller.take_in(step, value, submitted.error, num_gaussians)
        self.appearance.learn(submitted.place, submitted.loss, step)
        if submitted.slope is not None:
            self.poses.learn(submitted.place, submitted.slope, step)

    def _boundary(self, done: int, arrays: SplatArrays) -> None:
        """Change the set if a round is due, and keep a copy on the host to fall back on."""
        if done in self.rounds:
            allowed = budget(self.config, done, self.state.first_count)
            densify(self.engine.xp, arrays, allowed=allowed, config=self.config.densify)
        last, begun, count = done == self.config.max_steps, time.monotonic(), len(arrays.means)
        waited = begun - self.snapshot_at
        if not last and self.snapshot_cost * count > _SNAPSHOT_SHARE * waited:
            return
        host = converted(arrays, on_host, moments=not last)
        self.state = replace(
            self.state,
            step=done,
            arrays=host,
            exposures=self.appearance.arrays(),
            poses=self.poses.arrays(),
            transients=self.transients.arrays(),
        )
        self.snapshot_at = time.monotonic()
        self.snapshot_cost = (self.snapshot_at - begun) / max(count, 1)
        if self.snapshot_at - self.saved_at > self.config.checkpoint_every_s:
            self._save()

    def _save(self) -> None:
        if self.directory is not None and self.saved_step != self.state.step:
            save_checkpoint(self.directory, self.state, self.name)
            self.saved_at, self.saved_step = time.monotonic(), self.state.step
