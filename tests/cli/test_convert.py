"""``roomsplat convert``: any format into any other, with what was changed and lost in words."""

from pathlib import Path

import pytest

from roomsplat.cli.arguments import Convert
from roomsplat.cli.convert import run_convert
from roomsplat.errors import InputNotFoundError, InvalidSettingError
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
