"""Laws of joining two parts of a film that share nothing."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.transforms import RigidTransform, Similarity
from roomsplat.posefree.bridge import MAX_GAP, bridge, joined
from roomsplat.posefree.bundle import Lens
from roomsplat.posefree.from_nothing import solve
from roomsplat.posefree.journey import Model
from tests.posefree.travels import SIZE, round_the_room, without_matches_across

COUNT, LAST = 24, 11


def part(frames: range, *, moved: Similarity | None = None) -> Model:
    """Frames of the walk with their true cameras, perhaps in another world."""
    truth = round_the_room(COUNT).truth
    poses = {
        frame: truth[frame] if moved is None else moved.apply_to_camera(truth[frame]) for frame in frames
    }
    return Model(
        poses=poses,
        points=np.zeros((4, 3)),
        is_known=np.zeros(4, np.bool_),
        lens=Lens(focal=0.8),
        min_angle=np.zeros(4),
    )


def elsewhere() -> Similarity:
    """Another world, 2.5 times as large."""
    turn = RigidTransform.exp(np.array([0.3, -0.2, 0.5, 0, 0, 0]))
    return Similarity(quat=turn.quat, translation=np.array([1.0, 2.0, -1.0]), scale=2.5)


@pytest.mark.parametrize("swap", [False, True])
def test_a_steady_walk_is_continued(*, swap: bool) -> None:
    """Across a frame that is missing, either way round: scale to 2 %, every camera within 3 % of the path."""
    a, b = part(range(LAST)), part(range(LAST + 1, COUNT), moved=elsewhere())
    a, b = (b, a) if swap else (a, b)
    found = bridge(a, b)
    assert found is not None
    similarity, first, second = found
    assert {first, second} == {LAST - 1, LAST + 1}
    assert similarity.scale == pytest.approx(2.5 if swap else 0.4, rel=0.02)
    whole = joined(a, b, similarity)
    assert sorted(whole.poses) == sorted({*a.poses, *b.poses})
    poses = np.stack([whole.poses[frame] for frame in sorted(whole.poses)])
    centers = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
    assert trajectory_error(centers, round_the_room(COUNT).centers[sorted(whole.poses)]).percent < 3


def test_what_does_not_follow_closely_stays_apart() -> None:
    """A longer gap, a side without a step, a turn that changes by more than 15 degrees a frame: no guess."""
    a, b = part(range(LAST)), part(range(LAST, COUNT))
    assert bridge(a, part(range(LAST + MAX_GAP, COUNT))) is None
    assert bridge(a, part(range(LAST, LAST + 1))) is None
    spun = RigidTransform.exp(np.array([0, 0.6, 0, 0, 0, 0])).matrix
    turned = {frame: spun @ pose if frame > LAST else pose for frame, pose in b.poses.items()}
    assert bridge(a, replace(b, poses=turned)) is None


def test_a_moment_in_which_nothing_is_seen_is_bridged_and_told() -> None:
    """No match crosses the middle of the film: all cameras in one model, the path to 2 %, support 0 at the bridge."""
    way = without_matches_across(round_the_room(COUNT), LAST)
    solution = solve(way.found, way.matched, SIZE, Lens(focal=1.2), seed=0)
    assert solution is not None
    assert solution.frame_numbers == list(range(COUNT))
    assert solution.support[LAST] == 0
    assert np.delete(solution.support, LAST).min() > 0.5
    assert trajectory_error(solution.centers, way.centers).percent < 2
