"""Laws of what is said about viewpoints: angles as they are, walls where they are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.scene import SplatScene
from roomsplat.pipeline.coverage import SECTORS, Samples, coverage_of, look_around, spread_degrees
from roomsplat.pipeline.walls import find_walls
from roomsplat.render.cpu.engine import CpuEngine
from tests.train.scenes import blobs, ring_of_cameras

Double = NDArray[np.float64]


def box_room(turn_deg: float, centers: Double, *, open_side: str = "") -> Samples:
    """Places on the walls (A at +y, clockwise) of a room of 6 x 4 x 2.5, all seen from each of ``centers`` (c, 3)."""
    rng = np.random.default_rng(0)
    along = {"A": (0, 1, 2.0), "B": (1, 0, 3.0), "C": (0, 1, -2.0), "D": (1, 0, -3.0)}
    parts = list[Double]()
    for name, (free, fixed, value) in along.items():
        if name == open_side:
            continue
        wall = np.zeros((1500, 3))
        half = 3.0 if free == 0 else 2.0
        wall[:, free], wall[:, fixed] = rng.uniform(-half, half, 1500), value
        wall[:, 2] = rng.uniform(0, 2.5, 1500)
        parts.append(wall)
    places = np.concatenate(parts)
    turn = np.radians(turn_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    everywhere = np.concatenate([places @ rotation.T] * len(centers))
    cameras = np.repeat(np.arange(len(centers)), len(places))
    toward = (centers @ rotation.T)[cameras, :2] - everywhere[:, :2]
    return Samples(places=everywhere, cameras=cameras, bearings=np.arctan2(toward[:, 1], toward[:, 0]))


def test_the_arc_that_holds_the_marks() -> None:
    """The smallest arc counts, also across north; a single mark is no angle; no mark is unknown."""
    marks = np.zeros((4, SECTORS), np.bool_)
    marks[0, [0, 2]] = True
    marks[1, [SECTORS - 1, 1]] = True
    marks[2, 7] = True
    found = spread_degrees(marks)
    assert found[:3].tolist() == [10.0, 10.0, 0.0]
    assert np.isnan(found[3])


@pytest.mark.parametrize("turn_deg", [0.0, 20.0, -37.0])
def test_a_room_seen_from_one_place_and_from_many(turn_deg: float) -> None:
    """However the room is turned: from one place every wall is flat, from across the room each is seen widely."""
    one = find_walls(box_room(turn_deg, np.array([[0.2, 0.1, 1.5]])))
    assert [wall.name for wall in one] == ["A", "B", "C", "D"]
    assert all(wall.spread_deg <= 15 and wall.seen_share == 1 and wall.num_views == 1 for wall in one)
    many = find_walls(box_room(turn_deg, np.array([[-2.0, -1, 1.5], [2.0, -1, 1.5], [0.0, 1, 1.5]])))
    assert all(wall.spread_deg >= 30 and wall.num_views == 3 for wall in many)


def test_a_side_that_was_not_filmed_is_told() -> None:
    """Where nothing was seen but the ends of the neighbouring walls, the side is mostly missing."""
    walls = find_walls(box_room(0.0, np.array([[0.0, 0.0, 1.5]]), open_side="B"))
    assert {wall.name for wall in walls if wall.seen_share < 0.5} == {"B"}


def test_too_little_makes_no_walls() -> None:
    """A handful of places has no sides."""
    few = box_room(0.0, np.array([[0.0, 0.0, 1.5]]))
    assert (
        find_walls(Samples(places=few.places[:50], cameras=few.cameras[:50], bearings=few.bearings[:50]))
        == ()
    )


def test_cells_know_who_saw_them() -> None:
    """A cell counts cameras, not samples, and its angle is that between them as it sees them."""
    centers = np.array([[-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    places = np.array([[0.0, 1.0, 1.0]] * 10 + [[0.0, 5.0, 1.0]])
    cameras = np.array([0] * 5 + [1] * 5 + [0])
    toward = centers[cameras, :2] - places[:, :2]
    samples = Samples(places=places, cameras=cameras, bearings=np.arctan2(toward[:, 1], toward[:, 0]))
    coverage = coverage_of(samples, np.concatenate([centers, [[0.0, 5.0, 1.0]]]))
    column, row = ((np.array([0.0, 1.0]) - coverage.low) / coverage.cell).astype(np.int64)
    assert coverage.views[row, column] == 2
    assert coverage.spread_deg[row, column] == pytest.approx(90, abs=5)
    assert coverage.views.sum() == 3
    assert coverage.share_below(15) == 0.5


def test_depth_of_the_scene_is_where_the_gaussians_are() -> None:
    """Places that cameras around solid blobs see lie on the blobs, and every camera saw some."""
    gaussians = blobs(40)
    samples = look_around(CpuEngine(1), SplatScene(gaussians=gaussians), ring_of_cameras())
    assert len(samples.places) > 0
    nearest = np.linalg.norm(samples.places[:, None] - gaussians.means[None], axis=2).min(axis=1)
    assert np.quantile(nearest, 0.9) < 3 * float(np.exp(gaussians.log_scales).max())
