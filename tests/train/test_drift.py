"""Laws of the gains that sparse points show."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.point_cloud import SparseModel
from roomsplat.media.images import read_image, write_image
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.drift import log_gains, picture_gains, sampled_colors
from roomsplat.train.pictures import Pictures

PICTURES, POINTS = 12, 400


def seen_colours(gains: np.ndarray, rng: np.random.Generator, *, hidden: float) -> np.ndarray:
    """(c, p) logs of gain plus colour; half of the pairs unseen, a share ``hidden`` of the rest any colour at all."""
    values = gains[:, None] + rng.normal(0, 0.5, POINTS) + rng.normal(0, 0.03, (len(gains), POINTS))
    wrong = rng.random(values.shape) < hidden
    values[wrong] = rng.normal(0, 0.7, wrong.sum())
    values[rng.random(values.shape) < 0.5] = np.nan
    return values


@pytest.mark.parametrize("hidden", [0.0, 0.3])
def test_gains_are_found_among_hidden_points(hidden: float) -> None:
    """Known drift of ±20 % comes back within 3 %, although points hide behind others."""
    rng = np.random.default_rng(0)
    gains = 0.2 * np.sin(np.linspace(0, 6, PICTURES))
    gains -= gains.mean()
    found = log_gains(seen_colours(gains, rng, hidden=hidden))
    np.testing.assert_allclose(found - found.mean(), gains, rtol=0, atol=0.03)


def test_a_steady_film_has_no_drift() -> None:
    """Noise alone moves no gain by more than 2 %."""
    found = log_gains(seen_colours(np.zeros(PICTURES), np.random.default_rng(1), hidden=0.3))
    assert np.abs(found).max() < 0.02


@pytest.mark.parametrize("values", [np.full((3, 50), np.nan), np.zeros((3, 5)), np.zeros((3, 0))])
def test_nothing_known_means_no_gain(values: np.ndarray) -> None:
    """Unseen, too few or no points: 1 for every picture."""
    np.testing.assert_allclose(np.exp(log_gains(values)), 1)


def test_a_dark_picture_is_seen_before_training(
    model: SparseModel, engine: CpuEngine, tmp_path: Path
) -> None:
    """A picture at 70 % of the brightness gets a gain well below the others', which stay together."""
    dark = tmp_path / "dark.png"
    write_image(dark, (read_image(model.posed_images.image_paths[4]) * 0.7).astype(np.uint8))
    paths = (*model.posed_images.image_paths[:4], dark, *model.posed_images.image_paths[5:])
    changed = dataclasses.replace(model.posed_images, image_paths=paths)
    pictures = Pictures(engine, changed, max_side=None, budget_mb=10)
    gains = picture_gains(
        sampled_colors(dataclasses.replace(model, posed_images=changed), pictures, np.arange(9))
    )
    np.testing.assert_allclose(gains.mean(axis=0), 1)
    assert gains[4].mean() < 0.9 * np.delete(gains, 4, axis=0).mean()
