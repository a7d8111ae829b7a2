"""Laws of ``project.cu``: the reference's records, and nothing where nothing is drawn."""

from dataclasses import replace

import numpy as np
import pytest

from roomsplat.render.base import RenderSettings
from tests.contracts.scenes import look, scatter
from tests.emulator.device import EmulatedDevice
from tests.reference.projection import BLUE, DEPTH, OPACITY, RED
from tests.render.cuda.shapes import Projected, projected, wide_scatter

HIDDEN = np.uint32(0xFFFFFFFF)
CAMERA = look()
MIDDLE = 30  # of scatter(3, 40, 1): its centre is well inside the picture


@pytest.fixture(scope="module")
def device() -> EmulatedDevice:
    """One for all."""
    return EmulatedDevice()


def wanted_records(view: Projected) -> np.ndarray:
    """The reference's values in the columns of ``Record``."""
    values = view.wanted.values
    half = 0.5 / np.log(2)
    conic = values[:, 2:5] * [half, 2 * half, half]
    level = np.log2(values[:, OPACITY : OPACITY + 1])
    return np.concatenate([values[:, :2], conic, level, values[:, RED : BLUE + 1], values[:, DEPTH:]], axis=1)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("antialiased", [False, True])
def test_records_equal_the_reference(device: EmulatedDevice, degree: int, antialiased: bool) -> None:
    """Every number of every record, the flags and the keys; Gaussians of all sizes, before and behind the camera."""
    settings = RenderSettings(sh_degree=degree, antialiased=antialiased, near=0.05)
    view = projected(device, wide_scatter(degree, 400, degree, CAMERA), CAMERA, settings)
    assert 50 < view.seen.sum() < 350
    np.testing.assert_array_equal(view.seen, view.wanted.visible)
    wanted, got = wanted_records(view)[view.seen], view.records[view.seen]
    scale = np.abs(wanted) + np.array([1, 1, 0, 0, 0, 1, 0.1, 0.1, 0.1, 0])
    scale[:, 2:5] += np.abs(wanted[:, 2:5]).sum(axis=1, keepdims=True)
    assert np.max(np.abs(got[:, :10] - wanted) / scale) < 2e-4
    np.testing.assert_array_equal(got[:, 10:], 0)
    np.testing.assert_array_equal(view.keys[view.seen], got[:, 9].view(np.uint32))
    assert np.all(view.keys[~view.seen] == HIDDEN)
    assert np.all(view.flags[~view.seen] == 0)
    above = view.wanted.values[:, RED : BLUE + 1] > 0
    bits = (view.flags[:, None] >> [1, 2, 3]) & 1
    np.testing.assert_array_equal(bits[view.seen & view.settled], above[view.seen & view.settled])
    assert not above[view.seen].all(), "some colours are below the clamp"


def test_hidden_ones_write_no_record(device: EmulatedDevice) -> None:
    """Memory is saved for what is seen: the record of a hidden Gaussian stays as it was."""
    view = projected(device, wide_scatter(1, 200, 0, CAMERA), CAMERA, RenderSettings(sh_degree=0))
    assert np.isnan(view.records[~view.seen]).all()
    assert np.isfinite(view.records[view.seen]).all()


def test_what_is_not_a_number_is_not_drawn(device: EmulatedDevice) -> None:
    """NaN or infinity in position, shape or opacity hides the Gaussian and touches no other."""
    base = scatter(3, 40, 1, CAMERA)
    settings = RenderSettings(sh_degree=1)
    clean = projected(device, base, CAMERA, settings)
    for field, value in (
        *(("means", v) for v in (np.nan, np.inf, -np.inf)),
        *(("quats", v) for v in (np.nan, 0.0)),
        *(("log_scales", v) for v in (np.nan, np.inf, -np.inf, 200.0)),
        *(("opacity_logits", v) for v in (np.nan, np.inf, -np.inf, -5.6)),
    ):
        changed = getattr(base, field).copy()
        changed[MIDDLE] = value
        poisoned = replace(base, **{field: changed})
        view = projected(device, poisoned, CAMERA, settings)
        assert view.seen.sum() == clean.seen.sum() - 1, (field, value)
        assert np.isfinite(view.records[view.seen]).all(), (field, value)


def test_limits_of_the_picture(device: EmulatedDevice) -> None:
    """Centres beyond twice the widened view, nearer than ``near``, and ellipses beside the picture are not drawn."""
    view = projected(device, wide_scatter(9, 900, 0, CAMERA), CAMERA, RenderSettings(sh_degree=0, near=1.5))
    z = view.wanted.values[:, DEPTH]
    assert ((z > 0.1) & (z < 1.5)).sum() > 10
    assert z[view.seen].min() > 1.5
    np.testing.assert_array_equal(view.seen, view.wanted.visible)


def test_degrees_above_the_one_asked_for_are_not_read(device: EmulatedDevice) -> None:
    """A picture at degree 1 does not depend on coefficients of degree 2."""
    base = scatter(4, 60, 2, CAMERA)
    sh = base.sh.copy()
    sh[:, 4:] = 1e6
    first = projected(device, base, CAMERA, RenderSettings(sh_degree=1))
    other = projected(device, replace(base, sh=sh), CAMERA, RenderSettings(sh_degree=1))
    np.testing.assert_array_equal(first.records, other.records)


def test_needles_keep_their_opacity(device: EmulatedDevice) -> None:
    """With antialiasing, what the low-pass costs a needle is right to four digits: its determinant is not a difference.

    Taken as xx · yy - xy² in float32, the determinant of a needle a thousand times as long as wide is noise.
    """
    settings = RenderSettings(sh_degree=0, antialiased=True)
    base = scatter(6, 300, 0, CAMERA)
    scales = np.broadcast_to(np.log(np.array([2.0, 0.004, 0.004], np.float32)), (300, 3))
    needles = replace(base, log_scales=scales, opacity_logits=np.full(300, 5, np.float32))
    view = projected(device, needles, CAMERA, settings)
    opacity = view.wanted.values[:, OPACITY]
    both = view.seen & view.wanted.visible
    assert both.sum() > 100
    assert np.median(opacity[both]) < 0.2
    np.testing.assert_allclose(2.0 ** view.records[both, 5], opacity[both], rtol=3e-4)
