"""The room inside the report."""

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import PosedImages
from roomsplat.core.scene import SplatScene
from roomsplat.formats.html import MAX_VIEWS
from roomsplat.formats.splat import ROW, importance
from roomsplat.pipeline.report_viewer import MAX_GAUSSIANS, room_section
from tests.formats.samples import make_gaussians
from tests.train.scenes import ring_of_cameras

VIEWER = "globalThis.roomsplatViewer = '</script><img src=x>';"


def images(count: int, name: str = "frame") -> PosedImages:
    """Pictures on a ring, without files."""
    return PosedImages(
        cameras=ring_of_cameras(count),
        image_paths=tuple(Path(f"{name}{index}.jpg") for index in range(count)),
        mask_paths=(None,) * count,
        is_eval=np.zeros(count, np.bool_),
    )


def text_of(section: str, name: str) -> str:
    """What a script element holds."""
    found = re.search(rf"id={name}>([^<]*)</script>", section)
    assert found is not None
    return found[1]


def unpacked(section: str, name: str) -> bytes:
    """What the reader's browser unpacks."""
    return gzip.decompress(base64.b64decode(text_of(section, name)))


@pytest.fixture(scope="module")
def section() -> str:
    """A scene that is larger than a report may be, seen by more cameras than one jumps between."""
    scene = SplatScene(gaussians=make_gaussians(MAX_GAUSSIANS + 500))
    return room_section(scene, images(MAX_VIEWS + 10, "</script>"), poster="data:,", viewer=VIEWER)


def test_a_report_without_a_built_page_has_no_room() -> None:
    """Where the page was not built, reports are as they were."""
    assert room_section(SplatScene(gaussians=make_gaussians(5)), images(3), poster="", viewer=None) == ""


def test_the_most_important_gaussians_are_in_it(section: str) -> None:
    """A large scene is cut to what fills most of the pictures; the report says how much that is."""
    rows = np.frombuffer(unpacked(section, "room-scene"), ROW)
    assert len(rows) == MAX_GAUSSIANS
    gaussians = make_gaussians(MAX_GAUSSIANS + 500)
    least = gaussians.means[np.argsort(-importance(gaussians), kind="stable")[MAX_GAUSSIANS:]]
    kept = {row.tobytes() for row in rows["mean"]}
    assert not any(mean.tobytes() in kept for mean in least)
    assert f"{MAX_GAUSSIANS:,} most important of {MAX_GAUSSIANS + 500:,}" in section


def test_nothing_in_it_ends_its_own_element(section: str) -> None:
    """Whatever the viewer and the names of pictures hold, the section has only the elements that it wants."""
    assert unpacked(section, "room-viewer").decode() == VIEWER
    assert section.count("</script") == section.count("<script") == 4
    assert "<img src=x>" not in section


def test_its_cameras_are_spread_over_the_film(section: str) -> None:
    """First and last view are there, as rows of camera from world."""
    cameras = json.loads(text_of(section, "room-cameras"))
    assert len(cameras) == MAX_VIEWS
    ring = ring_of_cameras(MAX_VIEWS + 10)
    for camera, index in ((cameras[0], 0), (cameras[-1], MAX_VIEWS + 9)):
        assert camera["name"].endswith(f"{index}.jpg")
        assert np.allclose(np.reshape(camera["camFromWorld"], (4, 4)), ring.cam_from_world[index], atol=1e-5)
        assert camera["fx"] == pytest.approx(ring.pinhole(index).fx, abs=1e-3)


def test_it_asks_nobody_for_anything(section: str) -> None:
    """A report is one file: no address in it leads outside."""
    markup = re.sub(r">[^<]*</script>", "></script>", section)  # packed bytes may spell anything
    assert "http" not in markup
    assert re.findall(r"(?:src|href)='([^']*)'", markup) == ["data:,"]
