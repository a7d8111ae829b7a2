"""ALIKED as published, on real pictures, where both are at hand."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.media.images import read_image, resize_image
from roomsplat.priors.features import Extractor, to_bytes
from roomsplat.priors.weights import WEIGHTS
from roomsplat.sfm.matching import match

pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")

SHARED = Path(__file__).resolve().parents[3] / "shared"
OFFICE = SHARED / "data" / "office" / "images"


@pytest.fixture(scope="module")
def aliked() -> Extractor:
    """From ROOMSPLAT_WEIGHTS or from the folder that is shared among the makers; never fetched."""
    folder = Path(os.environ.get("ROOMSPLAT_WEIGHTS") or SHARED / "weights")
    if not (folder / WEIGHTS["aliked"].file).is_file():
        pytest.skip(f"{WEIGHTS['aliked'].file} is not in {folder}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROOMSPLAT_WEIGHTS", str(folder))
        return Extractor("aliked", max_features=512, device="cpu")


def frame(number: int) -> NDArray[np.uint8]:
    """A real picture, reduced to 360 × 640 px."""
    path = OFFICE / f"frame_{number:04d}.jpg"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return resize_image(read_image(path), 360, 640)


def test_what_moves_by_three_pixels_is_found_three_pixels_on(aliked: Extractor) -> None:
    """A picture without its first three columns has nearly the same features, three px further left."""
    picture = frame(11)
    [whole], [cut] = aliked.find([picture]), aliked.find([np.ascontiguousarray(picture[:, 3:])])
    offsets = whole.keypoints[:, None] - (cut.keypoints + np.array([3, 0]))
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    near = offsets[np.arange(len(nearest)), nearest]
    near = near[np.linalg.norm(near, axis=1) < 2]
    assert len(near) > 400
    assert np.abs(near.mean(axis=0)).max() < 0.1


def test_two_pictures_of_a_desk_have_much_in_common(aliked: Extractor) -> None:
    """Neighbouring frames of a real film: as bytes, through the solver's own matching, they share many features."""
    first, second = aliked.find([frame(11), frame(12)])
    matches = match(
        to_bytes(first.descriptors).astype(np.float32), to_bytes(second.descriptors).astype(np.float32)
    )
    assert len(matches) >= 60
    moved = first.keypoints[matches[:, 0]] - second.keypoints[matches[:, 1]]
    near = np.linalg.norm(moved - np.median(moved, axis=0), axis=1) < 40
    assert near.mean() > 0.8, "the film moves on as a whole"
