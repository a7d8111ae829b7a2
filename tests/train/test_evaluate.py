"""Laws of the figures that we report."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import evaluate
from roomsplat.train.similarity import psnr, ssim
from tests.train.scenes import blobs

RNG = np.random.default_rng(0)
PICTURE = RNG.random((24, 31, 3)).astype(np.float32)


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values: list[float] = []
    for channel in range(3):
        for row in range(a.shape[0] - 10):
            for column in range(a.shape[1] - 10):
                x = a[row : row + 11, column : column + 11, channel].astype(np.float64)
                y = b[row : row + 11, column : column + 11, channel].astype(np.float64)
                mx, my = (window * x).sum(), (window * y).sum()
                vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
                cov = (window * (x - mx) * (y - my)).sum()
                top = (2 * mx * my + 1e-4) * (2 * cov + 9e-4)
                values.append(top / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    return float(np.mean(values))


def test_ssim_is_the_mean_over_all_whole_windows() -> None:
    """The separable filter gives what the definition gives."""
    other = np.clip(PICTURE + RNG.normal(0, 0.2, PICTURE.shape), 0, 1).astype(np.float32)
    assert ssim(np, PICTURE, other) == pytest.approx(slow_ssim(PICTURE, other), abs=1e-9)


def scipy_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """The same with SciPy's filter and its mirrored borders, which are cut off where anything is left."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    window /= window.sum()

    def blur(values: np.ndarray) -> np.ndarray:
        filtered = correlate1d(correlate1d(values, window, axis=0), window, axis=1)
        inside = filtered[5:-5, 5:-5]
        return inside if inside.size else filtered

    x, y = a.astype(np.float64), b.astype(np.float64)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    return float(
        np.mean((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    )


@pytest.mark.parametrize(
    "size", [(300, 170), (12, 31), (11, 11), (10, 40), (40, 10), (6, 6), (3, 50), (1, 1)]
)
def test_ssim_is_that_of_scipys_filter(size: tuple[int, int]) -> None:
    """In one strip or several, with whole windows or mirrored borders."""
    a = RNG.random((*size, 3)).astype(np.float32)
    b = np.clip(a + RNG.normal(0, 0.2, a.shape), 0, 1).astype(np.float32)
    assert ssim(np, a, b) == pytest.approx(scipy_ssim(a, b), abs=1e-12)


def test_planes_of_any_layout_are_compared() -> None:
    """An engine's picture is planar, a target's interleaved."""
    other = np.moveaxis(np.ascontiguousarray(np.moveaxis(PICTURE, 2, 0)), 0, 2)[:, ::-1]
    wanted = np.ascontiguousarray(other)
    assert ssim(np, PICTURE, other) == ssim(np, PICTURE, wanted)
    assert psnr(np, PICTURE, other) == pytest.approx(psnr(np, PICTURE, wanted), abs=1e-12)


def test_equal_pictures_are_perfect() -> None:
    """SSIM 1, and a PSNR that stays a number."""
    assert ssim(np, PICTURE, PICTURE) == pytest.approx(1)
    assert psnr(np, PICTURE, PICTURE) == 100


@pytest.mark.parametrize("error", [0.001, 0.01, 0.1])
def test_psnr_of_a_known_error(error: float) -> None:
    """20 dB a decade."""
    assert psnr(np, np.full((4, 5, 3), 0.5, np.float32), np.full((4, 5, 3), 0.5 + error)) == pytest.approx(
        -20 * np.log10(error), abs=1e-3
    )


def test_pictures_smaller_than_the_window_have_an_ssim() -> None:
    """Mirrored borders instead of none at all."""
    assert np.isfinite(ssim(np, PICTURE[:6, :6], PICTURE[1:7, :6]))


def test_the_scene_that_made_the_pictures_scores_best(model: SparseModel, engine: CpuEngine) -> None:
    """Only rounding to 8 bits is left: above 50 dB; and the means are those of the list."""
    reports: list[Progress] = []
    score = evaluate(engine, blobs(), model.posed_images, range(9), report=reports.append)
    assert score.psnr > 50
    assert score.ssim > 0.99
    assert [image.index for image in score.images] == list(range(9))
    assert score.psnr == pytest.approx(np.mean([image.psnr for image in score.images]))
    assert reports[-1].fraction == 1.0


def test_no_picture_gives_no_figure(model: SparseModel, engine: CpuEngine) -> None:
    """NaN, not a number that looks measured."""
    score = evaluate(engine, blobs(), model.posed_images, [])
    assert np.isnan(score.psnr)
    assert score.images == ()


def test_a_colour_cast_costs_only_the_plain_figure(model: SparseModel, engine: CpuEngine) -> None:
    """Through a map that darkens and tints, PSNR falls below 25 dB; colour corrected it is above 50 dB again."""
    cast = np.array([[0.8, 0.05, 0, 0.01, 0], [0, 0.7, 0.05, 0.02, 0], [0, 0, 0.9, -0.01, 0]])
    exposures = np.tile(cast, (9, 1, 1))
    plain = evaluate(engine, blobs(), model.posed_images, [1, 4])
    tinted = evaluate(engine, blobs(), model.posed_images, [1, 4], exposures=exposures)
    assert tinted.psnr < 25 < plain.psnr
    assert min(tinted.corrected_psnr, plain.corrected_psnr) > 50
    assert plain.corrected_psnr >= plain.psnr - 0.01
    assert tinted.corrected_ssim > 0.99


def test_a_worse_scene_scores_worse(model: SparseModel, engine: CpuEngine) -> None:
    """Moved Gaussians cost dB and SSIM."""
    truth = blobs()
    moved = dataclasses.replace(truth, means=truth.means + 0.05)
    good = evaluate(engine, truth, model.posed_images, [1, 4])
    bad = evaluate(engine, moved, model.posed_images, [1, 4])
    assert bad.psnr < good.psnr - 10
    assert bad.ssim < good.ssim


def test_a_perceptual_distance_sees_what_a_user_sees(engine: CpuEngine, model: SparseModel) -> None:
    """It is handed each rendering and its picture, both in [0, 1] and of one size, and its mean is told."""
    pairs = list[tuple[np.ndarray, np.ndarray]]()

    def distance(drawn: np.ndarray, truth: np.ndarray) -> float:
        pairs.append((drawn, truth))
        return 0.25 * len(pairs)

    score = evaluate(engine, blobs(), model.posed_images, [1, 4], perceptual=distance)
    assert [image.lpips for image in score.images] == [0.25, 0.5]
    assert score.lpips == pytest.approx(0.375)
    for (drawn, truth), image in zip(pairs, score.images, strict=True):
        assert drawn.dtype == truth.dtype == np.float32
        assert 0 <= min(drawn.min(), truth.min()) <= max(drawn.max(), truth.max()) <= 1
        assert psnr(np, drawn, truth) == pytest.approx(image.psnr)
    assert evaluate(engine, blobs(), model.posed_images, [1]).lpips is None
