"""Laws of training pictures, their sizes and their masks."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image, reduced_size, write_image
from roomsplat.media.masks import read_mask, shrink_mask
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cpu.targets import CpuTarget
from roomsplat.train.pictures import Pictures


class CountingEngine(CpuEngine):
    """The real engine, and how many targets it was asked for."""

    prepared: int = 0

    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> CpuTarget:
        """Count, then prepare."""
        self.prepared += 1
        return super().prepare_target(image, mask)


@pytest.mark.parametrize(
    ("size", "max_side", "wanted"),
    [
        ((1076, 1915), 478, (269, 478)),
        ((640, 480), None, (640, 480)),
        ((640, 480), 2000, (640, 480)),
        ((4000, 3), 40, (40, 1)),
    ],
)
def test_reduced_size(size: tuple[int, int], max_side: int | None, wanted: tuple[int, int]) -> None:
    """The longer side meets the limit, the shape is kept, nothing grows and nothing vanishes."""
    assert reduced_size(*size, max_side) == wanted


def test_camera_and_picture_shrink_together(model: SparseModel, engine: CpuEngine) -> None:
    """At every level the camera has the picture's size and still sees the same directions."""
    pictures = Pictures(engine, model.posed_images, max_side=48, budget_mb=10)
    for divisor in (1, 2, 4):
        camera, image = pictures.camera(3, divisor), pictures.image(3, divisor)
        assert image.shape == (camera.height, camera.width, 3)
        assert camera.cx / camera.width == pytest.approx(0.5)
        assert camera.fx / camera.width == pytest.approx(70 / 64)


def test_what_fits_is_prepared_once(model: SparseModel) -> None:
    """Within the budget each level is prepared once; without one, at each use."""
    for budget, wanted in ((10, 18), (0, 36)):
        engine = CountingEngine(threads=1)
        pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=budget)
        for divisor in (2, 1):
            for _ in range(2):
                for index in range(9):
                    assert pictures.target(index, divisor).width == 64 // divisor
        assert engine.prepared == wanted


def test_a_reduced_mask_lets_nothing_in(tmp_path: Path) -> None:
    """A pixel that covers a single masked one is masked."""
    mask = np.full((8, 8, 3), 255, np.uint8)
    mask[5, 2] = 0
    write_image(tmp_path / "mask.png", mask)
    small = shrink_mask(read_mask(tmp_path / "mask.png"), 4, 4)
    assert not small[2, 1]
    assert small.sum() == 15


def test_a_mask_of_another_size_is_told(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """The sentence names the mask."""
    write_image(tmp_path / "mask.png", np.zeros((5, 5, 3), np.uint8))
    posed = dataclasses.replace(model.posed_images, mask_paths=(tmp_path / "mask.png",) * 9)
    with pytest.raises(InvalidFileError, match=r"mask\.png is 5x5 px"):
        Pictures(engine, posed, max_side=None, budget_mb=1).image(0)


def test_full_size_is_the_file(model: SparseModel, engine: CpuEngine) -> None:
    """Nothing is resampled that need not be."""
    pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=1)
    assert np.array_equal(pictures.image(2), read_image(model.posed_images.image_paths[2]))
