"""HDR becomes an ordinary picture: by the recommendations, without a jump, hue kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomsplat.capture.hdr import (
    REFERENCE_WHITE,
    compress_highlights,
    light_from_pq,
    pq_from_light,
    scene_from_hlg,
    sdr_from_wide,
)
from roomsplat.capture.probe import Transfer
from tests.reference.tone_map import sdr_pixel


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_tables_agree_with_the_formulas(transfer: Transfer) -> None:
    """The fast path is within one level of the reference that evaluates every formula for every pixel."""
    codes = np.random.default_rng(0).integers(0, 65536, (12, 40, 3)).astype(np.uint16)
    codes[0], codes[1] = np.linspace(0, 65535, 40)[:, None], 0
    fast = sdr_from_wide(codes, transfer).astype(np.float64)
    slow = np.array([[sdr_pixel(tuple((code >> 4) / 4095), transfer) for code in row] for row in codes])
    assert np.abs(fast - slow).max() <= 1.0


@pytest.mark.parametrize("peak", [203.0, 400.0, 1000.0, 4000.0, 10_000.0])
def test_highlights_bend_and_never_fold(peak: float) -> None:
    """Compression is monotone, leaves black, ends at reference white, and brightens nothing."""
    light = np.linspace(0, peak, 2000)
    mapped = compress_highlights(light, peak)
    assert np.all(np.diff(mapped) > 0)
    assert mapped[0] == pytest.approx(0, abs=1e-6)
    assert mapped[-1] == pytest.approx(REFERENCE_WHITE, rel=1e-3)
    assert np.all(mapped <= light + 1e-3)


def test_walls_keep_their_light() -> None:
    """Below 87 cd/m² the light of a film with a 1,000 cd/m² peak is not touched."""
    light = np.linspace(0, 87, 200)
    np.testing.assert_allclose(compress_highlights(light, 1000.0), light, rtol=1e-6, atol=1e-6)


def test_white_paper_is_the_same_in_both_codings() -> None:
    """HLG at 75 % and PQ at 58 % are reference white by BT.2408; they come out as the same light grey."""
    assert float(light_from_pq(np.array(0.5807))) == pytest.approx(203, rel=2e-3)
    assert float(scene_from_hlg(np.array(0.75))) ** 1.2 * 1000 == pytest.approx(203, rel=2e-3)
    hlg, pq = (
        sdr_from_wide(np.full((1, 1, 3), round(code * 65535), np.uint16), transfer)
        for code, transfer in ((0.75, "hlg"), (0.5807, "pq"))
    )
    assert np.abs(hlg.astype(int) - pq).max() <= 1
    assert 215 <= hlg[0, 0, 0] <= 240


@given(st.floats(0.01, 10_000))
@settings(max_examples=50, deadline=None)
def test_pq_is_its_own_inverse(light: float) -> None:
    """Light to signal to light."""
    assert float(light_from_pq(pq_from_light(np.array(light)))) == pytest.approx(light, rel=1e-6)


@pytest.mark.parametrize("transfer", ["sdr", "pq", "hlg"])
def test_grey_stays_grey_and_ordered(transfer: Transfer) -> None:
    """A grey ramp has no tint, never gets darker by more than rounding, runs from black to white."""
    ramp = np.repeat(np.linspace(0, 65535, 600).astype(np.uint16)[None, :, None], 3, axis=2)
    mapped = sdr_from_wide(ramp, transfer, 10_000.0 if transfer == "pq" else 1000.0)[0].astype(int)
    assert np.abs(mapped - mapped[:, :1]).max() <= 1
    assert np.all(mapped[:, 1] >= np.maximum.accumulate(mapped[:, 1]) - 1)
    assert mapped[0].max() == 0
    assert mapped[-1].min() >= 254
