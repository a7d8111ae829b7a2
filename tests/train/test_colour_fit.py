"""Laws of the colour map that is fitted to a picture."""

import numpy as np
import pytest

from roomsplat.train.colour_fit import fitted_colour, recoloured

RNG = np.random.default_rng(0)
PICTURE = RNG.random((24, 31, 3)).astype(np.float32)
MAP = np.array([[0.8, 0.1, 0.0, 0.02, 0.0], [0.05, 0.7, 0.1, -0.03, 0.0], [0.0, 0.2, 0.9, 0.05, 0.0]])


def test_a_known_map_is_found() -> None:
    """Gain, mixing and offset come back to float32's accuracy of the picture."""
    found = fitted_colour(np, PICTURE, recoloured(np, PICTURE, MAP))
    np.testing.assert_allclose(found, MAP, atol=2e-5)


def test_it_is_the_least_squares_map() -> None:
    """Among noise it is what NumPy's solver gives for the same pixels."""
    wanted = RNG.random(PICTURE.shape).astype(np.float32)
    pixels = PICTURE.reshape(-1, 3).astype(np.float64)
    given = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
    solved = np.linalg.lstsq(given, wanted.reshape(-1, 3).astype(np.float64), rcond=None)[0].T
    found = fitted_colour(np, PICTURE, wanted)
    np.testing.assert_allclose(found[:, :4], solved, atol=1e-4)
    assert not found[:, 4].any()


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_one_colour_is_brought_to_another(level: float) -> None:
    """A picture without any contrast decides no map, yet the one chosen fits it."""
    image = np.full((5, 7, 3), level, np.float32)
    colour = fitted_colour(np, image, np.full((5, 7, 3), 0.25, np.float32))
    np.testing.assert_allclose(recoloured(np, image, colour), 0.25, atol=1e-4)


def test_a_map_is_mixing_offset_and_square() -> None:
    """Pixel by pixel: A c + b + q c², the square of the channel's own colour."""
    colour = MAP + np.array([0, 0, 0, 0, 1]) * np.array([[-0.5], [0.2], [0.1]])
    shown = recoloured(np, PICTURE, colour)
    for place in [(0, 0), (5, 7)]:
        given = PICTURE[place].astype(np.float64)
        wanted = colour[:, :3] @ given + colour[:, 3] + colour[:, 4] * given**2
        np.testing.assert_allclose(shown[place], wanted, atol=1e-6)
