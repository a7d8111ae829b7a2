"""The benchmark of cameras: errors mean what they say, a film is drawn once, and what fails is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.__main__ import main, merged
from benchmarks.figures import BARS, CaseError, Figure
from benchmarks.gate import LEAST, WORST, judge
from benchmarks.poses import NOTHING, Row, Setting, figures_of, house_figures, rows_of, run_poses, step
from benchmarks.poses_errors import Errors, Found, errors_of
from benchmarks.poses_films import CAPTURES, HOUSE_PART, IMAGES, NAMES, TRUTH, Film, film, rendered, shot_of
from benchmarks.poses_table import cells, print_rows
from roomsplat.core.alignment import align_similarity
from roomsplat.core.cameras import Cameras
from roomsplat.core.transforms import Similarity
from roomsplat.formats.nerfstudio import TransformsFile, read_transforms

COUNT = 21
NAMES_OF_FRAMES = tuple(f"{i:04d}.jpg" for i in range(COUNT))


def turned(angle: float) -> NDArray[np.float64]:
    """A rotation about the camera's y axis, as a pose."""
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    return pose


def true_poses() -> NDArray[np.float64]:
    """Cameras on an arc of 2 m, one step of 10 cm after another."""
    poses = np.stack([turned(0.1 * i) for i in range(COUNT)])
    poses[:, 2, 3] = 1  # a circle of radius 1, seen from outside
    return poses


def truth_of(poses: NDArray[np.float64]) -> TransformsFile:
    """As a file says it."""
    cameras = Cameras(
        intrinsics=np.tile(np.array([100, 100, 50, 50], np.float32), (len(poses), 1)),
        cam_from_world=poses.astype(np.float32),
        width=100,
        height=100,
    )
    return TransformsFile(cameras=cameras, image_paths=tuple(f"{IMAGES}/{n}" for n in NAMES_OF_FRAMES))


