"""Laws of a trainer whose device runs behind it: nothing waits, little is copied, and a device may be lost."""

import dataclasses
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.point_cloud import SparseModel
from roomsplat.errors import DeviceLostError, DeviceMemoryError
from roomsplat.render.base import (
    Array,
    CameraSlope,
    KnownLoss,
    LearningRates,
    RenderSettings,
    SplatArrays,
)
from roomsplat.render.cpu.drawing import CpuRendering
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cpu.layout import CpuSplats
from roomsplat.render.cpu.targets import CpuTarget
from roomsplat.train import schedule, trainer
from roomsplat.train.checkpoint import load_checkpoint
from roomsplat.train.config import PoseConfig, TrainConfig
from roomsplat.train.densify import densify
from roomsplat.train.host import on_host
from roomsplat.train.telling import PSNR_SAMPLES, sampled_error
from roomsplat.train.trainer import TrainResult, train
from tests.train.test_trainer import SHORT, STILL, same

EXPOSED = dataclasses.replace(STILL, exposure_min_drift=0)


class LateLoss:
    """A loss whose figures are there only when the engine says so."""

    def __init__(self, made: KnownLoss, read: Callable[[str], None]) -> None:
        """``read`` is called at each reading."""
        self._made, self._read = made, read
        self.grad_rgb = made.grad_rgb

    @property
    def value(self) -> float:
        """After telling."""
        self._read("value")
        return self._made.value

    @property
    def grad_colour(self) -> NDArray[np.float64] | None:
        """After telling."""
        self._read("grad_colour")
        return self._made.grad_colour


class LateSlope:
    """A camera's gradient that is there only when the engine says so."""

    def __init__(self, made: CameraSlope, read: Callable[[], None]) -> None:
        """``read`` is called at each reading."""
        self._made, self._read = made, read

    @property
    def values(self) -> NDArray[np.float64]:
        """After telling."""
        self._read()
        return self._made.values


