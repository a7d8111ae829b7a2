"""What a film's own accelerometer felt: from the track in the file to the vertical of the room."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from roomsplat.capture.accelerometer import MAX_READINGS, Accelerometer
from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.extract import extract_frames, load_capture
from roomsplat.capture.film import read_timeline
from roomsplat.capture.manifest import Capture
from roomsplat.core.images import Frame
from roomsplat.core.transforms import Similarity
from roomsplat.errors import RoomsplatError
from roomsplat.sfm import solve
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.lines import Edges
from roomsplat.sfm.orient import stand_upright, transform_poses
from roomsplat.sfm.solution import Lens, Solution
from tests.capture.motion_tracks import (
    SIDEWAYS,
    Packet,
    camm,
    felt_on_a_walk,
    gpmf,
    klv,
    motion_film,
    poses_on_a_walk,
)
from tests.sfm.test_axes import room

NONE = Edges(normals=np.zeros((0, 3)), middles=np.zeros((0, 3)), lengths=np.zeros(0))
SECONDS = 12.0
STILL = np.arange(0, 6, 0.02), np.tile([0.0, 9.81, 1.0], (300, 1))
"""Times and readings of a phone that does not move."""
FORMATS: dict[str, tuple[Callable[..., list[Packet]], bytes]] = {
    "CAMM": (camm, b"camm"),
    "GPMF": (gpmf, b"gpmd"),
}


def captured(film: Path, out: Path) -> Capture:
    """What later stages read."""
    out.mkdir()
    extract_frames(film, out, CaptureConfig())
    return load_capture(out)


@pytest.mark.parametrize("name", FORMATS)
def test_a_room_stands_upright_to_a_degree(name: str, tmp_path: Path) -> None:
    """A walk with a noisy, biased sensor on its side: up to 1 degree, in any world, without an edge or a point."""
    write, tag = FORMATS[name]
    times, felt = felt_on_a_walk(SECONDS, 100, noise=0.5, bias=0.05)
    film = motion_film(tmp_path / "film.mp4", write(times, felt), seconds=SECONDS, tag=tag)
    capture = captured(film, tmp_path / "out")
    assert capture.warnings == ()
    readings = np.array([frame.acceleration for frame in capture.frames])
    shown = np.array([frame.timestamp_s for frame in capture.frames])
    exact = np.array([felt[np.abs(times - time) < 0.25].mean(axis=0) for time in shown])
    np.testing.assert_allclose(readings, exact, atol=0.15)
    world = Similarity(
        quat=Rotation.random(random_state=3).as_quat(scalar_first=True), translation=np.ones(3), scale=2.0
    )
    poses = transform_poses(poses_on_a_walk(shown, SECONDS), world)
    upright = stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), NONE, readings)
    assert upright.stance.vertical == "gravity"
    up = (upright.from_world.rotation @ world.rotation)[2]
    assert np.degrees(np.arccos(min(1.0, up[2]))) < 1


def test_a_film_without_a_track_is_as_before(tmp_path: Path) -> None:
    """No frame has a reading, nothing is told, and cameras stand as they did."""
    film = motion_film(tmp_path / "film.mp4", [], seconds=6.0)
    capture = captured(tmp_path / f"plain-{film.name}", tmp_path / "out")
    assert {frame.acceleration for frame in capture.frames} == {None}
    assert capture.warnings == ()
    poses = poses_on_a_walk(np.linspace(0, SECONDS, 30), SECONDS)
    given = [poses, np.zeros((0, 3)), np.full(9, 3.0), NONE]
    plain, silent = stand_upright(*given), stand_upright(*given, np.full((30, 3), np.nan))
    assert plain.stance == silent.stance
    np.testing.assert_array_equal(plain.from_world.quat, silent.from_world.quat)


def test_damaged_packets_are_told_in_a_sentence(tmp_path: Path) -> None:
    """A track of cut packets leaves the film as good as one without; the run says how many."""
    cut = [packet._replace(content=packet.content[:-9]) for packet in gpmf(*STILL)]
    capture = captured(motion_film(tmp_path / "film.mp4", cut, seconds=6.0), tmp_path / "out")
    assert {frame.acceleration for frame in capture.frames} == {None}
    assert [warning.code for warning in capture.warnings] == ["damaged_motion_track"]
    assert "film.mp4" in capture.warnings[0].message


def fed(*packets: bytes) -> Accelerometer:
    """A sensor that got these packets, one a second."""
    sensor = Accelerometer()
    for second, packet in enumerate(packets):
        sensor.add(packet, float(second), 1.0)
    return sensor


@settings(max_examples=300, deadline=None)
@given(
    cut=st.integers(0, 400),
    place=st.integers(0, 10_000),
    byte=st.integers(0, 255),
    tail=st.binary(max_size=40),
)
def test_no_packet_does_harm(cut: int, place: int, byte: int, tail: bytes) -> None:
    """Cut, with any byte changed, with anything behind it: read, passed over or counted, and always finite."""
    for packet in (gpmf(*STILL)[0].content, camm(*STILL)[0].content, b"DEVC" + tail, tail):
        damaged = bytearray(packet[: len(packet) - min(cut, len(packet))] + tail)
        if damaged:
            damaged[place % len(damaged)] = byte
        [reading] = fed(bytes(damaged)).around(np.array([0.5]))
        assert reading is None or np.all(np.isfinite(reading))


def test_nested_blocks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks within blocks, and more readings than any film has, cost no more than their bytes."""
    block = klv(b"ACCL", "s", 6, 1, b"\1" * 6)
    for _ in range(2000):
        block = klv(b"DEVC", "\0", 1, len(block), block)[: 8 + len(block)]
        if len(block) > 60_000:
            break
    assert fed(block).around(np.array([0.0])) == [None]
    monkeypatch.setattr("roomsplat.capture.accelerometer.MAX_READINGS", 3)
    assert fed(*[packet.content for packet in gpmf(*STILL)])._count == 50 < MAX_READINGS


