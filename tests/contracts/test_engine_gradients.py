"""Gradients: every parameter's slope is the reference's, which differences the picture in float64."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine, RenderSettings
from tests.contracts.harness import Slopes, assert_close, cached_scatter, some_slopes, view_of
from tests.contracts.scenes import SAFE_MARGIN, look, opaque_wall, scatter, steady_scatter
from tests.reference.engine import ReferenceEngine
from tests.reference.projection import PARAMETERS

SHARE = 1e-4
"""Largest relative error of a gradient's length; the trial measured 1e-6, a wrong term costs 1e-2 and more."""


def assert_same_gradients(
    engine: Engine, gaussians: Gaussians, camera: PinholeCamera, settings: RenderSettings, slopes: Slopes
) -> None:
    """Every parameter (harmonics degree by degree) and the camera; and no single Gaussian is far off."""
    reference = view_of(ReferenceEngine(), gaussians, camera, settings)
    assert reference.rendering.decisions.margin > SAFE_MARGIN, "choose another seed"
    wanted, wanted_camera = reference.gradients(*slopes.all)
    got, got_camera = view_of(engine, gaussians, camera, settings).gradients(*slopes.all)
    for name in PARAMETERS[:4]:
        assert_close(got[name], wanted[name], SHARE, name)
    for degree in range(gaussians.sh_degree + 1):
        rows = slice(degree**2, (degree + 1) ** 2)
        assert_close(got["sh"][:, rows], wanted["sh"][:, rows], SHARE, f"sh of degree {degree}")
    for index in range(len(gaussians)):
        for name in PARAMETERS:
            error = np.linalg.norm(got[name][index] - wanted[name][index])
            whole, own = np.linalg.norm(wanted[name]), np.linalg.norm(wanted[name][index])
            assert error <= 1e-3 * own + SHARE * whole / 10, f"{name} of Gaussian {index}"
    assert_close(got_camera[:6], wanted_camera[:6], SHARE, "pose")
    assert_close(got_camera[6:], wanted_camera[6:], SHARE, "focal length")


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_gradients_of_colour(fast_engine: Engine, degree: int) -> None:
    """Slopes of the colours, over a background, at every degree of harmonics."""
    settings = RenderSettings(sh_degree=degree, background=(0.3, 0.1, 0.8))
    assert_same_gradients(fast_engine, cached_scatter(degree), look(), settings, some_slopes(look()))


def test_gradients_of_alpha(fast_engine: Engine) -> None:
    """Slopes of the coverage alone."""
    slopes = some_slopes(look(), rgb=False, alpha=True)
    assert_same_gradients(fast_engine, cached_scatter(0), look(), RenderSettings(sh_degree=0), slopes)


def test_gradients_of_depth(fast_engine: Engine) -> None:
    """Slopes of the blended depth alone, through weights and through z."""
    slopes = some_slopes(look(), rgb=False, depth=True)
    settings = RenderSettings(sh_degree=0, with_depth=True)
    assert_same_gradients(fast_engine, cached_scatter(0), look(), settings, slopes)


@pytest.mark.parametrize("size", [(17, 9), (33, 20)])
def test_gradients_of_everything_antialiased(fast_engine: Engine, size: tuple[int, int]) -> None:
    """Colour, coverage and depth together, with the opacity compensation, on sizes that do not fill tiles."""
    camera = look(*size)
    settings = RenderSettings(sh_degree=1, antialiased=True, with_depth=True, background=(0.9, 0.2, 0.4))
    slopes = some_slopes(camera, alpha=True, depth=True)
    assert_same_gradients(fast_engine, steady_scatter(20, 12, 1, camera, settings), camera, settings, slopes)


def test_gradients_where_pixels_end_early(fast_engine: Engine) -> None:
    """Hidden Gaussians get exactly nothing, the ones in front what the reference says."""
    camera, settings = look(20, 14), RenderSettings(sh_degree=0, background=(1, 0, 1))
    wall = opaque_wall(camera, 24)
    assert_same_gradients(fast_engine, wall, camera, settings, some_slopes(camera, alpha=True))
    fields, _ = view_of(fast_engine, wall, camera, settings).gradients(*some_slopes(camera).all)
    assert not fields["means"][-1].any()


