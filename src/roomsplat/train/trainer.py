"""The training loop: one, for every engine."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress, RunWarning, silent
from roomsplat.errors import InvalidFileError, TrainingError
from roomsplat.render.base import Array, Engine, RenderSettings, SplatArrays, Splats
from roomsplat.train import schedule
from roomsplat.train.checkpoint import (
    TrainState,
    fingerprint,
    has_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from roomsplat.train.config import TrainConfig
from roomsplat.train.densify import PARAMETERS, budget, densify
from roomsplat.train.drift import picture_gains
from roomsplat.train.evaluate import on_host
from roomsplat.train.exposure import Exposures, identity_exposures
from roomsplat.train.initialise import initial_gaussians
from roomsplat.train.pictures import Pictures

_REPORT_EVERY_S = 0.5
_PSNR_SAMPLES = 200
"""Rows and columns of a picture that the reported PSNR looks at: at full HD all of them would cost 30 ms a report."""
_SMOOTHING = 0.1
"""Share of the newest step in the reported loss and PSNR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What training made."""

    gaussians: Gaussians
    """The scene."""
    exposures: NDArray[np.float64]
    """(c, 3, 4) colour transforms by place in the posed images; identity for held-out ones and when not learned."""
    loss: float
    """Smoothed training loss at the end; NaN when a finished checkpoint was read."""
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
) -> TrainResult:
    """Fit Gaussians to the pictures of ``model`` that are not held out.

    ``checkpoint_dir``: an existing folder where the run is saved now and then, at the end and on an interrupt, and from
    where the same call resumes; a resumed run gives the same result, bit for bit.

    Raises:
        TrainingError: no training picture, or the loss stopped being a number.
        InvalidFileError: a picture is unreadable or of the wrong size.
        OutputError: a checkpoint could not be written.
    """
    if model.posed_images.is_eval.all():
        raise TrainingError(
            "No picture is left to train on: all are held out.", hint="Hold out fewer pictures or give more."
        )
    return _Run(model, engine, config, checkpoint_dir, report).result()


class _Run:
    """One run's moving parts."""

    def __init__(
        self,
        model: SparseModel,
        engine: Engine,
        config: TrainConfig,
        checkpoint_dir: Path | None,
        report: ReportProgress,
    ) -> None:
        self.model, self.engine, self.config = model, engine, config
        self.directory, self.report = checkpoint_dir, report
        self.indices = np.flatnonzero(~model.posed_images.is_eval)
        self.pictures = Pictures(
            engine, model.posed_images, max_side=config.max_side, budget_mb=config.picture_memory_mb
        )
        self.shorter_side = min(self.pictures.width, self.pictures.height)
        self.extent = schedule.scene_extent(model.posed_images.cameras, model.points)
        report(Progress(fraction=0.0, message="preparing pictures and the first Gaussians"))
        self.name = fingerprint(config, model, engine.name)
        self.warnings: list[RunWarning] = []
        self.boundaries = frozenset(schedule.boundaries(config))
        self.rounds = frozenset(schedule.densify_rounds(config))
        self.turn, self.order = -1, np.zeros(0, np.int64)
        self.loss, self.psnr = math.nan, math.nan
        self.saved_at, self.saved_step, self.reported_at = time.monotonic(), -1, 0.0
        self.state = self._first_state()
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
            count=config.max_gaussians,
            seed=config.seed,
        )
        arrays = self.engine.read(self.engine.create(gaussians, sh_degree=config.sh_degree))
        exposures = Exposures(self._gains()).arrays()
        return TrainState(
            step=0, first_count=len(gaussians), arrays=converted(arrays, on_host), exposures=exposures
        )

    def _gains(self) -> NDArray[np.float64]:
        """(c, 3) where the training pictures' colour transforms start."""
        if not self.config.learn_exposure:
            return np.ones((len(self.indices), 3))
        return picture_gains(self.model, self.pictures, self.indices)

    def result(self) -> TrainResult:
        """Run to the end; on an interrupt, or any other stop, leave a checkpoint behind."""
        try:
            self._loop()
        except TrainingError:
            raise
        except BaseException:
            self._save()
            raise
        self._save()
        return TrainResult(
            gaussians=Gaussians(**{name: getattr(self.state.arrays, name) for name in PARAMETERS}),
            exposures=self._exposures_of_all(),
            loss=self.loss,
            resumed_at=self.resumed_at,
            warnings=tuple(self.warnings),
        )

    def _loop(self) -> None:
        splats = self.engine.write(converted(self.state.arrays, self.engine.xp.asarray))
        exposures = Exposures.from_arrays(self.state.exposures)
        for step in range(self.state.step, self.config.max_steps):
            self._step(step, splats, exposures)
            done = step + 1
            if done in self.boundaries:
                splats = self._boundary(done, splats, exposures)

    def _step(self, step: int, splats: Splats, exposures: Exposures) -> None:
        """One picture: render, compare, improve."""
        config, engine = self.config, self.engine
        place = self._place(step)
        index = int(self.indices[place])
        level = schedule.divisor(config, step, self.shorter_side)
        settings = RenderSettings(sh_degree=schedule.sh_degree(config, step), antialiased=config.antialiased)
        colour = exposures.colour(place) if config.learn_exposure else None
        target = self.pictures.target(index, level)
        rendering = engine.rasterize(splats, self.pictures.camera(index, level), settings)
        loss = engine.photometric_loss(rendering, target, ssim_weight=config.ssim_weight, colour=colour)
        if not math.isfinite(loss.value):
            raise TrainingError(
                f"Training diverged at step {step + 1} of {config.max_steps}: the loss is {loss.value}.",
                hint="Give another train.seed in a settings file (--config); if it happens again, please report it.",
            )
        if self._due(step, loss.value):
            newest = training_psnr(engine, rendering.rgb, self.pictures.image(index, level), colour)
            self._tell(step, newest, splats.num_gaussians)
        engine.update(
            splats,
            rendering,
            loss.grad_rgb,
            rates=schedule.learning_rates(config, step, self.extent),
            step=step + 1,
            collect=step < max(self.rounds, default=0),
        )
        if loss.grad_colour is not None:
            rate = config.exposure_rate * (1 - step / config.max_steps)
            exposures.step(place, loss.grad_colour, rate, config.exposure_pull)

    def _place(self, step: int) -> int:
        """Which training picture is shown at ``step``: each once per pass, in an order that seed and pass decide."""
        turn, place = divmod(step, len(self.indices))
        if turn != self.turn:
            self.turn = turn
            self.order = np.random.default_rng((self.config.seed, 1, turn)).permutation(len(self.indices))
        return int(self.order[place])

    def _boundary(self, done: int, splats: Splats, exposures: Exposures) -> Splats:
        """Take everything out, change the set if a round is due, keep it as the state to fall back on, put it back."""
        arrays = self.engine.read(splats)
        if done in self.rounds:
            allowed = budget(self.config, done, self.state.first_count)
            arrays = densify(self.engine.xp, arrays, allowed=allowed, config=self.config.densify)
        self.state = replace(
            self.state, step=done, arrays=converted(arrays, on_host), exposures=exposures.arrays()
        )
        if time.monotonic() - self.saved_at > self.config.checkpoint_every_s:
            self._save()
        return self.engine.write(arrays)

    def _save(self) -> None:
        if self.directory is not None and self.saved_step != self.state.step:
            save_checkpoint(self.directory, self.state, self.name)
            self.saved_at, self.saved_step = time.monotonic(), self.state.step

    def _due(self, step: int, loss: float) -> bool:
        """Whether to report now: a few times a second, and at the last step."""
        self.loss = loss if math.isnan(self.loss) else self.loss + _SMOOTHING * (loss - self.loss)
        return time.monotonic() - self.reported_at > _REPORT_EVERY_S or step + 1 == self.config.max_steps

    def _tell(self, step: int, psnr: float, num_gaussians: int) -> None:
        self.reported_at = time.monotonic()
        self.psnr = psnr if math.isnan(self.psnr) else self.psnr + _SMOOTHING * (psnr - self.psnr)
        done, total = step + 1, self.config.max_steps
        metrics = {"step": done, "loss": self.loss, "psnr": self.psnr, "num_gaussians": num_gaussians}
        self.report(
            Progress(
                fraction=schedule.share_of_work(self.config, done, self.shorter_side),
                message=f"training step {done} of {total}",
                metrics=metrics,
            )
        )

    def _exposures_of_all(self) -> NDArray[np.float64]:
        everyone = identity_exposures(len(self.model.posed_images.cameras))
        everyone[self.indices] = self.state.exposures["matrices"]
        return everyone


