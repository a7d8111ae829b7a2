"""Laws of the training loop, put to the real engine on a tiny scene."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress
from roomsplat.errors import InvalidFileError, TrainingError
from roomsplat.media.images import read_image, write_image
from roomsplat.render.base import KnownCameraSlope, KnownLoss, LearningRates, RenderSettings
from roomsplat.render.cpu.engine import CpuEngine, CpuRendering
from roomsplat.render.cpu.layout import CpuSplats
from roomsplat.render.cpu.targets import CpuTarget
from roomsplat.train.checkpoint import NAME
from roomsplat.train.config import TrainConfig
from roomsplat.train.evaluate import evaluate
from roomsplat.train.host import Watch
from roomsplat.train.schedule import boundaries
from roomsplat.train.trainer import TrainResult, train

SHORT = TrainConfig(max_steps=80, max_gaussians=150, sh_degree=1, min_level_side=12)
STILL = dataclasses.replace(SHORT, refine_poses=False)
"""For those who count what the engine is asked: no picture is looked at between two steps."""


class StoppingEngine(CpuEngine):
    """The real engine, and a user who presses Ctrl-C in the middle of a step."""

    def __init__(self, stop_at: int) -> None:
        """Stop at step ``stop_at``, counted from 1."""
        super().__init__(threads=1)
        self.stop_at = stop_at

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
    ) -> KnownCameraSlope | None:
        """Update half of it, then stop."""
        result = super().update(
            splats, rendering, grad_rgb, rates=rates, step=step, collect=collect, with_camera=with_camera,
            grad_alpha=grad_alpha, grad_depth=grad_depth,
        )  # fmt: skip
        if step == self.stop_at:
            raise KeyboardInterrupt
        return result


class DivergingEngine(CpuEngine):
    """The real engine, whose loss stops being a number."""

    def __init__(self, first_bad: int) -> None:
        """``first_bad``: the first loss that is not one, counted from 1."""
        super().__init__(threads=1)
        self.first_bad, self.losses = first_bad, 0

    def photometric_loss(
        self,
        rendering: CpuRendering,
        target: CpuTarget,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> KnownLoss:
        """Not a number from the loss ``first_bad`` on."""
        loss = super().photometric_loss(rendering, target, ssim_weight=ssim_weight, colour=colour)
        self.losses += 1
        return loss if self.losses < self.first_bad else dataclasses.replace(loss, value=float("nan"))


def watched(steps: list[int], scenes: list[Gaussians]) -> Watch:
    """A watcher that always looks."""

    def watch(step: int, look: Callable[[], Gaussians]) -> None:
        steps.append(step)
        scenes.append(look())

    return watch


def same(a: Gaussians, b: Gaussians) -> bool:
    """Bit for bit."""
    names = ("means", "quats", "log_scales", "opacity_logits", "sh")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


@pytest.fixture(scope="module")
def result(model: SparseModel, engine: CpuEngine) -> TrainResult:
    """A whole run without a stop."""
    return train(model, engine, SHORT)


def test_training_approaches_the_pictures(model: SparseModel, engine: CpuEngine) -> None:
    """A few hundred steps bring training views and the held-out view far above where they began."""
    views = np.arange(len(model.posed_images.cameras))
    start = train(model, engine, dataclasses.replace(SHORT, max_steps=1)).gaussians
    trained = train(model, engine, dataclasses.replace(SHORT, max_steps=240)).gaussians
    before = evaluate(engine, start, model.posed_images, views)
    after = evaluate(engine, trained, model.posed_images, views)
    assert after.psnr > before.psnr + 7
    assert after.images[0].psnr > before.images[0].psnr + 5
    assert after.ssim > before.ssim


def test_the_same_seed_gives_the_same_scene(
    model: SparseModel, engine: CpuEngine, result: TrainResult
) -> None:
    """Twice the same, bit for bit; another seed differs."""
    assert same(train(model, engine, SHORT).gaussians, result.gaussians)
    other = train(model, engine, dataclasses.replace(SHORT, seed=1)).gaussians
    assert not same(other, result.gaussians)


@pytest.mark.parametrize("stop_at", [1, 17, 50, 79, 80])
def test_a_resumed_run_equals_an_uninterrupted_one(
    stop_at: int, model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """Ctrl-C at any step leaves a checkpoint from which the rest gives the same scene, bit for bit."""
    with pytest.raises(KeyboardInterrupt):
        train(model, StoppingEngine(stop_at), SHORT, tmp_path)
    assert (tmp_path / NAME).exists()
    resumed = train(model, engine, SHORT, tmp_path)
    assert resumed.resumed_at < stop_at
    assert stop_at < 10 or resumed.resumed_at > 0
    assert same(resumed.gaussians, result.gaussians)


def test_exposures_are_resumed_too(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """The colour transforms are part of the state."""
    config = dataclasses.replace(SHORT, exposure_min_drift=0)
    whole = train(model, engine, config)
    with pytest.raises(KeyboardInterrupt):
        train(model, StoppingEngine(60), config, tmp_path)
    resumed = train(model, engine, config, tmp_path)
    assert same(resumed.gaussians, whole.gaussians)
    assert resumed.exposures is not None
    assert whole.exposures is not None
    assert np.array_equal(resumed.exposures, whole.exposures)


def test_a_finished_run_is_not_run_again(
    model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """The last checkpoint holds the result."""
    train(model, engine, SHORT, tmp_path)
    again = train(model, StoppingEngine(1), SHORT, tmp_path)
    assert again.resumed_at == SHORT.max_steps
    assert same(again.gaussians, result.gaussians)


def test_a_checkpoint_of_other_settings_is_not_used(
    model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """Another seed's checkpoint does not leak into this run."""
    train(model, engine, dataclasses.replace(SHORT, seed=3), tmp_path)
    fresh = train(model, engine, SHORT, tmp_path)
    assert fresh.resumed_at == 0
    assert same(fresh.gaussians, result.gaussians)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_damaged_checkpoint_is_told_and_replaced(
    keep: int, model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """A file cut short by a crash of the disk costs the saved time, not the run."""
    train(model, engine, SHORT, tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:keep])
    fresh = train(model, engine, SHORT, tmp_path)
    assert [warning.code for warning in fresh.warnings] == ["checkpoint_unreadable"]
    assert same(fresh.gaussians, result.gaussians)


