"""Laws of training pictures, their sizes and their masks."""

import dataclasses
import weakref
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.point_cloud import SparseModel
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image, reduced_size, write_image
from roomsplat.media.masks import read_mask, shrink_mask
from roomsplat.render.base import Target
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cpu.targets import CpuTarget
from roomsplat.train.pictures import Pictures, _Kept
from roomsplat.train.reading import _AHEAD, ReadAhead


class CountingEngine(CpuEngine):
    """The real engine, and how many targets it was asked for."""

    prepared: int = 0
    reduced: int = 0

    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> CpuTarget:
        """Count, then prepare."""
        self.prepared += 1
        return super().prepare_target(image, mask)

    def reduce_target(self, target: Target, width: int, height: int) -> CpuTarget:
        """Count, then reduce."""
        self.reduced += 1
        return super().reduce_target(target, width, height)


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


def test_what_fits_goes_to_the_engine_once(model: SparseModel) -> None:
    """Within the budget each picture is handed over once and reduced once a level; without one, at each use."""
    for budget, prepared, reduced in ((10, 9, 18), (0, 54, 36)):
        engine = CountingEngine(threads=1)
        pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=budget)
        for divisor in (4, 2, 1):
            for _ in range(2):
                for index in range(9):
                    assert pictures.target(index, divisor).width == 64 // divisor
        assert (engine.prepared, engine.reduced) == (prepared, reduced)


@pytest.mark.parametrize("masked", [False, True])
def test_the_budget_is_kept(masked: bool, model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """What is kept, at full size and at a level together, has no more bytes than allowed, and uses most of them."""
    posed = model.posed_images
    if masked:
        write_image(tmp_path / "mask.png", np.full((48, 64, 3), 255, np.uint8))
        posed = dataclasses.replace(posed, mask_paths=(tmp_path / "mask.png",) * 9)
    allowed, pixels, depth = 4 * 64 * 48 * 4, 64 * 48, 3 + masked
    pictures = Pictures(engine, posed, max_side=None, budget_mb=0)
    pictures._full, pictures._reduced = _Kept(0.8 * allowed), _Kept(0.2 * allowed)
    for index in range(9):
        pictures.target(index, 2)
    used = depth * (len(pictures._full.targets) * pixels + len(pictures._reduced.targets) * pixels // 4)
    assert 0.7 * allowed < used <= allowed


def test_a_level_is_let_go_when_the_next_one_begins(model: SparseModel, engine: CpuEngine) -> None:
    """Full size keeps no room for the levels before it."""
    pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=10)
    level = weakref.ref(pictures.target(3, 2))
    assert level() is not None
    pictures.target(3, 1)
    assert level() is None


def test_a_camera_is_made_once(model: SparseModel, engine: CpuEngine) -> None:
    """Engines know a camera again by identity."""
    pictures = Pictures(engine, model.posed_images, max_side=None, budget_mb=1)
    assert pictures.camera(3, 2) is pictures.camera(3, 2)
    assert pictures.camera(3, 2) is not pictures.camera(3, 4)


@pytest.mark.parametrize("budget", [0, 10])
def test_reading_ahead_changes_nothing(budget: int, model: SparseModel, engine: CpuEngine) -> None:
    """Expected or not, expected twice, and in another order than asked for: the pictures are the files."""
    with closing(Pictures(engine, model.posed_images, max_side=None, budget_mb=budget)) as pictures:
        pictures.expect([5, 2, 8])
        pictures.expect([2, 7, 1, 8, 0, 7])
        for index in (8, 2, 3, 7, 0, 2):
            assert np.array_equal(pictures.image(index), read_image(model.posed_images.image_paths[index]))


def test_what_is_expected_is_read_in_time_and_what_is_not_asked_for_is_bounded() -> None:
    """Before the first question the readers are at work, in the order asked for; they never run far ahead."""
    begun: list[int] = []
    ahead = ReadAhead(lambda number: begun.append(number) or number)
    with closing(ahead):
        ahead.expect(range(1000))
        assert ahead.get(0) == 0
        limit = ahead._workers + _AHEAD
        assert [ahead.get(number) for number in range(1, 50)] == list(range(1, 50))
        assert set(begun) >= set(range(50))
        assert max(begun) <= 50 + limit
        assert len(begun) == len(set(begun))


def test_a_picture_that_cannot_be_read_ahead_is_told_when_it_is_asked_for(
    model: SparseModel, engine: CpuEngine, tmp_path: Path
) -> None:
    """Not earlier, not from a thread, and the others are fine."""
    (tmp_path / "broken.png").write_bytes(b"no picture")
    paths = (*model.posed_images.image_paths[:-1], tmp_path / "broken.png")
    posed = dataclasses.replace(model.posed_images, image_paths=paths)
    with closing(Pictures(engine, posed, max_side=None, budget_mb=1)) as pictures:
        pictures.expect(range(9))
        assert pictures.target(7).width == 64
        with pytest.raises(InvalidFileError, match=r"broken\.png"):
            pictures.target(8)


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
