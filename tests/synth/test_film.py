"""Laws of films, of their effects, and of posed rooms."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from roomsplat.core.progress import Progress
from roomsplat.errors import InvalidSettingError, OutputError
from roomsplat.media.images import read_image
from roomsplat.synth import film
from roomsplat.synth.bake import with_moving
from roomsplat.synth.figure import figure_patches, figure_place
from roomsplat.synth.film import Film, FilmConfig, film_cameras, make_film
from roomsplat.synth.posed import make_posed_room
from roomsplat.synth.room import design_room
from roomsplat.synth.trace import encode_srgb, render_depth, render_light
from tests.synth.rooms import baked, cameras, room

# 128 px: x264 (its tree of macroblocks, in assembly) reads past rows whose count is no multiple of 8, and what it
# reads differs from run to run; 640 px is safe too.
SMALL = FilmConfig(width=128, height=64, duration_s=1.5, fps=6.0)


def decode(path: Path) -> NDArray[np.uint8]:
    """(n, h, w, 3) all frames of a film."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def small_film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Film, list[Progress]]:
    """One short film, made once."""
    path, heard = tmp_path_factory.mktemp("film") / "room.mp4", list[Progress]()
    return path, make_film(path, SMALL, heard.append), heard


def test_film_is_what_was_asked_for(small_film: tuple[Path, Film, list[Progress]]) -> None:
    """It decodes to the stated size, rate and number of frames, and the truth has as many cameras."""
    path, truth, _ = small_film
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 128, 64)
        assert stream.average_rate == 6
    assert decode(path).shape == (9, 64, 128, 3)
    assert len(truth.cameras) == len(truth.timestamps_s) == 9
    np.testing.assert_allclose(np.diff(truth.timestamps_s), 1 / 6)
    assert (truth.cameras.width, truth.cameras.height) == (128, 64)


def test_film_shows_what_its_cameras_see(small_film: tuple[Path, Film, list[Progress]]) -> None:
    """Each decoded frame is nearer to the view of its own camera than to that of the frame three later."""
    path, truth, _ = small_film
    pictures = decode(path).astype(np.float64) / 255
    views = [encode_srgb(render_light(baked(), truth.cameras.pinhole(i))) for i in range(9)]
    for i in range(6):
        own, other = (np.abs(pictures[i] - views[k]).mean() for k in (i, i + 3))
        assert own < 0.1
        assert own < other


def test_progress_rises_to_one(small_film: tuple[Path, Film, list[Progress]]) -> None:
    """Reports go up from 0 to 1 and say what is being done."""
    fractions = [p.fraction for p in small_film[2]]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert small_film[2][-1].message == "filming frame 9 of 9"


def test_same_film_twice(small_film: tuple[Path, Film, list[Progress]], tmp_path: Path) -> None:
    """The same parameters give the same frames and cameras."""
    again = make_film(tmp_path / "again.mp4", SMALL)
    np.testing.assert_array_equal(decode(tmp_path / "again.mp4"), decode(small_film[0]))
    np.testing.assert_array_equal(again.cameras.cam_from_world, small_film[1].cameras.cam_from_world)


def expose(config: FilmConfig, time: float = 0.8) -> NDArray[np.float32]:
    """Display light of one frame of the shared room."""
    camera = film_cameras(room(), config, np.array([time])).pinhole(0)
    return film._expose(room(), baked(), config, camera, time)


def sharpness(light: NDArray[np.float32]) -> float:
    """Mean squared step from column to column."""
    return float((np.diff(encode_srgb(light).mean(axis=2), axis=1) ** 2).mean())


def test_motion_blur_blurs_and_a_short_shutter_does_not() -> None:
    """The longer the shutter is open, the less sharp the frame; hardly open, it is the sharp frame."""
    quick = replace(SMALL, fps=2.0)  # half a second per frame: a long way at walking pace
    sharp, little, much = (expose(replace(quick, motion_blur=b)) for b in (0.0, 1e-4, 0.4))
    assert sharpness(much) < 0.8 * sharpness(sharp)
    assert np.abs(encode_srgb(little) - encode_srgb(sharp)).mean() < 1e-3


def test_rolling_shutter_skews_about_the_middle_row() -> None:
    """The middle row keeps its place; the first row shows an earlier moment, the last a later one."""
    config = replace(SMALL, fps=2.0, rolling_shutter=0.4)
    still, rolled = expose(replace(config, rolling_shutter=0.0)), expose(config)
    difference = np.abs(encode_srgb(rolled) - encode_srgb(still)).mean(axis=(1, 2))
    assert difference[30:34].mean() < 0.3 * difference[[0, 1, 2, 3, -4, -3, -2, -1]].mean()
    earlier, later = (expose(replace(config, rolling_shutter=0.0), 0.8 + dt) for dt in (-0.1, 0.1))
    first, last = np.abs(rolled[0] - earlier[0]).mean(), np.abs(rolled[-1] - later[-1]).mean()
    assert first < np.abs(rolled[0] - still[0]).mean()
    assert last < np.abs(rolled[-1] - still[-1]).mean()


def test_exposure_drifts_within_its_bound() -> None:
    """Gains vary, slowly, and never leave 1 ± drift; without drift they are 1."""
    times = np.arange(240) / 8
    gains = film._gains(replace(SMALL, exposure_drift=0.2, duration_s=30.0), times)
    assert 0.05 < np.ptp(gains) <= 0.4
    assert (np.abs(gains - 1) <= 0.2).all()
    assert np.abs(np.diff(gains)).max() < 0.04
    np.testing.assert_array_equal(film._gains(SMALL, times), 1.0)