def test_readings_reach_the_cameras_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage hands each registered frame's reading on beside its own camera, whichever frames were lost."""
    poses = poses_on_a_walk(np.linspace(0, SECONDS, 40), SECONDS)
    kept, nothing = np.arange(3, 40, 2), np.zeros(0)
    felt = np.einsum("nij,j->ni", poses[:, :3, :3], [0, 0, 9.81]) @ SIDEWAYS.T
    frames = [
        Frame(index=i, timestamp_s=i, name=str(i), path=Path(), sharpness=1, acceleration=tuple(felt[i]))
        for i in kept
    ]
    lens = Lens(focal=80, cx=48, cy=36, k=0, width=96, height=72)
    solution = Solution(
        lens=np.array([80, 48, 36, 0, 96, 72.0]), frames=kept, cam_from_world=poses[kept],
        points=np.zeros((0, 3)), colors=np.zeros((0, 3), np.uint8), errors=nothing,
        track_lengths=nothing.astype(np.int64), angles=nothing, is_assumed=nothing.astype(np.bool_),
        observation_frames=nothing.astype(np.int64), observation_points=nothing.astype(np.int64),
        support=nothing, other_models=nothing.astype(np.int64),
    )  # fmt: skip
    monkeypatch.setattr(solve, "find_edges", lambda *_paths, **_threads: NONE)
    upright = solve._stand(solution, nothing.astype(np.bool_), [], lens, SfmConfig(), frames)
    assert upright.stance.vertical == "gravity"
    assert upright.from_world.rotation[2, 2] > np.cos(np.radians(0.01))


def test_edges_that_lean_away_from_gravity_are_not_believed() -> None:
    """Upright edges refine what was felt; those of a slanted roof, 12 degrees off, do not."""
    poses = poses_on_a_walk(np.linspace(0, SECONDS, 40), SECONDS)
    felt = np.einsum("nij,j->ni", poses[:, :3, :3], [0, 0, 9.81])
    lean = Rotation.from_euler("x", 12, degrees=True).as_matrix()
    straight = room(0)
    slanted = Edges(
        normals=straight.normals @ lean.T, middles=straight.middles @ lean.T, lengths=straight.lengths
    )
    for edges, vertical, walls in ((straight, "edges", True), (slanted, "gravity", False)):
        upright = stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), edges, felt)
        assert (upright.stance.vertical, upright.stance.walls_along_axes) == (vertical, walls)
        assert upright.from_world.rotation[2, 2] > np.cos(np.radians(0.1))
    without = stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), slanted)
    assert without.from_world.rotation[2, 2] < np.cos(np.radians(10))


def test_a_damaged_film_with_a_track_ends_as_one_without(tmp_path: Path) -> None:
    """With any bytes of the file changed, capture gives frames or a sentence for the user."""
    film = motion_film(tmp_path / "film.mp4", camm(*STILL), seconds=6.0, tag=b"camm")
    whole, random = film.read_bytes(), np.random.default_rng(0)
    for _ in range(30):
        content = bytearray(whole)
        for place in random.integers(0, len(whole), 12):
            content[place] = random.integers(256)
        film.write_bytes(content)
        with contextlib.suppress(RoomsplatError):
            read_timeline(film, CaptureConfig()).motion.around(np.array([0.0, 3.0, 1e9, -1e9]))


def test_a_sensor_that_tells_another_story_is_not_believed() -> None:
    """Readings that no layout of axes reconciles with the cameras leave the vertical to them."""
    poses = poses_on_a_walk(np.linspace(0, SECONDS, 40), SECONDS)
    astray = np.random.default_rng(0).normal(size=(40, 3))
    upright = stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), NONE, astray)
    assert upright.stance.vertical == "cameras"
    few = np.full((40, 3), np.nan)
    few[:9] = np.einsum("nij,j->ni", poses[:9, :3, :3], [0, 0, 9.81])
    assert stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), NONE, few).stance.vertical == "cameras"


@pytest.mark.parametrize("turn", range(6))
def test_the_sensors_axes_do_not_matter(turn: int) -> None:
    """However the sensor lies in the phone, and whatever it calls positive, up is the same."""
    layouts = [
        np.eye(3),
        -np.eye(3),
        SIDEWAYS,
        np.diag([1.0, -1, -1]),
        np.eye(3)[[1, 2, 0]],
        np.eye(3)[[2, 1, 0]] * [1, -1, 1],
    ]
    poses = poses_on_a_walk(np.linspace(0, SECONDS, 40), SECONDS)
    felt = np.einsum("nij,j->ni", poses[:, :3, :3], [0, 0, 9.81]) @ layouts[turn].T
    upright = stand_upright(poses, np.zeros((0, 3)), np.full(9, 3.0), NONE, felt)
    assert upright.stance.vertical == "gravity"
    assert upright.from_world.rotation[2, 2] > np.cos(np.radians(0.01))