def moved(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same cameras in another world, 3.7 times as large."""
    similarity = Similarity(
        quat=np.array([0.5, 0.5, -0.5, 0.5]), translation=np.array([4.0, -1, 2]), scale=3.7
    )
    return np.stack([similarity.apply_to_camera(pose) for pose in poses])


def compare(poses: NDArray[np.float64], keep: slice = slice(None)) -> Errors:
    """Errors of some of the frames."""
    found = Found(names=NAMES_OF_FRAMES[keep], cam_from_world=moved(poses)[keep])
    errors = errors_of(found, truth_of(true_poses()), NAMES_OF_FRAMES)
    assert errors is not None
    return errors


def test_right_cameras_have_no_error_in_any_world() -> None:
    """Another origin, orientation and scale are no error, nor is a frame that was left out."""
    for keep in (slice(None), slice(3, 17), slice(None, None, 2)):
        errors = compare(true_poses(), keep)
        assert errors.compared == len(range(COUNT)[keep])
        assert max(errors.ate, errors.worst) < 1e-3
        assert errors.wrong == ()
    assert compare(true_poses()).rpe_degrees < 1e-3
    assert compare(true_poses()).rpe_percent < 1e-2


def test_wrong_frames_are_named_and_do_not_hide_among_the_others() -> None:
    """Four frames half a metre off are four wrong frames, though a fit to all of them blames twelve."""
    poses = true_poses()
    poses[3:7, 1, 3] += 0.5
    errors = compare(poses)
    assert errors.wrong == NAMES_OF_FRAMES[3:7]
    true = truth_of(true_poses()).cameras.centers.astype(np.float64)
    found = Found(names=NAMES_OF_FRAMES, cam_from_world=moved(poses)).centers
    blamed = np.linalg.norm(align_similarity(found, true).apply(found) - true, axis=1) > 0.05 * 2
    assert blamed.sum() == 12
    length = 0.1 * (COUNT - 1)
    assert errors.worst == pytest.approx(100 * 0.5 / length, rel=0.02)
    assert 2 < errors.ate < 25


def test_steps_from_frame_to_frame_are_compared() -> None:
    """A turn of half a degree to and fro is one degree from frame to frame, whatever it does to the path."""
    poses = np.stack([turned(np.radians(0.5 * (-1) ** i)) @ pose for i, pose in enumerate(true_poses())])
    errors = compare(poses)
    assert errors.rpe_degrees == pytest.approx(1.0, rel=1e-3)
    assert errors.ate < 1e-3
    poses = true_poses()
    poses[1::2, 1, 3] += 0.01  # a centimetre to and fro, of steps of ten
    assert compare(poses).rpe_percent == pytest.approx(10, rel=0.05)


def test_two_cameras_say_nothing() -> None:
    """Fewer than three common frames have no error, nor have frames that were all found in one place."""
    found = Found(names=NAMES_OF_FRAMES[:2], cam_from_world=true_poses()[:2])
    assert errors_of(found, truth_of(true_poses()), NAMES_OF_FRAMES) is None
    assert errors_of(found, truth_of(true_poses()), ()) is None
    still = Found(names=NAMES_OF_FRAMES, cam_from_world=np.tile(np.eye(4), (COUNT, 1, 1)))
    assert errors_of(still, truth_of(true_poses()), NAMES_OF_FRAMES) is None


def test_a_film_is_drawn_once(tmp_path: Path) -> None:
    """The second time it comes from the cache; one that other sources drew is drawn anew."""
    shot, said = shot_of("bare_walls", quick=True).part(slice(2)).smaller(32, 24), list[str]()
    folder = rendered("bare", shot, tmp_path, said.append)
    assert rendered("bare", shot, tmp_path, said.append) == folder
    assert len(said) == 1
    truth = read_transforms(folder / TRUTH)
    assert [(folder / path).is_file() for path in truth.image_paths] == [True, True]
    np.testing.assert_allclose(truth.cameras.cam_from_world, shot.cameras.cam_from_world, atol=1e-5)
    (folder / "made.json").write_text(json.dumps({"key": "other"}))
    rendered("bare", shot, tmp_path, said.append)
    assert len(said) == 2


def test_shorter_films_are_parts_of_the_long_one() -> None:
    """The house's first frames have the house's cameras; a quick film is short and small."""
    part, whole = shot_of("house_part", quick=False).cameras, shot_of("house", quick=False).cameras
    np.testing.assert_allclose(part.cam_from_world, whole.cam_from_world[:HOUSE_PART], atol=1e-6)
    quick = shot_of("fast_turn", quick=True)
    assert (len(quick.times), quick.config.width) == (40, 320)


def test_captures_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    """Each says where it was looked for; every fifth picture is every fifth picture."""
    said = list[str]()
    for name in CAPTURES:
        assert film(name, tmp_path, tmp_path, quick=False, say=said.append) is None
    assert all(str(tmp_path) in sentence for sentence in said)
    pictures = tmp_path / "data" / "kitchen" / "images"
    pictures.mkdir(parents=True)
    for i in range(12):
        (pictures / f"{i}.png").touch()
    thinned = film("kitchen5", tmp_path, tmp_path / "work", quick=False, say=said.append)
    assert thinned is not None
    assert sorted(p.name for p in thinned.source.iterdir()) == ["0.png", "10.png", "5.png"]


def test_what_fails_is_told_and_counted(tmp_path: Path) -> None:
    """A step that fails carries what it said; frames without cameras are a row that failed, and the gate sees it."""
    with pytest.raises(CaseError, match="nowhere"):
        step("capture", tmp_path, 60, "--source", tmp_path / "nowhere")
    shot = shot_of("bare_walls", quick=True).part(slice(0, 40, 8)).smaller(32, 24)
    folder = rendered("minute", shot, tmp_path, lambda _: None)
    one = Film(name="minute", source=folder / IMAGES, reference=folder / TRUTH, is_metric=True)
    work = tmp_path / "work"
    work.mkdir()
    setting = Setting(threads=1, quick=True, psnr=False, methods=("ours",), say=lambda _: None)
    (row,) = rows_of(one, work, setting)
    assert "ended with" in row.failure
    assert row.frames == 5
    assert [(f.key, f.unit) for f in figures_of(row)] == [("poses.minute.failed", "failures")]


def a_row(**changes: object) -> Row:
    """A row with a metric reference."""
    row = Row(
        film="kitchen",
        method="ours",
        is_metric=True,
        frames=10,
        registered=8,
        others=(2,),
        placed=1,
        seconds=5.0,
        cpu_seconds=4.0,
        peak_mb=300,
        psnr=None,
        errors=compare(true_poses()),
    )
    return replace(row, **changes)  # pyright: ignore[reportArgumentType] - changes are fields of Row


def test_figures_have_units_that_the_gate_knows() -> None:
    """Ours are judged or counted, plain pycolmap's are neither: its rows never become a baseline."""
    figures = figures_of(a_row(psnr=27.0))
    assert {f.unit for f in figures} <= {*WORST, *LEAST, "frames"}
    assert {f.key: f.value for f in figures}["poses.kitchen.registered"] == 80
    assert judge(figures, figures)
    nothing = figures_of(a_row(method=NOTHING))
    assert {f.key: f.value for f in nothing}["poses.kitchen.from_nothing.registered"] == 80
    assert judge(nothing, nothing)
    plain = figures_of(a_row(method="global"))
    assert all(f.key.startswith("peer.poses.kitchen.global.") for f in plain)
    assert merged([], plain) == []
    assert figures_of(a_row(errors=None, is_metric=False))[-1].key == "poses.kitchen.peak"


def test_one_more_wrong_frame_is_worse() -> None:
    """The gate forgives no frame in a wrong place that was in none before."""
    good, bad = (Figure(key="poses.fox.wrong", value=v, unit="wrong frames") for v in (0, 1))
    assert judge([good], [good])[0].passed
    assert not judge([bad], [good])[0].passed


def test_the_house_is_compared_with_its_beginning() -> None:
    """Processor time a frame of the whole over that of the part; nothing where one of them is missing."""
    part = a_row(film="house_part", frames=240, cpu_seconds=120.0)
    whole = a_row(film="house", frames=2400, cpu_seconds=1500.0)
    (figure,) = house_figures([part, whole])
    assert (figure.key, figure.value) == ("poses.house.time_ratio", 1.25)
    assert house_figures([whole]) == house_figures([part, replace(whole, failure="crashed")]) == []


def test_the_table_tells_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Every row has as many cells as another; a failure and wrong frames are told in words under it."""
    poses = true_poses()
    poses[:1, 1, 3] += 0.5
    rows = [
        a_row(),
        a_row(errors=compare(poses)),
        a_row(errors=None),
        a_row(failure="global ended with -11: no word"),
    ]
    assert len({len(cells(row)) for row in rows}) == 1
    print_rows(rows)
    printed = capsys.readouterr().out
    for words in ("8 + 2 (1 placed)", "global ended with -11", "wrong are 0000.jpg"):
        assert words in printed


def test_bars_speak_of_cases_that_exist() -> None:
    """Every promise about cameras names a film of the benchmark, and a typing error is refused."""
    assert {key.split(".")[1] for key in BARS if key.startswith("poses.")} <= set(NAMES)
    for wrong in (["--only", "fox,typo"], ["--methods", "mine"]):
        with pytest.raises(SystemExit, match="Choose one of"):
            main(["poses", *wrong])


def test_nothing_to_measure_is_only_the_machine(tmp_path: Path) -> None:
    """Without data there is the calibration and no row."""
    figures, rows = run_poses(
        shared=tmp_path, threads=1, quick=True, only=["fox"], psnr=False, keep=None, say=lambda _: None
    )
    assert [f.key for f in figures] == ["poses.calibration"]
    assert rows == []