def test_bare_walls_are_bare() -> None:
    """Nothing hangs on bare walls, and their paint has no grain."""
    bare = design_room(0, bare_walls=True)
    assert len(bare.patches) < len(room().patches)
    assert {p.material.kind for p in bare.patches} < {p.material.kind for p in room().patches}
    walls = [
        p for p in bare.patches if p.size[0] > 4 and abs(p.normals[0, 0, 2]) < 0.1 and p.material.glow == 0
    ]
    assert len({p.material.a for p in walls if p.size[1] > 2}) == 1


def test_figure_walks_where_nobody_stands() -> None:
    """It keeps to its lane, changes the picture only where it is, and hides what is behind it."""
    places = np.array([figure_place(room(), t)[:2] for t in np.linspace(0, 30, 200)])
    assert np.ptp(places[:, 0]) > 1.5
    assert np.ptp(places[:, 1]) == 0
    assert np.linalg.norm(np.diff(places, axis=0), axis=1).max() < 0.1
    moving = figure_patches(room(), 4.0, 0)
    small = film.bake_for(room(), replace(SMALL, walking_figure=True))
    camera = cameras(10).pinhole(5)
    empty, peopled = small, with_moving(small, moving)
    before, after = render_depth(empty, camera), render_depth(peopled, camera)
    changed = before != after
    assert 0.001 < changed.mean() < 0.5
    assert (after[changed] < before[changed]).all()
    light = np.abs(render_light(peopled, camera) - render_light(empty, camera)).max(axis=2) > 1e-6
    assert not (light & ~binary_dilation(changed, iterations=3)).any()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("width", 8), ("fps", 0.0), ("noise", 0.5), ("motion_blur", 1.5), ("seed", -1), ("height", 97)],
)
def test_impossible_settings_are_refused(setting: str, value: float) -> None:
    """The message names the setting and the hint says what would do."""
    with pytest.raises(InvalidSettingError) as caught:
        replace(SMALL, **{setting: value})
    assert setting in caught.value.message or "even" in caught.value.hint


def test_unwritable_film_is_told(tmp_path: Path) -> None:
    """A folder that does not exist ends in one sentence, before anything is rendered."""
    heard = list[Progress]()
    with pytest.raises(OutputError):
        make_film(tmp_path / "nowhere" / "room.mp4", SMALL, heard.append)
    assert not any("filming" in p.message for p in heard)


def test_posed_room_is_consistent(tmp_path: Path) -> None:
    """Pictures lie where the model says; points project onto their own colours in the image they came from."""
    model = make_posed_room(tmp_path, num_images=9, width=96, height=72, num_points=500)
    images = model.posed_images
    assert [p.name for p in images.image_paths] == sorted(p.name for p in tmp_path.iterdir())
    assert list(np.flatnonzero(images.is_eval)) == [0, 8]
    assert (model.scale, model.num_input_images) == ("metric", 9)
    pictures = [read_image(p) for p in images.image_paths]
    assert pictures[0].shape == (72, 96, 3)
    matched = np.zeros(len(model.points), bool)
    for i in np.flatnonzero(~images.is_eval):
        camera = images.cameras.pinhole(int(i))
        local = model.points.positions @ camera.cam_from_world[:3, :3].T + camera.cam_from_world[:3, 3]
        x = np.floor(local[:, 0] / local[:, 2] * camera.fx + camera.cx).astype(int)
        y = np.floor(local[:, 1] / local[:, 2] * camera.fy + camera.cy).astype(int)
        inside = (local[:, 2] > 0) & (x >= 0) & (x < 96) & (y >= 0) & (y < 72)
        same = (pictures[i][y[inside], x[inside]] == model.points.colors[inside]).all(axis=1)
        matched[np.flatnonzero(inside)[same]] = True
    assert matched.mean() > 0.97
    assert model.points.track_lengths.min() >= 1
    assert np.median(model.points.track_lengths) >= 2


def test_posed_room_with_jumps_and_a_figure(tmp_path: Path) -> None:
    """A gain of a half darkens its picture and no other; somebody is in some pictures, and no point lies on them."""
    size = {"num_images": 9, "width": 96, "height": 72, "num_points": 500}
    folders = [tmp_path / name for name in ("plain", "dark", "walked")]
    for folder in folders:
        folder.mkdir()
    gains = np.where(np.arange(9) == 4, 0.5, 1.0)
    plain = make_posed_room(folders[0], **size)
    dark = make_posed_room(folders[1], **size, gains=gains)
    walked = make_posed_room(folders[2], **size, walking_figure=True)
    pictures, darker, others = (
        np.array([read_image(p).astype(float) for p in model.posed_images.image_paths])
        for model in (plain, dark, walked)
    )
    np.testing.assert_array_equal(darker[gains == 1], pictures[gains == 1])
    assert darker[4].mean() < 0.8 * pictures[4].mean()
    covered = (np.abs(others - pictures).max(axis=3) > 20).mean(axis=(1, 2))
    assert covered.max() > 0.03
    assert covered.min() < 0.005
    assert len(walked.points) > 450
    known = plain.points.positions  # the same draw of pixels, less those that show the figure
    distances = np.abs(walked.points.positions[:, None] - known[None]).sum(axis=2).min(axis=1)
    assert distances.max() < 1e-3
