"""What stays and what changes on the way from one file to another, and what is said to be lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.scene import SplatScene
from roomsplat.core.turning import rotation_about_axes
from roomsplat.errors import InvalidFileError, InvalidSettingError, NotInstalledError
from roomsplat.formats import html
from roomsplat.formats.edit import Edits, edited
from roomsplat.formats.scene_files import SCENE_SUFFIXES, read_scene, what_is_lost, write_scene
from roomsplat.formats.splat import importance
from tests.contracts.losses import LOSSES
from tests.formats.samples import assert_same_gaussians, make_cameras, make_gaussians, make_scene


def test_nothing_asked_nothing_changed() -> None:
    """Without an edit the scene is the same."""
    assert_same_gaussians(edited(make_scene(9), Edits()).gaussians, make_scene(9).gaussians)


def test_crop_keeps_what_is_inside_in_its_order() -> None:
    """Whichever corner comes first, exactly the Gaussians with their centre in the box stay."""
    scene = make_scene(200)
    inside = np.all(np.abs(scene.gaussians.means - [0, 0, 0.5]) <= [0.5, 0.8, 1], axis=1)
    for crop in ((-0.5, -0.8, -0.5, 0.5, 0.8, 1.5), (0.5, -0.8, 1.5, -0.5, 0.8, -0.5)):
        assert_same_gaussians(edited(scene, Edits(crop=crop)).gaussians, scene.gaussians[inside])


def test_thinning_keeps_the_most_important_in_their_order() -> None:
    """The least important one that stays matters at least as much as the most important one that goes."""
    scene = make_scene(100)
    kept = edited(scene, Edits(max_gaussians=30)).gaussians
    values = np.sort(importance(scene.gaussians))[::-1]
    assert sorted(importance(kept).tolist(), reverse=True) == values[:30].tolist()
    places = [int(np.flatnonzero((scene.gaussians.means == mean).all(axis=1))[0]) for mean in kept.means]
    assert places == sorted(places)
    assert len(edited(scene, Edits(max_gaussians=1000)).gaussians) == 100


def test_edits_are_made_in_their_order() -> None:
    """The box is one of the source's axes: it crops before the scene turns; harmonics are cut last."""
    scene = make_scene(100, 3)
    found = edited(scene, Edits(crop=(0, -9, -9, 9, 9, 9), max_gaussians=20, rotate=(0, 0, 90), sh_degree=1))
    assert len(found.gaussians) == 20
    assert (found.gaussians.means[:, 1] >= 0).all()
    assert found.gaussians.sh_degree == 1
    back = found.gaussians.means @ rotation_about_axes((0, 0, 90)).astype(np.float32)
    assert {tuple(mean) for mean in back.tolist()} <= {tuple(mean) for mean in scene.gaussians.means.tolist()}
    assert (found.splat_model, found.scale, found.provenance) == (
        scene.splat_model,
        scene.scale,
        scene.provenance,
    )


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        (Edits(crop=(50, 50, 50, 51, 51, 51)), "holds not one of 5 Gaussians"),
        (Edits(crop=(0, 0, 0, 1, 1, float("nan"))), "is no number"),
        (Edits(max_gaussians=0), "0 Gaussians cannot be kept"),
        (Edits(rotate=(0, float("inf"), 0)), "is no number"),
    ],
)
def test_impossible_edits_are_refused(edits: Edits, sentence: str) -> None:
    """A number out of range, and a box that holds nothing, end in a sentence with a way out."""
    with pytest.raises(InvalidSettingError, match=sentence) as caught:
        edited(make_scene(), edits)
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize("suffix", SCENE_SUFFIXES)
def test_what_is_said_to_be_lost_is_lost(tmp_path: Path, suffix: str) -> None:
    """A format names as dropped exactly what does not come back, and names nothing of a scene that has none of it."""
    path = tmp_path / f"a{suffix}"
    lost = [line for line in what_is_lost(path, make_scene(5, 2)) if line.startswith("dropped")]
    assert len(lost) == (3 - len(LOSSES[suffix].keeps)) + (suffix == ".splat")
    plain = SplatScene(gaussians=make_gaussians(5, 0))
    assert not [line for line in what_is_lost(path, plain) if line.startswith("dropped")]
    coarse = [line for line in what_is_lost(path, plain) if line.startswith("rounded")]
    assert bool(coarse) == (LOSSES[suffix].colour > 0)


def test_a_page_carries_the_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An .html holds the scene's SOG and the viewer, asks for nothing from anywhere, and is no scene to read."""
    monkeypatch.setattr(html, "light_viewer", lambda: "globalThis.roomsplatViewer = {};")
    path = tmp_path / "the <room>.html"
    write_scene(path, make_scene(50))
    text = path.read_text("utf-8")
    assert "<title>the &lt;room&gt;</title>" in text
    assert not [word for word in ("http://", "https://", "src=", "import ") if word in text]
    write_scene(tmp_path / "a.sog", make_scene(50))
    assert html._text((tmp_path / "a.sog").read_bytes()) in text
    with pytest.raises(InvalidFileError, match="not read back"):
        read_scene(path)


def test_a_page_opens_where_it_was_filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Views go into the page as the viewer takes them, at most forty; no name can end the script element."""
    monkeypatch.setattr(html, "light_viewer", lambda: "")
    cameras = make_cameras(50, "pinhole")
    views = html.viewer_cameras(cameras, [f"</script>{index}.jpg" for index in range(50)])
    assert len(views) == html.MAX_VIEWS
    assert (views[0]["name"], views[-1]["name"]) == ("</script>0.jpg", "</script>49.jpg")
    assert views[-1]["camFromWorld"] == pytest.approx(cameras.cam_from_world[-1].ravel().tolist(), abs=1e-6)
    html.write_html(tmp_path / "a.html", make_scene(), views)
    text = (tmp_path / "a.html").read_text("utf-8")
    assert text.count("</script>") == 3
    assert "\\u003c/script>49.jpg" in text


def test_a_page_needs_the_viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the built page there is no .html, and the sentence says how to build it."""
    monkeypatch.setattr(html, "light_viewer", lambda: None)
    with pytest.raises(NotInstalledError, match="not built") as caught:
        write_scene(tmp_path / "a.html", replace(make_scene(), provenance={}))
    assert "make web" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
