"""Which frames are kept: laws of the windows and of the choice."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roomsplat.capture.config import CaptureConfig
from roomsplat.capture.selection import (
    REASONS,
    Candidate,
    Chooser,
    Pace,
    WindowPlan,
    edge_weight,
    plan_windows,
)
from roomsplat.capture.sharpness import Impression
from roomsplat.errors import InvalidSettingError

Places = NDArray[np.float64]
GAPS = st.lists(st.floats(0.001, 3.0), min_size=1, max_size=400)
# (window step, scene, sharpness): scene 0 is black, equal scenes look alike.
FRAMES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.floats(0.1, 100)), max_size=60)


def candidates(frames: Sequence[tuple[int, int, float]]) -> list[Candidate[int]]:
    """Frames by (window, scene, sharpness); each scene has a picture of its own, scene 0 is black."""
    thumbnails = np.random.default_rng(0).uniform(60, 200, (100, 8, 8)).astype(np.float32)
    thumbnails[0] = 3
    return [
        Candidate(
            index=number,
            position=window + 0.5,
            impression=Impression(sharpness=sharpness, thumbnail=thumbnails[scene]),
            picture=number,
        )
        for number, (window, scene, sharpness) in enumerate(frames)
    ]


def choose(frames: Sequence[tuple[int, int, float]]) -> tuple[list[int], Chooser[int]]:
    """The numbers of the chosen frames, and the chooser after it."""
    chooser: Chooser[int] = Chooser()
    return [chosen.picture for chosen in chooser.choose(candidates(frames))], chooser


def windows_of(plan: WindowPlan) -> NDArray[np.int64]:
    """The window of every frame."""
    return np.floor(plan.positions).astype(np.int64)


def paced(times_s: NDArray[np.float64], ways: NDArray[np.float64], config: CaptureConfig) -> Places:
    """(n,) places of the frames of a film whose picture has moved that far."""
    pace = Pace(plan_windows(times_s, config), times_s)
    return np.array([pace.place(index, float(way)) for index, way in enumerate(ways)])


@given(GAPS, st.integers(1, 80), st.integers(80, 200), st.none() | st.floats(0.1, 30))
@settings(max_examples=150, deadline=None)
def test_windows_cover_the_film(gaps: list[float], least: int, most: int, fps: float | None) -> None:
    """Every frame has a window, in order; there are enough filled ones where the film allows, and never too many."""
    times = np.cumsum([0.0, *gaps])
    plan = plan_windows(times, CaptureConfig(min_frames=least, max_frames=most, fps=fps))
    window = windows_of(plan)
    assert window.shape == times.shape
    assert np.all(np.diff(plan.positions) >= 0)
    assert window[0] == 0
    assert window[-1] < plan.count
    filled = len(np.unique(window))
    assert min(least if fps is None else 1, len(times)) <= filled <= plan.count <= most
    assert all(0.5 < edge_weight(place) <= 1 for place in plan.positions)


@pytest.mark.parametrize(
    ("seconds", "fps", "expected"), [(20, 30, 60), (60, 30, 120), (600, 30, 1000), (1, 30, 30), (90, 60, 180)]
)
def test_two_a_second_adapted_to_length(seconds: float, fps: float, expected: int) -> None:
    """2 frames a second; a short film gives 60 if it has them, a long one 1,000."""
    times = np.arange(round(seconds * fps)) / fps
    assert plan_windows(times, CaptureConfig()).count == expected


@pytest.mark.parametrize(
    ("seconds", "fps", "expected"), [(20, 1, 20), (6, 0.5, 3), (20, 5, 100), (300, 5, 1000)]
)
def test_a_rate_that_was_asked_for_is_obeyed(seconds: float, fps: float, expected: int) -> None:
    """A given rate is not raised for a short film; only ``max_frames`` bounds it."""
    times = np.arange(round(seconds * 30)) / 30
    plan = plan_windows(times, CaptureConfig(fps=fps))
    assert plan.count == len(np.unique(windows_of(plan))) == expected


def test_a_film_of_variable_rate_is_covered_evenly_in_time() -> None:
    """Windows have one length in seconds, though the second half has a sixth of the frames."""
    times = np.concatenate([np.arange(0, 60, 1 / 30), np.arange(60, 120, 1 / 5)])
    window = windows_of(plan_windows(times, CaptureConfig()))
    assert window.max() == 239
    assert np.sum(np.unique(window) < 120) == np.sum(np.unique(window) >= 120) == 120


@given(GAPS, st.integers(0, 2**32 - 1), st.integers(5, 90))
@settings(max_examples=150, deadline=None)
def test_however_the_picture_moves_every_window_is_used(gaps: list[float], seed: int, frames: int) -> None:
    """Places never fall, and there is a frame in every window and none beyond the last."""
    times = np.cumsum([0.0, *gaps])
    speeds = np.random.default_rng(seed).choice([0.0, 0.01, 0.3, 5.0], len(times))
    config = CaptureConfig(frames=frames)
    places = paced(times, np.cumsum(speeds) - speeds[0], config)
    assert np.all(np.diff(places) >= 0)
    expected = list(range(plan_windows(times, config).count))
    assert np.unique(np.floor(places)).tolist() == expected


@pytest.mark.parametrize("speed", [0.03, 0.3, 3.0])
def test_at_one_speed_the_clock_decides(speed: float) -> None:
    """A picture that moves evenly, slow or fast, fills every window, and none is twice as long as it would be."""
    times = np.arange(1200) / 30
    window = np.floor(paced(times, speed * times, CaptureConfig())).astype(np.int64)
    lengths = np.bincount(window)
    assert len(lengths) == 80
    assert lengths.max() <= 2 * 1200 / 80


def test_a_fast_turn_gets_more_frames_and_standing_still_fewer() -> None:
    """Ten seconds of walking, two of a turn five times as fast, eight of rest: windows by the second."""
    times = np.arange(600) / 30
    speed = np.select([times < 10, times < 12], [0.25, 1.25], 0.0)
    window = np.floor(paced(times, np.cumsum(speed) / 30, CaptureConfig())).astype(np.int64)
    walking, turning, resting = (
        np.ptp(window[(times >= a) & (times < b)]) / (b - a) for a, b in ((0, 10), (10, 12), (12, 20))
    )
    by_clock = 60 / 20
    assert turning >= 2 * by_clock
    assert turning >= 2 * walking
    assert resting <= 0.75 * by_clock


def test_a_number_that_was_asked_for_is_kept() -> None:
    """``frames`` overrides rate, least and most."""
    times = np.arange(3000) / 30
    assert plan_windows(times, CaptureConfig(frames=40)).count == 40
    assert plan_windows(times, CaptureConfig(frames=700)).count == 700
    assert plan_windows(times[:20], CaptureConfig(frames=40)).count == 20


@given(FRAMES)
@settings(max_examples=200, deadline=None)
def test_every_frame_has_one_fate(steps: list[tuple[int, int, float]]) -> None:
    """Kept and dropped add up; one frame a window at most; none kept is black or shows what the one before shows."""
    windows = np.cumsum([step for step, _, _ in steps]) if steps else []
    frames = [(int(w), scene, sharp) for w, (_, scene, sharp) in zip(windows, steps, strict=True)]
    kept, chooser = choose(frames)
    assert len(kept) + sum(chooser.dropped.values()) == len(frames)
    assert set(chooser.dropped) == set(REASONS)
    chosen = [frames[number] for number in kept]
    assert len({window for window, _, _ in chosen}) == len(chosen)
    assert all(scene != 0 for _, scene, _ in chosen)
    assert all(a[1] != b[1] for a, b in pairwise(chosen))


@given(st.lists(st.lists(st.floats(0.1, 100), min_size=1, max_size=8), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_the_sharpest_of_each_window_is_kept(windows: list[list[float]]) -> None:
    """Where every frame shows something new, a window's choice is its sharpest frame, the first of equals."""
    frames = [(w, 0, s) for w, values in enumerate(windows) for s in values]
    fresh = [(w, number % 99 + 1, s) for number, (w, _, s) in enumerate(frames)]
    kept, _ = choose(fresh)
    starts = np.cumsum([0, *(len(values) for values in windows[:-1])])
    assert kept == [int(start + np.argmax(values)) for start, values in zip(starts, windows, strict=True)]


