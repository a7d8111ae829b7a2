"""What is kept of a model: the part that the matches bear out, and more is asked where the camera jumps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.sfm.attempt import Attempt, has_settled, sound_part
from roomsplat.sfm.model import MappedModel
from roomsplat.sfm.support import Evidence
from tests.sfm.scenes import LENS, walk

COUNT, CUT = 20, 8


def attempt(*, support: float, jump: float) -> Attempt:
    """A walk whose cameras from ``CUT`` on stand ``jump`` aside; the matches across bear it out by ``support``."""
    poses = walk(COUNT)
    poses[CUT:, :3, 3] -= poses[CUT:, :3, :3] @ np.array([jump, 0.0, 0.0])
    supports = np.full(COUNT - 1, 0.95)
    supports[CUT - 1] = support
    empty = np.zeros(0, np.int64)
    model = MappedModel(
        lens=LENS,
        frames=np.arange(COUNT),
        cam_from_world=poses,
        points=np.zeros((0, 3)),
        errors=np.zeros(0),
        is_assumed=np.zeros(0, np.bool_),
        observation_frames=empty,
        observation_points=empty,
        observation_features=empty,
        folder=Path(),
    )
    return Attempt(model=model, evidence=evidence_of(supports), others=(), features=())


def evidence_of(supports: NDArray[np.float64]) -> Evidence:
    """Matches of neighbours alone, of which these shares are explained."""
    first = np.arange(COUNT - 1)
    return Evidence(first=first, second=first + 1, matches=np.full(COUNT - 1, 100.0), explained=supports)


@pytest.mark.parametrize(
    ("support", "jump", "first"),
    [(0.95, 0.0, 0), (0.6, 0.0, 0), (0.45, 0.0, CUT), (0.6, 3.0, CUT), (0.85, 3.0, 0)],
    ids=["sound", "weak", "not borne out", "weak and a jump", "a jump that is borne out"],
)
def test_only_what_is_borne_out_is_kept(support: float, jump: float, first: int) -> None:
    """The larger side stays where the cut is not borne out; a jump must be borne out better than a walk."""
    kept = sound_part(attempt(support=support, jump=jump))
    assert kept.model.frames.tolist() == list(range(first, COUNT))
    assert len(kept.support) == COUNT - first - 1
    assert [one.frames.tolist() for one in kept.others] == ([list(range(first))] if first else [])


def test_what_is_kept_is_sound() -> None:
    """Nothing more is dropped from what was kept."""
    twice = attempt(support=0.2, jump=0.0)
    twice = replace(twice, evidence=evidence_of(np.where(np.arange(COUNT - 1) == 3, 0.3, twice.support)))
    kept = sound_part(twice)
    assert kept.is_sound
    assert sound_part(kept) is kept
    assert kept.model.frames.tolist() == list(range(CUT, COUNT))


def test_a_stray_is_dropped_and_nothing_else() -> None:
    """A frame whose own matches contradict it goes; its neighbours, which other matches bear out, stay."""
    sound = attempt(support=0.95, jump=0.0)
    near = [(i, j) for i in range(COUNT) for j in range(i + 1, min(COUNT, i + 4))]
    evidence = Evidence(
        first=np.array([i for i, _ in near]),
        second=np.array([j for _, j in near]),
        matches=np.full(len(near), 50.0),
        explained=np.array([0.1 if 11 in pair else 0.95 for pair in near]),
    )
    kept = sound_part(replace(sound, evidence=evidence))
    assert kept.model.frames.tolist() == [i for i in range(COUNT) if i != 11]
    assert kept.is_sound


def test_a_model_has_settled_when_its_frames_keep_their_places_among_each_other() -> None:
    """A world that is turned, moved and scaled, or has lost frames, is the same; a bent path is not."""
    before = attempt(support=0.95, jump=0.0).model
    moved = before.cam_from_world.copy()
    moved[:, :3, 3] *= 3
    assert has_settled(before, replace(before, cam_from_world=moved))
    assert has_settled(before, replace(before, cam_from_world=moved).part(slice(0, CUT)))
    assert not has_settled(before, attempt(support=0.95, jump=0.1).model)
    assert has_settled(before.part(slice(0, 2)), before)


def test_of_a_model_that_is_all_strays_little_is_left_and_nothing_fails() -> None:
    """No match is explained anywhere: at most two frames stay, and such a rest ranks below anything."""
    nothing = attempt(support=0.0, jump=0.0)
    nothing = replace(nothing, evidence=evidence_of(np.full(COUNT - 1, 0.05)))
    kept = sound_part(nothing)
    assert len(kept.model.frames) <= 2
    assert nothing.rank < attempt(support=0.95, jump=0.0).rank