@pytest.mark.parametrize("field", ["e_prior", "m_means", "step", "e_more"])
def test_a_checkpoint_of_another_version_is_told_and_replaced(
    field: str, model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """A file with a field less or more than this version writes costs the saved time, not the run."""
    train(model, engine, SHORT, tmp_path)
    with np.load(tmp_path / NAME) as archive:
        content = dict(archive)
    if content.pop(field, None) is None:
        content[field] = np.zeros(3)
    np.savez(tmp_path / NAME, **content)
    fresh = train(model, engine, SHORT, tmp_path)
    assert [warning.code for warning in fresh.warnings] == ["checkpoint_unreadable"]
    assert (fresh.resumed_at, same(fresh.gaussians, result.gaussians)) == (0, True)


def test_checkpoints_come_in_time_and_leave_nothing_else(
    model: SparseModel, engine: CpuEngine, tmp_path: Path
) -> None:
    """With no patience at all every boundary is saved, under one name."""
    train(model, engine, dataclasses.replace(SHORT, checkpoint_every_s=1e-9), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("cap", [30, 100, 130])
def test_the_cap_is_never_exceeded(cap: int, model: SparseModel, engine: CpuEngine) -> None:
    """Not at the start, not in between, and the budget is used up to the cap."""
    counts: list[float] = []

    def listen(progress: Progress) -> None:
        counts.append(progress.metrics.get("num_gaussians", 0))

    trained = train(model, engine, dataclasses.replace(SHORT, max_gaussians=cap), report=listen)
    assert max(counts) <= cap
    assert len(trained.gaussians) <= cap
    assert cap == 30 or len(trained.gaussians) > 0.9 * cap


def test_progress_ends_at_one_and_names_its_figures(model: SparseModel, engine: CpuEngine) -> None:
    """Fractions ascend to 1, and each report of a step carries step, loss, PSNR and the count."""
    reports: list[Progress] = []
    train(model, engine, SHORT, report=reports.append)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all({"step", "loss", "psnr", "num_gaussians"} <= set(report.metrics) for report in reports[1:])


@pytest.mark.parametrize("first_bad", [1, 2, 6, 7, 43, 79, 80])
def test_a_diverged_loss_is_told(first_bad: int, model: SparseModel, tmp_path: Path) -> None:
    """A loss that is not a number stops the run with its own step, and nothing of it is saved."""
    with pytest.raises(TrainingError, match=f"step {first_bad} of 80: the loss is nan"):
        train(model, DivergingEngine(first_bad), STILL, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_nothing_to_train_on_is_told(model: SparseModel, engine: CpuEngine) -> None:
    """All pictures held out."""
    posed = dataclasses.replace(model.posed_images, is_eval=np.ones(9, bool))
    with pytest.raises(TrainingError, match="No picture is left"):
        train(dataclasses.replace(model, posed_images=posed), engine, SHORT)


def test_a_picture_of_another_size_is_told(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """The sentence names the file and both sizes."""
    write_image(tmp_path / "odd.png", np.zeros((10, 20, 3), np.uint8))
    paths = (*model.posed_images.image_paths[:-1], tmp_path / "odd.png")
    posed = dataclasses.replace(model.posed_images, image_paths=paths)
    with pytest.raises(InvalidFileError, match=r"odd\.png is 20x10 px, but its camera has 64x48"):
        train(dataclasses.replace(model, posed_images=posed), engine, SHORT)


def test_too_few_points_are_filled_up(model: SparseModel, engine: CpuEngine) -> None:
    """Without a single sparse point the pictures seed the scene, and training still approaches them."""
    nothing = dataclasses.replace(
        model.points,
        positions=np.zeros((0, 3)),
        colors=np.zeros((0, 3), np.uint8),
        errors=np.zeros(0),
        track_lengths=np.zeros(0, np.int32),
    )
    trained = train(
        dataclasses.replace(model, points=nothing), engine, dataclasses.replace(SHORT, max_steps=300)
    )
    score = evaluate(engine, trained.gaussians, model.posed_images, np.arange(1, 9))
    assert score.psnr > 20


def test_what_is_masked_is_not_learned(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """A magenta patch in half of the pictures enters the scene, unless masks cover it."""
    rows, columns = slice(16, 32), slice(24, 40)
    mask = np.full((48, 64, 3), 255, np.uint8)
    mask[rows, columns] = 0
    write_image(tmp_path / "mask.png", mask)
    paths, masks = list(model.posed_images.image_paths), [None] * 9
    for index in (2, 4, 6, 8):
        picture = read_image(paths[index]).copy()
        picture[rows, columns] = (255, 0, 255)
        paths[index], masks[index] = tmp_path / f"{index}.png", tmp_path / "mask.png"
        write_image(paths[index], picture)
    errors: list[float] = []
    for mask_paths in (masks, [None] * 9):
        posed = dataclasses.replace(
            model.posed_images, image_paths=tuple(paths), mask_paths=tuple(mask_paths)
        )
        config = dataclasses.replace(SHORT, max_steps=240, mask_transients=False)
        trained = train(dataclasses.replace(model, posed_images=posed), engine, config).gaussians
        splats = engine.create(trained, sh_degree=trained.sh_degree)
        for index in (2, 4, 6, 8):
            shown = engine.rasterize(splats, posed.cameras.pinhole(index), RenderSettings(sh_degree=1)).rgb
            truth = np.moveaxis(read_image(model.posed_images.image_paths[index]), 2, 0) / 255
            errors.append(float(np.abs(shown - truth)[:, rows, columns].mean()))
    assert np.mean(errors[:4]) < 0.75 * np.mean(errors[4:])


def test_a_steady_film_learns_no_exposure(model: SparseModel, engine: CpuEngine, result: TrainResult) -> None:
    """Below the threshold the run is, bit for bit, one without transforms."""
    off = train(model, engine, dataclasses.replace(SHORT, learn_exposure=False))
    assert result.exposures is None
    assert same(off.gaussians, result.gaussians)


def test_a_film_without_anything_passing_is_trained_as_before(
    model: SparseModel, engine: CpuEngine, result: TrainResult
) -> None:
    """Looks that find nothing leave no trace: bit for bit the run without them."""
    off = train(model, engine, dataclasses.replace(SHORT, mask_transients=False))
    assert same(off.gaussians, result.gaussians)


def test_exposure_finds_the_dark_picture(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """A picture at half the brightness gets a transform that darkens; the others stay near the identity."""
    dark = tmp_path / "dark.png"
    write_image(dark, read_image(model.posed_images.image_paths[4]) // 2)
    paths = (*model.posed_images.image_paths[:4], dark, *model.posed_images.image_paths[5:])
    posed = dataclasses.replace(model.posed_images, image_paths=paths)
    config = dataclasses.replace(SHORT, max_steps=320, exposure_min_drift=0.05, exposure_rate=5e-3)
    trained = train(dataclasses.replace(model, posed_images=posed), engine, config)
    assert trained.exposures is not None
    gains = np.trace(trained.exposures[:, :, :3], axis1=1, axis2=2) / 3
    assert gains[4] < 0.85
    assert np.delete(gains, 4).min() > 0.9


def test_pictures_can_be_reduced(model: SparseModel, engine: CpuEngine) -> None:
    """``max_side`` trains on smaller pictures; evaluation at that size agrees with them."""
    trained = train(model, engine, dataclasses.replace(SHORT, max_side=32, max_steps=160))
    score = evaluate(engine, trained.gaussians, model.posed_images, [1, 2], max_side=32)
    assert score.psnr > 20


def test_who_watches_changes_nothing(model: SparseModel, engine: CpuEngine, result: TrainResult) -> None:
    """The same seed gives the same bits with a watcher and without; it sees the start, every boundary and the end."""
    steps: list[int] = []
    scenes: list[Gaussians] = []
    seen = train(model, engine, SHORT, watch=watched(steps, scenes))
    assert same(seen.gaussians, result.gaussians)
    assert tuple(steps) == (0, *boundaries(SHORT))
    assert {scene.sh_degree for scene in scenes} == {0}
    kept = {mean.tobytes() for mean in seen.gaussians.means}
    left = scenes[-1][np.array([mean.tobytes() in kept for mean in scenes[-1].means])]
    assert same(left, dataclasses.replace(seen.gaussians, sh=seen.gaussians.sh[:, :1]))
    assert len(scenes[-1]) - len(left) == seen.floaters.removed, "what hangs in the air goes at the very end"
    assert not same(scenes[0], scenes[1])


def test_an_interrupted_watcher_leaves_a_checkpoint(
    model: SparseModel, engine: CpuEngine, result: TrainResult, tmp_path: Path
) -> None:
    """Ctrl-C while the scene is being shown: the same call goes on from the checkpoint, with the same result."""

    def watch(step: int, look: Callable[[], Gaussians]) -> None:
        del look
        if step > 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, engine, SHORT, tmp_path, watch=watch)
    steps: list[int] = []
    resumed = train(model, engine, SHORT, tmp_path, watch=watched(steps, []))
    assert resumed.resumed_at == steps[0]
    assert same(resumed.gaussians, result.gaussians)