def test_a_slow_camera_adds_up() -> None:
    """Steps below the frozen threshold are no standstill: every so often one is far enough from the last."""
    base = np.random.default_rng(0).uniform(60, 200, (8, 8)).astype(np.float32)
    drift = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    slow = [
        Candidate(
            index=n,
            position=n // 20 + 0.5,
            impression=Impression(sharpness=1.0 + n, thumbnail=base + drift * np.float32(0.2 * n)),
            picture=n,
        )
        for n in range(100)
    ]
    chooser: Chooser[int] = Chooser()
    assert len(list(chooser.choose(slow))) == 5
    assert chooser.dropped["frozen"] > 0


def test_the_middle_of_a_window_wins_between_equals() -> None:
    """Equally sharp frames: the one in the middle, so that kept frames are evenly spread."""
    times = np.arange(900) / 30
    plan = plan_windows(times, CaptureConfig())
    window, weight = windows_of(plan), np.array([edge_weight(place) for place in plan.positions])
    weights = [weight[window == w] for w in range(plan.count)]
    assert all(abs(int(np.argmax(w)) - (len(w) - 1) / 2) <= 1 for w in weights)


@pytest.mark.parametrize(
    "wrong",
    [{"fps": 0.0}, {"max_side": -1}, {"frames": 2}, {"min_frames": 1400}, {"max_duration_s": float("nan")}],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    """A value out of its range ends in a sentence that names it."""
    with pytest.raises(InvalidSettingError, match=r"capture\."):
        CaptureConfig(**wrong)