class LateEngine(CpuEngine):
    """The real engine, which writes down the order of what it is asked."""

    def __init__(self) -> None:
        """One thread."""
        super().__init__(threads=1)
        self.diary: list[tuple[str, int]] = []
        self.losses = 0

    def photometric_loss(
        self,
        rendering: CpuRendering,
        target: CpuTarget,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> LateLoss:
        """The loss, and when it is read."""
        made = super().photometric_loss(rendering, target, ssim_weight=ssim_weight, colour=colour)
        self.losses += 1
        number = self.losses
        return LateLoss(made, lambda name: self.diary.append((name, number)))

    def update(
        self,
        splats: CpuSplats,
        rendering: CpuRendering,
        grad_rgb: NDArray[np.float32],
        *,
        rates: LearningRates,
        step: int,
        collect: bool = False,
        with_camera: bool = False,
        grad_alpha: NDArray[np.float32] | None = None,
        grad_depth: NDArray[np.float32] | None = None,
    ) -> CameraSlope | None:
        """Note the step."""
        self.diary.append(("update", step))
        made = super().update(
            splats, rendering, grad_rgb, rates=rates, step=step, collect=collect, with_camera=with_camera,
            grad_alpha=grad_alpha, grad_depth=grad_depth,
        )  # fmt: skip
        return None if made is None else LateSlope(made, lambda: self.diary.append(("camera", step)))


class LosingEngine(CpuEngine):
    """The real engine on a device that is lost in the middle of a step, and must not be spoken to after that."""

    def __init__(self, lost_at: int) -> None:
        """``lost_at``: a step, counted from 1."""
        super().__init__(threads=1)
        self.lost_at, self.lost, self.asked_again = lost_at, False, 0

    def __getattribute__(self, name: str) -> object:
        """Count what is asked of a lost device."""
        found = super().__getattribute__(name)
        if name in ("read", "write", "rasterize", "update", "xp") and self.lost:
            self.asked_again += 1
        return found

    def rasterize(self, splats: CpuSplats, camera: PinholeCamera, settings: RenderSettings) -> CpuRendering:
        """Draw, or be lost."""
        self.lost_at -= 1
        if self.lost_at == 0:
            self.lost = True
            raise DeviceLostError("The GPU is gone.", hint="Run it again.")
        return super().rasterize(splats, camera, settings)


@pytest.fixture(scope="module")
def result(model: SparseModel, engine: CpuEngine) -> TrainResult:
    """A whole run without a stop."""
    return train(model, engine, SHORT)


@pytest.mark.parametrize("config", [STILL, EXPOSED])
def test_a_step_is_read_when_the_next_one_is_under_way(config: TrainConfig, model: SparseModel) -> None:
    """Between two boundaries no figure of a step is read before the next step has been handed over; all are read."""
    engine = LateEngine()
    train(model, engine, config)
    ends, handed_over, read = schedule.boundaries(config), 0, set[int]()
    for name, number in engine.diary:
        if name == "update":
            handed_over = number
        else:
            assert handed_over == number + (number not in ends)
            read.add(number)
    assert read == set(range(1, config.max_steps + 1))


def test_a_camera_is_read_when_the_next_step_is_under_way(model: SparseModel) -> None:
    """Between two boundaries no camera's gradient is read before the next step has been handed over."""
    engine, config = LateEngine(), dataclasses.replace(SHORT, poses=PoseConfig(min_gain=-1, keep_gain=-1))
    train(model, engine, config)
    ends, handed_over, read = schedule.boundaries(config), 0, set[int]()
    for name, number in engine.diary:
        if name == "update":
            handed_over = number
        elif name == "camera":
            assert handed_over == number + (number not in ends)
            read.add(number)
    begun = schedule.boundary_at(config, config.poses.trials[0])
    assert read == set(range(begun + 1, config.max_steps + 1))


def test_what_is_read_late_is_the_same(model: SparseModel, result: TrainResult) -> None:
    """Whether figures are there at once or late is not to be seen in the scene."""
    late = train(model, LateEngine(), SHORT)
    assert same(late.gaussians, result.gaussians)
    assert late.loss == result.loss


@pytest.mark.parametrize("lost_at", [1, 30, 57, 80])
def test_a_lost_device_leaves_a_checkpoint(
    lost_at: int, model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """It is made without the device, and the run that resumes from it gives the same scene, bit for bit."""
    losing = LosingEngine(lost_at)
    with pytest.raises(DeviceLostError):
        train(model, losing, SHORT, tmp_path)
    assert losing.asked_again == 0
    saved = load_checkpoint(tmp_path)
    assert saved.step < lost_at
    assert lost_at < 10 or saved.step > 0
    resumed = train(model, engine, SHORT, tmp_path)
    assert resumed.resumed_at == saved.step
    assert same(resumed.gaussians, result.gaussians)


def test_a_failure_on_the_devices_arrays_is_told_in_words(
    model: SparseModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the array library raises in the trainer's own code passes the engine's guard, and the checkpoint is kept."""

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        except MemoryError as error:
            raise DeviceMemoryError("The GPU is full.", hint="Lower something.") from error

    class Guarded(CpuEngine):
        @property
        def guard(self) -> AbstractContextManager[None]:
            return guard()

    rounds = 0

    def full(*args: object, **kwargs: object) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 5:
            raise MemoryError
        densify(*args, **kwargs)

    monkeypatch.setattr(trainer, "densify", full)
    monkeypatch.setattr(
        trainer, "_SNAPSHOT_SHARE", 1e9
    )  # a copy at every boundary, however busy the computer
    with pytest.raises(DeviceMemoryError):
        train(model, Guarded(threads=1), SHORT, tmp_path)
    assert load_checkpoint(tmp_path).step == sorted(schedule.densify_rounds(SHORT))[3]


def test_copies_to_fall_back_on_take_a_small_share_of_the_time(
    model: SparseModel, result: TrainResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a copy to the host is slow there are few of them, and the scene is the same."""
    spent: list[float] = []

    def slowly(array: Array) -> NDArray[np.generic]:
        begun = time.monotonic()
        time.sleep(2e-3)
        spent.append(time.monotonic() - begun)
        return on_host(array)

    monkeypatch.setattr(trainer, "on_host", slowly)
    begun = time.monotonic()
    copied = train(model, CpuEngine(threads=1), SHORT, tmp_path)
    seconds = time.monotonic() - begun
    first, last, one = 15, 5, 15  # arrays: at the start, at the end, and of one copy in between
    allowed = 0.05 * seconds + sum(spent) / len(spent) * (first + last + 2 * one)
    assert sum(spent) < allowed
    assert same(copied.gaussians, result.gaussians)


def test_two_copies_at_most(model: SparseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a round rebuilds the plain arrays, and when they go back in, the engine's old Gaussians are gone."""
    alive: list[weakref.ref[object]] = []
    counts: list[int] = []

    def count() -> None:
        counts.append(sum(reference() is not None for reference in alive))

    class Watched(CpuEngine):
        def write(self, arrays: SplatArrays) -> CpuSplats:
            count()
            splats = super().write(arrays)
            alive.append(weakref.ref(splats.params))
            return splats

    def watched_round(*args: object, **kwargs: object) -> None:
        count()
        densify(*args, **kwargs)

    monkeypatch.setattr(trainer, "densify", watched_round)
    # A look at what passes draws a grey copy of degree 0 beside, a quarter of what reading at every boundary takes.
    train(model, Watched(threads=1), dataclasses.replace(SHORT, mask_transients=False))
    assert len(counts) > 20
    assert not any(counts)


def test_the_reported_error_is_that_of_the_picture() -> None:
    """On every pixel of a small picture: clamped, colour-transformed, against 8 bits."""
    rng = np.random.default_rng(0)
    rgb, pixels = (
        rng.uniform(-0.2, 1.2, (3, 20, 30)).astype(np.float32),
        rng.integers(0, 256, (20, 30, 3), np.uint8),
    )
    colour = rng.normal(np.eye(3, 5), 0.1).astype(np.float32)
    for matrix in (None, colour):
        shown = rgb
        if matrix is not None:
            squares = matrix[:, 4, None, None] * rgb**2
            shown = np.tensordot(matrix[:, :3], rgb, 1) + matrix[:, 3, None, None] + squares
        wanted = np.mean((np.clip(shown, 0, 1) - np.moveaxis(pixels, 2, 0) / 255.0) ** 2)
        assert float(sampled_error(np, rgb, pixels, matrix)) == pytest.approx(wanted, rel=1e-5)


def test_a_large_picture_is_sampled() -> None:
    """A constant error is the same on any grid; far fewer pixels than there are are looked at."""
    rgb, pixels = np.full((3, 1000, 700), 0.5, np.float32), np.zeros((1000, 700, 3), np.uint8)
    assert float(sampled_error(np, rgb, pixels, None)) == pytest.approx(0.25)
    rgb[:, 1::2], rgb[:, :, 1::2] = np.nan, np.nan
    stride = 700 // PSNR_SAMPLES
    rgb[:, ::stride, ::stride] = 0.5
    assert float(sampled_error(np, rgb, pixels, None)) == pytest.approx(0.25)
