"""The examples do what they say, on a tiny room."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import roomsplat
from roomsplat.pipeline.config import PipelineConfig
from tests.e2e.conftest import RoomFilm, Run

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *arguments: Path) -> str:
    """Start an example as a user does; a warning is an error. Gives back what it printed."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    """A new example needs a new test: each script's name stands in this file."""
    here = Path(__file__).read_text("utf-8")
    scripts = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert scripts
    assert [name for name in scripts if f'"{name}"' not in here] == []


def test_reconstruct_continues_what_is_there(
    room_film: RoomFilm,
    finished: Run,
    quick: PipelineConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first example returns the scene of the run and says what each stage did; finished stages are not repeated."""
    shutil.copytree(finished.out, tmp_path / "out")
    spec = importlib.util.spec_from_file_location("reconstruct_example", EXAMPLES / "01_reconstruct.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert example.my_settings().capture.frames == 120
    scene = example.main(room_film.path, tmp_path / "out", quick)
    np.testing.assert_array_equal(scene.gaussians.means, finished.result.scene.gaussians.means)
    printed = capsys.readouterr().out
    assert [stage in printed for stage in ("capture:", "sfm:", "train:", "export:")] == [True] * 4
    assert "scene.ply" in printed


def test_load_and_convert(finished: Run, tmp_path: Path) -> None:
    """The second example leaves out faint and far Gaussians and keeps the rest as they are."""
    printed = run_example("02_load_and_convert.py", finished.out / "scene.ply", tmp_path / "light.ply")
    whole, light = roomsplat.load(finished.out / "scene.ply"), roomsplat.load(tmp_path / "light.ply")
    assert 0 < len(light.gaussians) < len(whole.gaussians)
    assert f"{len(light.gaussians):,} of {len(whole.gaussians):,}" in printed
    assert light.gaussians.opacities.min() > 0.05
    assert light.provenance == whole.provenance


def test_render_views(finished: Run, tmp_path: Path) -> None:
    """The third example writes four pictures of the room, not of a void."""
    printed = run_example("03_render_views.py", finished.out, tmp_path / "views")
    assert "four pictures" in printed
    pictures = sorted((tmp_path / "views").glob("*.png"))
    assert [picture.name for picture in pictures] == [
        "filmed_0.png",
        "filmed_1.png",
        "filmed_2.png",
        "free.png",
    ]
    for picture in pictures:
        with Image.open(picture) as image:
            assert np.asarray(image).std() > 10, picture.name


def test_inspect_cameras(finished: Run) -> None:
    """The fourth example finds the same path in both camera files and points in the first picture."""
    printed = run_example("04_inspect_cameras.py", finished.out)
    assert "pinhole cameras" in printed
    assert "units a second" in printed
    agreement = float(printed.split("both files agree to ")[1].split(" %")[0])
    assert agreement < 0.01
    assert int(printed.splitlines()[-1].split(" of ")[0].replace(",", "")) > 0