def training_psnr(
    engine: Engine, rgb: Array, image: NDArray[np.uint8], colour: NDArray[np.float32] | None
) -> float:
    """PSNR in dB of a rendering (3, h, w), colour-transformed, against its (h, w, 3) picture, on a grid of pixels."""
    xp = engine.xp
    stride = max(1, min(image.shape[:2]) // _PSNR_SAMPLES)
    shown = rgb[:, ::stride, ::stride]
    if colour is not None:
        shown = xp.tensordot(xp.asarray(colour[:, :3]), shown, 1) + xp.asarray(colour[:, 3:, None])
    truth = xp.moveaxis(xp.asarray(image[::stride, ::stride]), 2, 0).astype(xp.float32) / 255
    error = float(((xp.clip(shown, 0, 1) - truth) ** 2).mean())
    return -10.0 * math.log10(max(error, 1e-10))


def converted(arrays: SplatArrays, convert: Callable[[Array], Array]) -> SplatArrays:
    """Every array but the statistics through ``convert``."""
    return SplatArrays(
        **{name: convert(getattr(arrays, name)) for name in PARAMETERS},
        first_moments={name: convert(array) for name, array in arrays.first_moments.items()},
        second_moments={name: convert(array) for name, array in arrays.second_moments.items()},
        statistics={},
    )
