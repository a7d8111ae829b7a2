"""Masks of a folder of pictures go with the frames that are kept."""

from pathlib import Path

import numpy as np
import pytest

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import extract_frames
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image, write_image
from roomsplat.media.masks import mask_of, read_mask, write_mask
from tests.capture.films import moving_pictures


@pytest.mark.parametrize("max_side", [160, 80])
def test_a_mask_lies_beside_its_frame(tmp_path: Path, max_side: int) -> None:
    """Under the frame's name and at its size, copied or reduced; nothing that the user masked counts after it."""
    given = tmp_path / "given"
    given.mkdir()
    for number, picture in enumerate(moving_pictures(6, 160, 120)):
        write_image(given / f"{number}.jpg", picture)
    counts = np.ones((120, 160), bool)
    counts[:41, :61] = False
    write_mask(tmp_path / "masks" / "2.png", counts)
    out = tmp_path / "capture"
    out.mkdir()
    config = CaptureConfig(max_side=max_side)
    masks = {"2.jpg": tmp_path / "masks" / "2.png"}
    frames = extract_frames(given, out, config, masks=masks).frames
    found = {frame.name: mask for frame in frames if (mask := mask_of(frame.path)) is not None}
    assert set(found) == {"2.jpg"}
    mask, factor = read_mask(found["2.jpg"]), 160 // max_side
    assert mask.shape == read_image(frames[2].path).shape[:2] == (120 // factor, 160 // factor)
    assert not mask[: -(-41 // factor), : -(-61 // factor)].any()
    assert mask[-(-41 // factor) :].all()
    write_image(tmp_path / "masks" / "2.png", np.zeros((60, 80, 3), np.uint8))
    (tmp_path / "again").mkdir()
    with pytest.raises(InvalidFileError, match=r"masks/2\.png is 80×60 px, but its picture is 160×120 px"):
        extract_frames(given, tmp_path / "again", config, masks=masks)
