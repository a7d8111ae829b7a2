"""Features are those of each frame, whoever finds them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from roomsplat.core.progress import Progress
from roomsplat.media.images import write_image
from roomsplat.media.masks import place_of_mask, write_mask
from roomsplat.sfm import features
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig


@pytest.fixture
def film(tmp_path: Path) -> list[Path]:
    """Seven crops of one wall, each shifted by 20 px; of two sizes of blobs, so that there is something to find.

    Blue tells which one it is.
    """
    noise = np.random.default_rng(0).normal(size=(240, 480))
    wall = sum(gaussian_filter(noise, sigma) * sigma for sigma in (1.5, 4))
    grey = np.clip(128 + 60 * wall, 0, 255).astype(np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        crop = grey[:, 20 * number : 20 * number + 320]
        write_image(path, np.stack([crop, 255 - crop, np.full_like(crop, number)], axis=2))
    return paths


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_calls_do_not_show(
    film: list[Path], threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many threads and calls of the extractor: the same features, each frame its own and their colours."""
    config, found = SfmConfig(), list[list[features.Features]]()
    for number, per_thread in enumerate((8, 1)):
        monkeypatch.setattr(features, "CHUNK_PER_THREAD", per_thread)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        told = list[Progress]()
        session = Session(folder, threads=threads, seed=0)
        found.append(features.find_features(session, film, config, told.append))
        assert told[-1].fraction == 1.0
        assert len(told) == -(-len(film) // (per_thread * threads))
        assert list((folder / "reduced").iterdir()) == []
    for number, (first, second) in enumerate(zip(*found, strict=True)):
        assert len(first.keypoints) > 50
        for name in ("keypoints", "descriptors", "colors"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        red, green, blue = first.colors.astype(int).T
        np.testing.assert_array_equal(red + green, 255)
        np.testing.assert_array_equal(blue, number)


def test_nothing_is_found_where_a_mask_is_black(film: list[Path], tmp_path: Path) -> None:
    """Of one frame the right half, of another all of it: no feature lies there; those without masks are as before."""
    pictures = tmp_path / "film" / "images"
    pictures.mkdir(parents=True)
    film = [path.rename(pictures / path.name) for path in film]
    found = list[list[features.Features]]()
    for name in ("plain", "masked"):
        (tmp_path / name).mkdir()
        session = Session(tmp_path / name, threads=1, seed=0)
        found.append(features.find_features(session, film, SfmConfig(), lambda _: None))
        write_mask(place_of_mask(film[0]), np.arange(320) < np.full((240, 1), 160))
        write_mask(place_of_mask(film[-1]), np.zeros((240, 320), bool))
    plain, masked = found
    assert plain[0].keypoints[:, 0].max() > 200
    assert 20 < len(masked[0].keypoints) < len(plain[0].keypoints)
    assert masked[0].keypoints[:, 0].max() <= 161
    assert masked[-1].keypoints.shape == (0, 2)
    assert masked[-1].descriptors.shape == (0, 128)
    for before, after in zip(plain[1:-1], masked[1:-1], strict=True):
        np.testing.assert_array_equal(before.keypoints, after.keypoints)