def test_gradients_of_crowded_tiles(fast_engine: Engine) -> None:
    """Seventy faint Gaussians over one tile: lists of several chunks."""
    camera, settings = look(12, 8), RenderSettings(sh_degree=0)
    crowd = scatter(6, 70, 0, camera)
    faint = replace(crowd, log_scales=crowd.log_scales + 1, opacity_logits=np.full(70, -3.0))
    assert_same_gradients(fast_engine, faint, camera, settings, some_slopes(camera))


def test_gradients_at_the_edge_of_the_field(fast_engine: Engine) -> None:
    """Gaussians beyond 1.3 times the half field of view, where the projection is held at its limit."""
    camera = look(24, 16)
    inside = scatter(9, 10, 0, camera)
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    in_camera = inside.means @ rotation.T + translation
    spread = np.linspace(-1, 1, 10)
    in_camera[:, 0] = 1.5 * 0.5 * 24 / camera.fx * np.sign(spread) * in_camera[:, 2]
    in_camera[:, 1] = 1.5 * 0.5 * 16 / camera.fy * spread * in_camera[:, 2]
    scene = replace(
        inside,
        means=(in_camera - translation) @ rotation,
        log_scales=np.log(0.4 * in_camera[:, 2:] * [1.0, 0.7, 0.4]),
        opacity_logits=np.full(10, 1.0),
    )
    assert_same_gradients(fast_engine, scene, camera, RenderSettings(sh_degree=0), some_slopes(camera))


def test_harmonics_above_the_asked_degree_have_no_gradient(engine: Engine) -> None:
    """With ``sh_degree`` 1 the coefficients of degrees 2 and 3 get exactly zero."""
    camera = look(20, 14)
    scene = steady_scatter(0, 6, 3, camera)
    fields, _ = view_of(engine, scene, camera, RenderSettings(sh_degree=1)).gradients(
        *some_slopes(camera).all
    )
    assert fields["sh"][:, :4].any()
    assert not fields["sh"][:, 4:].any()


def test_unseen_gaussians_have_no_gradient(engine: Engine) -> None:
    """Behind the camera there is nothing to learn; and zero slopes teach nothing to anyone."""
    camera = look(20, 14)
    scene = steady_scatter(0, 6, 0, camera)
    rotation, translation = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
    means = scene.means.copy()
    means[2] = ([0, 0, -2] - translation) @ rotation
    turned = replace(scene, means=means)
    view = view_of(engine, turned, camera, RenderSettings(sh_degree=0))
    fields, _ = view.gradients(*some_slopes(camera).all)
    still, slope = view.gradients(*some_slopes(camera, rgb=False).all)
    for name in PARAMETERS:
        assert not fields[name][2].any(), name
        assert fields[name].any(), name
        assert not still[name].any(), name
    assert not slope.any()


def test_gradients_of_an_empty_scene(engine: Engine) -> None:
    """No Gaussians: arrays of length zero and a camera that does not matter."""
    view = view_of(engine, scatter(0, 0, 2, look()), look())
    fields, slope = view.gradients(*some_slopes(look()).all)
    assert fields["means"].shape == (0, 3)
    assert fields["sh"].shape == (0, 9, 3)
    assert not slope.any()


def test_storage_order_does_not_matter_to_gradients(engine: Engine) -> None:
    """A Gaussian's gradient does not depend on where it is stored."""
    camera = look(20, 14)
    scene = steady_scatter(0, 6, 1, camera)
    order = np.array([3, 5, 0, 1, 4, 2])
    here, slope = view_of(engine, scene, camera).gradients(*some_slopes(camera).all)
    there, moved_slope = view_of(engine, scene[order], camera).gradients(*some_slopes(camera).all)
    for name in PARAMETERS:
        assert_close(there[name], here[name][order], 1e-5, name)
    assert_close(moved_slope, slope, 1e-5, "camera")
