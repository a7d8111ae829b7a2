"""``roomsplat convert``: any format into any other, with what was changed and lost in words."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from roomsplat.cli import convert
from roomsplat.cli.arguments import Convert
from roomsplat.cli.convert import run_convert
from roomsplat.core.cameras import Cameras
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InputNotFoundError, InvalidFileError, InvalidSettingError
from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.formats.scene_files import SCENE_SUFFIXES, read_scene, write_scene
from tests.contracts.losses import tame_scene


@pytest.mark.parametrize("suffix", SCENE_SUFFIXES)
def test_every_format_goes_into_every_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """From one format to each, the number of Gaussians stays, and the line says how many and how large."""
    source = tmp_path / f"source{suffix}"
    write_scene(source, tame_scene(40, 1))
    for other in SCENE_SUFFIXES:
        target = tmp_path / f"target{other}"
        run_convert(Convert(source=source, target=target))
        assert len(read_scene(target).gaussians) == 40
        assert f"target{other}: 40 Gaussians, 0.0 MB" in capsys.readouterr().err


def test_what_was_asked_for_and_what_was_lost_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cropped, thinned, turned and simplified: the numbers before and after, then what the format does not hold."""
    source, target = tmp_path / "a.ply", tmp_path / "a.splat"
    write_scene(source, tame_scene(400, 3))
    run_convert(
        Convert(
            source=source,
            target=target,
            crop="-1,-1,-1, 1,1,1",
            max_gaussians=50,
            rotate="0,0,90",
            sh_degree=1,
        )
    )
    assert len(read_scene(target).gaussians) == 50
    said = " ".join(capsys.readouterr().err.split())
    assert "50 of 400 Gaussians" in said
    assert "dropped: colour that depends on the view" in said
    assert "dropped: that a unit is a metre" in said
    assert "rounded: colours to 8 bits" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"crop": "1,2,3"}, "are not 6 numbers"),
        ({"crop": "a,b,c,d,e,f"}, "are not 6 numbers"),
        ({"rotate": "90"}, "are not 3 numbers"),
        ({"max_gaussians": -1}, "cannot be kept"),
        ({"crop": "9,9,9,8,8,8"}, "holds not one of 4 Gaussians"),
    ],
)
def test_wrong_options_write_nothing(tmp_path: Path, options: dict[str, object], sentence: str) -> None:
    """A wrong option ends in a sentence, and there is no file."""
    write_scene(tmp_path / "a.ply", tame_scene(4, 0))
    with pytest.raises(InvalidSettingError, match=sentence):
        run_convert(Convert(source=tmp_path / "a.ply", target=tmp_path / "b.ply", **options))
    assert not (tmp_path / "b.ply").exists()


def test_an_unknown_target_is_refused_before_the_source_is_read(tmp_path: Path) -> None:
    """A target of no known format is named although the source does not exist either; then the source is."""
    with pytest.raises(InvalidSettingError, match="no splat format"):
        run_convert(Convert(source=tmp_path / "no.ply", target=tmp_path / "b.obj"))
    with pytest.raises(InputNotFoundError, match=r"no\.ply"):
        run_convert(Convert(source=tmp_path / "no.ply", target=tmp_path / "b.ply"))


def test_the_folder_of_a_finished_run_is_its_scene(tmp_path: Path) -> None:
    """The folder gives what its scene.ply gives; one without a finished run is refused in a sentence."""
    run = tmp_path / "run"
    run.mkdir()
    write_scene(run / "scene.ply", tame_scene(30, 1))
    with pytest.raises(InvalidFileError, match="no finished run"):
        run_convert(Convert(source=run, target=tmp_path / "early.ply"))
    (run / "run.json").write_text("{}")
    for source, target in ((run, "folder.splat"), (run / "scene.ply", "file.splat")):
        run_convert(Convert(source=source, target=tmp_path / target))
    assert (tmp_path / "folder.splat").read_bytes() == (tmp_path / "file.splat").read_bytes()


@pytest.mark.parametrize(
    ("name", "rotate", "views"),
    [("scene.ply", None, 2), ("scene.spz", None, 2), ("scene.ply", "0,0,90", 0), ("turned.ply", None, 0)],
)
def test_only_the_scene_of_a_run_gets_its_cameras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rotate: str | None, views: int
) -> None:
    """A page of the run's own scene begins at its cameras; of a turned one, or of another file there, it does not."""
    shown = list[int]()

    def page(_path: Path, _scene: SplatScene, cameras: Sequence[object] = ()) -> None:
        shown.append(len(cameras))
        _path.write_text("")

    monkeypatch.setattr(convert, "write_html", page)
    monkeypatch.setattr(convert, "write_scene", page)
    images = tmp_path / "run" / "cameras" / "images"
    images.mkdir(parents=True)
    cameras = Cameras(
        intrinsics=np.array([[50, 50, 32, 24]] * 2, np.float32),
        cam_from_world=np.array([np.eye(4)] * 2, np.float32),
        width=64,
        height=48,
    )
    write_transforms(
        images.parent / "transforms.json",
        TransformsFile(
            cameras=cameras, image_paths=("images/a.jpg", "images/b.jpg"), timestamps_s=np.zeros(2)
        ),
    )
    write_scene(tmp_path / "run" / name, tame_scene(4, 0))
    (tmp_path / "run" / "run.json").write_text("{}")
    run_convert(Convert(source=tmp_path / "run" / name, target=tmp_path / "a.html", rotate=rotate))
    assert shown == [views]
