"""A model that goes on at another scale is told of."""

from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame
from roomsplat.sfm.attempt import Attempt
from roomsplat.sfm.features import Features
from roomsplat.sfm.mapping import solution_of
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.quality import measure, warnings_of
from roomsplat.sfm.scales import WINDOW, scale_leaps
from roomsplat.sfm.support import Evidence
from tests.sfm.scenes import LENS

COUNT, CUT, PER_FRAME, SEEN_FOR = 30, 16, 8, 5


def walked(*, pace: float, nearness: float) -> MappedModel:
    """Sideways along a wall 3 m away; from ``CUT`` on steps and the distance of what is new are so many times as large.

    Every frame shows ``PER_FRAME`` new points, which stay in view for ``SEEN_FOR`` frames.
    """
    steps = np.full(COUNT - 1, 0.1)
    steps[CUT:] *= pace
    poses = np.tile(np.eye(4), (COUNT, 1, 1))
    poses[1:, 0, 3] = -np.cumsum(steps)
    first = np.repeat(np.arange(COUNT), PER_FRAME)
    random = np.random.default_rng(0)
    offsets = np.stack([*random.uniform(-0.5, 0.5, (2, len(first))), np.full(len(first), 3.0)], axis=1)
    offsets *= np.where(first >= CUT, nearness, 1.0)[:, None]
    points = offsets - poses[first, :3, 3]
    frames = first[:, None] + np.arange(SEEN_FOR)
    numbers = np.broadcast_to(np.arange(len(points))[:, None], frames.shape)
    inside = frames < COUNT
    return MappedModel(
        lens=LENS,
        frames=np.arange(COUNT),
        cam_from_world=poses,
        points=points,
        errors=np.zeros(len(points)),
        is_assumed=np.zeros(len(points), np.bool_),
        observation_frames=frames[inside],
        observation_points=numbers[inside],
        observation_features=np.zeros(int(inside.sum()), np.int64),
        folder=Path(),
    )


@pytest.mark.parametrize(
    ("pace", "nearness", "count"),
    [(1.0, 1.0, 0), (1 / 30, 1.0, 0), (1.0, 1 / 30, 0), (1 / 30, 1 / 30, 1), (30.0, 30.0, 1)],
    ids=["even", "stops", "something near", "shrinks", "grows"],
)
def test_the_scale_leaps_where_steps_and_new_things_shrink_together(
    pace: float, nearness: float, count: int
) -> None:
    """Stopping is no leap, nor is a near thing that comes into view; both at one frame are, in either direction."""
    leaps = scale_leaps(walked(pace=pace, nearness=nearness))
    assert len(leaps) == count
    assert all(abs(leaps - CUT) <= WINDOW // 2)


def test_short_models_have_no_leaps() -> None:
    """A model that is too short to have two sides is left alone, down to a single frame."""
    model = walked(pace=1 / 30, nearness=1 / 30)
    for length in (1, 2, 2 * WINDOW - 1):
        assert scale_leaps(model.part(slice(CUT - length // 2, CUT - length // 2 + length))).tolist() == []


@pytest.mark.parametrize("pace", [1.0, 1 / 30], ids=["even", "shrinks"])
def test_a_leap_is_told_though_every_match_is_explained(pace: float) -> None:
    """Matches that all agree do not hide it: the user reads where the film does not fit together."""
    model = walked(pace=pace, nearness=pace)
    first = np.arange(COUNT - 1)
    evidence = Evidence(
        first=first, second=first + 1, matches=np.full(COUNT - 1, 99.0), explained=np.ones(COUNT - 1)
    )
    one = Features(
        keypoints=np.zeros((1, 2), np.float32),
        descriptors=np.zeros((1, 128), np.uint8),
        colors=np.zeros((1, 3), np.uint8),
    )
    attempt = Attempt(model=model, evidence=evidence, others=(), features=(one,) * COUNT)
    solution = solution_of(attempt)
    frames = [
        Frame(index=i, timestamp_s=0.1 * i, path=Path(f"{i}.png"), sharpness=1.0, name=f"{i}.png")
        for i in range(COUNT)
    ]
    quality = measure(solution, frames, solution.centers, np.ones(len(solution.points), np.bool_), 1.0)
    told = [one for one in warnings_of(quality, solution, frames) if one.code == "cameras_uncertain"]
    assert bool(told) == (pace != 1)
    if told:
        (leap,) = scale_leaps(model).tolist()
        assert f"{0.1 * (leap - 1):.1f} s" in told[0].message
