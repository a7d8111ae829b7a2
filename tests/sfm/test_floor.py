"""Laws of finding the floor among points."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from roomsplat.sfm.floor import floor_height, floor_up

Double = NDArray[np.float64]
EYES = np.array([[x, 0.5 * x, 1.45] for x in np.linspace(-1, 1, 15)])


def furnished(seed: int, *, floor: int = 400, table: int = 900, below: int = 10) -> Double:
    """Points of a room: a floor at z = 0, a table at 0.75, walls, and a few that a polished floor mirrors."""
    random = np.random.default_rng(seed)
    place = random.uniform(-2.5, 2.5, (floor + table + below + 1500, 2))
    heights = np.concatenate(
        [
            random.normal(0, 0.012, floor),
            random.normal(0.75, 0.01, table),
            random.uniform(-1.0, -0.1, below),
            random.uniform(0.05, 2.5, 1500),
        ]
    )
    return np.column_stack([place, heights])


@pytest.mark.parametrize("seed", range(4))
def test_the_floor_is_the_lowest_full_level(seed: int) -> None:
    """Not the table, which has more points, nor what lies below: the floor, to a centimetre."""
    height = floor_height(furnished(seed)[:, 2], EYES[:, 2], 3.0)
    assert height == pytest.approx(0, abs=0.01)


def skirted(seed: int, *, carpet: int) -> Double:
    """(p,) heights as of `bedroom`: a carpet that shows little, a skirting board 0.165 above it, a bed and walls."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [
            random.normal(0, 0.02, carpet),
            random.uniform(0, 0.4, 250),
            random.normal(0.165, 0.02, 80),
            random.normal(0.42, 0.05, 900),
            random.uniform(0.3, 1.3, 2000),
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_stands_at_the_wall_does_not_hide_the_floor(seed: int) -> None:
    """A carpet of 80 points lies below a skirting board that has more: the carpet is the floor, to 1.5 cm."""
    assert floor_height(skirted(seed, carpet=80), EYES[:, 2], 3.0) == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("seed", range(4))
def test_a_level_above_what_lies_lower_is_no_floor(seed: int) -> None:
    """Where the carpet shows too little to be a level, neither the skirting board nor the bed is taken for it."""
    assert floor_height(skirted(seed, carpet=5), EYES[:, 2], 3.0) is None


def test_height_scales_and_moves_with_the_world() -> None:
    """In other units and from another origin it is the same floor."""
    points = furnished(0)
    height = floor_height(points[:, 2] * 7 - 3, EYES[:, 2] * 7 - 3, 21.0)
    assert height == pytest.approx(7 * floor_height(points[:, 2], EYES[:, 2], 3.0) - 3, abs=1e-6)  # pyright: ignore[reportOptionalOperand] - found, see above


@pytest.mark.parametrize("kind", ["nothing", "a cloud", "only above", "much below"])
def test_no_floor_is_made_up(kind: str) -> None:
    """Where points fill space evenly, lie above the cameras, are none, or many lie below the level, there is none."""
    random = np.random.default_rng(0)
    heights = {
        "nothing": np.zeros(0),
        "a cloud": random.uniform(-50, 3, 3000),
        "only above": random.uniform(1.5, 3, 500),
        "much below": np.concatenate([np.zeros(200), random.uniform(-40, -0.2, 800), np.full(800, 1.0)]),
    }[kind]
    assert floor_height(heights, EYES[:, 2], 3.0) is None


@pytest.mark.parametrize("lean", [0.0, 4.0, 9.0])
def test_a_floor_tells_up(lean: float) -> None:
    """From a guess several degrees off, the plane through the floor's points gives up to 0.3 degrees."""
    guess = Rotation.from_euler("xy", [lean, -lean / 2], degrees=True).apply([0.0, 0.0, 1.0])
    up = floor_up(furnished(1, table=300), EYES, guess, 3.0)
    assert up is not None
    assert np.degrees(np.arccos(min(1.0, up[2]))) < 0.3


def test_a_cloud_tells_nothing_of_up() -> None:
    """Points without a level give no vertical."""
    random = np.random.default_rng(2)
    points = random.normal(size=(2000, 3)) * 2
    assert floor_up(points, EYES, np.array([0.0, 0.0, 1.0]), 3.0) is None
