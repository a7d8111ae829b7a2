"""Laws of what is known of each picture of a film."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame
from roomsplat.media.images import write_image
from roomsplat.pipeline.exposure_curve import exposure_gains
from roomsplat.pipeline.film_figures import film_figures, turn_rates
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import ImageScore
from tests.train.scenes import ring_of_cameras, tiny_model


def frames_of(paths: tuple[Path, ...]) -> list[Frame]:
    """Two a second, the numbers of every tenth frame."""
    return [
        Frame(index=10 * i, timestamp_s=i / 2, name=f"{i / 2:.3f}s", path=path, sharpness=1.0)
        for i, path in enumerate(paths)
    ]


def test_figures_stand_at_their_pictures(tmp_path: Path) -> None:
    """Lost pictures keep their place: what is known of the others is not moved by them."""
    images = tiny_model(CpuEngine(1), tmp_path).posed_images
    frames = frames_of(images.image_paths)
    found = [frame for i, frame in enumerate(frames) if i not in (2, 5)]
    known = np.array([i for i in range(9) if i not in (2, 5)])
    scores = (ImageScore(index=4, psnr=25.0, ssim=0.8, corrected_psnr=26.0, corrected_ssim=0.9),)
    figures = film_figures(
        frames,
        found,
        images.cameras[known],
        is_film=True,
        scores=scores,
        gains=np.arange(7.0),
        reasons={5: "too few matches"},
    )
    assert len(figures) == 9
    assert np.flatnonzero(~figures.registered).tolist() == [2, 5] == sorted(figures.lost)
    assert figures.lost[5] == "too few matches"
    assert np.flatnonzero(~np.isnan(figures.psnr)).tolist() == [6]
    assert figures.gains[8] == 6.0
    assert np.isnan(figures.gains[[2, 5]]).all()
    turns = figures.turning[[0, 1, 3, 4, 6, 7]]
    degrees = np.degrees(1.5 / 8)
    assert turns == pytest.approx(np.array([2, 2, 2, 2, 2, 2]) * degrees, rel=0.05)


def test_light_is_read_off_the_pictures(tmp_path: Path) -> None:
    """A black, a grey and a half white picture are that dark, that bright and that burnt out."""
    paths = tuple(tmp_path / f"{name}.png" for name in ("black", "grey", "white"))
    for path, level in zip(paths, (0, 128, 128), strict=True):
        picture = np.full((120, 160, 3), level, np.uint8)
        if path.stem == "white":
            picture[:, :80] = 255
        write_image(path, picture)
    frames = frames_of(paths)
    figures = film_figures(frames, frames, ring_of_cameras(3), is_film=True)
    assert figures.brightness == pytest.approx([0, 0.502, 0.751], abs=0.005)
    assert figures.clipped == pytest.approx([0, 0, 0.5], abs=0.01)
    assert np.isnan(figures.blur[:2]).all()


def test_a_turn_is_measured_in_degrees_a_second() -> None:
    """The ring's cameras turn by a known angle from one to the next."""
    rates = turn_rates(ring_of_cameras(9), np.arange(9) / 4)
    assert rates == pytest.approx(np.full(8, 4 * np.degrees(1.5 / 8)), rel=0.05)


def test_exposure_is_read_off_points_that_pictures_share(tmp_path: Path) -> None:
    """Pictures that were made darker and brighter by known factors show them, before anything is learned."""
    model = tiny_model(CpuEngine(1), tmp_path, num_points=120)
    true = np.array([1, 1, 1, 0.7, 0.7, 0.7, 1.2, 1.2, 1.2])
    rng = np.random.default_rng(0)
    scene = rng.uniform(60, 180, (48, 64, 1)).repeat(3, axis=2)
    smooth = np.full_like(scene, scene.mean())  # what a point is in one picture it is in all
    paths = tuple(tmp_path / f"gain-{i}.png" for i in range(9))
    for path, gain in zip(paths, true, strict=True):
        write_image(path, (smooth * gain).astype(np.uint8))
    changed = replace(model, posed_images=replace(model.posed_images, image_paths=paths))
    assert exposure_gains(changed, None) == pytest.approx(true / true.mean(), rel=0.03)


def test_learned_exposure_is_taken_where_there_is_any(tmp_path: Path) -> None:
    """What training learned counts: the mean of the three channels' gains, 1 over the film."""
    model = tiny_model(CpuEngine(1), tmp_path)
    learned = np.tile(np.eye(3, 5), (9, 1, 1))
    learned[4] *= 2.0
    gains = exposure_gains(model, learned)
    assert gains.mean() == pytest.approx(1)
    assert gains[4] == pytest.approx(2 * gains[0])
