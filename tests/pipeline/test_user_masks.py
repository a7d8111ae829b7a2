"""Masks that a user gives: found by the usual conventions, and refused in a sentence where they do not fit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame
from roomsplat.errors import InputNotFoundError, InvalidFileError, InvalidSettingError
from roomsplat.formats.colmap import ColmapModel, write_colmap
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.media.images import write_image
from roomsplat.media.masks import place_of_mask, read_mask, write_mask
from roomsplat.pipeline.export import write_cameras
from roomsplat.pipeline.user_masks import find_masks, masks_key, masks_warnings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.sfm.manifest import SPARSE, SfmResult, load_sfm, save_sfm
from roomsplat.train.pictures import Pictures
from tests.sfm.test_quality import GOOD
from tests.train.scenes import tiny_model

NAMES = ("a.jpg", "b.jpg", "c.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A data set's folder of three small pictures, ``images``."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    for name in NAMES:
        write_image(folder / name, np.zeros((6, 8, 3), np.uint8))
    return folder


def drawn(folder: Path, *names: str) -> Path:
    """The folder with masks of these names."""
    folder.mkdir(exist_ok=True)
    for name in names:
        write_image(folder / name, np.full((6, 8, 3), 255, np.uint8))
    return folder


@pytest.mark.parametrize("place", ["masks", "../masks"])
def test_a_folder_of_masks_is_found(pictures: Path, place: str) -> None:
    """In the folder of pictures or beside it, named as COLMAP wants it (a.jpg.png) or after the stem (b.png)."""
    masks = drawn(pictures / place, "a.jpg.png", "b.png", "c.png", "other.png")
    found = find_masks(pictures, None)
    assert {name: path.name for name, path in found.items()} == {
        "a.jpg": "a.jpg.png",
        "b.jpg": "b.png",
        "c.png": "c.png",
    }
    assert all(path.parent.samefile(masks) for path in found.values())
    assert masks_warnings(pictures, found) == ()


def test_a_given_folder_comes_first(pictures: Path, tmp_path: Path) -> None:
    """What the user names is taken, whatever lies beside the pictures; pictures without a mask there are told."""
    drawn(pictures / "masks", "a.png", "b.png", "c.png")
    found = find_masks(pictures, drawn(tmp_path / "mine", "b.png"))
    assert found == {"b.jpg": tmp_path / "mine" / "b.png"}
    (told,) = masks_warnings(pictures, found)
    assert told.message.startswith("2 of 3 pictures have no mask (a.jpg is the first)")


def test_a_nerfstudio_data_set_names_its_masks(pictures: Path) -> None:
    """``mask_path`` of each frame, from the file's folder; one that is not there is told, another file is ignored."""
    drawn(pictures.parent / "cut", "1.png")
    pose = {"transform_matrix": np.eye(4).tolist()}
    frames = [
        {"file_path": "images/a.jpg", "mask_path": "cut/1.png", **pose},
        {"file_path": "images/b.jpg", **pose},
    ]
    file = pictures.parent / "transforms.json"
    file.write_text(json.dumps({"w": 8, "h": 6, "fl_x": 8, "frames": frames}))
    assert find_masks(pictures, None) == {"a.jpg": pictures.parent / "cut" / "1.png"}
    (pictures.parent / "cut" / "1.png").unlink()
    with pytest.raises(InvalidFileError, match=r"cut/1\.png of images/a\.jpg, which is not there"):
        find_masks(pictures, None)
    file.write_text("{}")
    assert find_masks(pictures, None) == {}


def test_masks_that_cannot_be_meant_are_refused(pictures: Path, tmp_path: Path) -> None:
    """A folder that is not there, one that fits no picture, and masks for a film: one sentence each."""
    with pytest.raises(InputNotFoundError, match="no folder of masks"):
        find_masks(pictures, tmp_path / "nowhere")
    with pytest.raises(InvalidFileError, match="no mask for any picture"):
        find_masks(pictures, drawn(tmp_path / "mine", "z.png"))
    film = tmp_path / "film.mp4"
    film.touch()
    with pytest.raises(InvalidSettingError, match="which is a film"):
        find_masks(film, tmp_path / "mine")
    assert find_masks(film, None) == {}


def test_another_mask_is_another_run(pictures: Path) -> None:
    """The key changes with a mask's content, stays with the same, and is empty without masks."""
    masks = find_masks(pictures, drawn(pictures / "masks", "a.png"))
    first = masks_key(masks)
    assert first
    assert masks_key(masks) == first
    write_image(pictures / "masks" / "a.png", np.zeros((6, 8, 3), np.uint8))
    assert masks_key(masks) != first
    assert masks_key({}) == ""


def test_masks_reach_what_is_trained_on(tmp_path: Path) -> None:
    """A stage folder with a mask beside one of its pictures is opened with it, and training's pictures have it."""
    folder = tmp_path / "sfm" / "images"
    folder.mkdir(parents=True)
    model = tiny_model(CpuEngine(1), folder)
    images = model.posed_images
    counts = np.ones((images.cameras.height, images.cameras.width), bool)
    counts[:, :5] = False
    write_mask(place_of_mask(images.image_paths[2]), counts)
    names = tuple(path.name for path in images.image_paths)
    frames = tuple(
        Frame(index=row, timestamp_s=row, name=path.name, path=path, sharpness=1.0)
        for row, path in enumerate(images.image_paths)
    )
    colmap = ColmapModel(cameras=images.cameras, image_names=names, points=model.points)
    write_colmap(folder.parent / SPARSE, colmap)
    save_sfm(folder.parent, SfmResult(model=model, quality=GOOD, frames=frames, warnings=()))
    posed = load_sfm(folder.parent).model.posed_images
    assert [path is not None for path in posed.mask_paths] == [row == 2 for row in range(len(names))]
    pictures = Pictures(CpuEngine(1), posed, max_side=None, budget_mb=64)
    found = pictures.mask(2)
    assert found is not None
    np.testing.assert_array_equal(found, counts)
    assert pictures.mask(1) is None


def test_the_cameras_for_other_tools_have_the_masks(tmp_path: Path) -> None:
    """A masked picture's mask lies in ``masks/`` and is named in transforms.json; the others have none."""
    folder = tmp_path / "sfm" / "images"
    folder.mkdir(parents=True)
    model = tiny_model(CpuEngine(1), folder)
    images = model.posed_images
    mask = place_of_mask(images.image_paths[1])
    counts = np.ones((images.cameras.height, images.cameras.width), bool)
    counts[:3] = False
    write_mask(mask, counts)
    masks = tuple(mask if row == 1 else None for row in range(len(images.image_paths)))
    model = replace(model, posed_images=replace(images, mask_paths=masks))
    frames = [
        Frame(index=row, timestamp_s=row, name=path.name, path=path, sharpness=1.0)
        for row, path in enumerate(images.image_paths)
    ]
    written = write_cameras(tmp_path / "cameras", model, frames)
    named = read_transforms(written / "transforms.json").mask_paths
    assert [path is not None for path in named] == [row == 1 for row in range(len(frames))]
    np.testing.assert_array_equal(read_mask(written / str(named[1])), counts)
