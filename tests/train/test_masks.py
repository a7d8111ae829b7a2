"""Laws of what is taken for passing through a film."""

import numpy as np

from roomsplat.train.masks import transient_blocks

ROWS, COLUMNS = 30, 40


def blocks(value: float) -> np.ndarray:
    """The same figure everywhere."""
    return np.full((ROWS, COLUMNS), value)


def figure(strength: float) -> np.ndarray:
    """Residuals of a picture in which something 4 x 12 blocks large stands before a scene that is 0.02 off."""
    residual = blocks(0.02)
    residual[10:22, 18:22] = strength
    return residual


def test_a_figure_is_found() -> None:
    """All of it, nothing else."""
    wanted = np.zeros((ROWS, COLUMNS), bool)
    wanted[10:22, 18:22] = True
    np.testing.assert_array_equal(transient_blocks(figure(0.3), blocks(0.02)), wanted)


def test_what_is_off_in_every_picture_stays() -> None:
    """The same residual is no figure where other pictures have it too."""
    assert not transient_blocks(figure(0.3), figure(0.15)).any()


def test_specks_stay() -> None:
    """Three bad blocks together, and more apart, are chance: a static scene has such."""
    residual = blocks(0.02)
    residual[5, 5:8] = 0.5
    residual[20, ::10] = 0.5
    assert not transient_blocks(residual, blocks(0.02)).any()


def test_faint_parts_of_a_figure_go_with_it() -> None:
    """A region grows from blocks that are sure into those that are not, but these alone are nothing."""
    faint = blocks(0.01)
    faint[4:16, 5:9] = 0.09
    assert not transient_blocks(faint, blocks(0.01)).any()
    faint[16:20, 5:9] = 0.3
    assert transient_blocks(faint, blocks(0.01))[4:20, 5:9].all()


def test_a_scene_that_fits_shows_nothing_passing() -> None:
    """Small residuals are none, even where nothing at all was expected."""
    assert not transient_blocks(blocks(0.04), blocks(0.0)).any()
