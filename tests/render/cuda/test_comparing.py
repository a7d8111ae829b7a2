"""The fused loss: laws over its grid, its variants and its late values, against the reference in float64."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.cuda.comparing import BLOCKS, FEWEST_ROWS, STRIP, Comparer, CudaLoss
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.targets import CudaTarget, Targets
from tests.emulator.device import EmulatedDevice
from tests.reference.loss import LossAndGradient, photometric_loss

COLOUR = np.array(
    [[1.1, 0.05, -0.02, 0.03, -0.3], [0.01, 0.9, 0.04, -0.05, 0.2], [-0.03, 0.02, 1.2, 0.01, -0.4]],
    np.float32,
)
SIZES = [
    (1, 1),
    (7, 5),
    (40, 3),
    (3, 60),
    (STRIP, 2 * FEWEST_ROWS),
    (STRIP + 1, 2 * FEWEST_ROWS + 1),
    (240, 45),
]
"""Below the window, one strip, one column more than a strip, one row more than two blocks, a strip without a border."""


class Case:
    """A target and a render that is a mixture of it and noise."""

    def __init__(self, width: int, height: int, noise: float = 0.3, *, masked: bool = False) -> None:
        random = np.random.default_rng(width + 1000 * height)
        self.image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        self.photo = self.image.transpose(2, 0, 1) / 255.0
        drawn = (1 - noise) * self.photo + noise * random.uniform(0, 1, (3, height, width))
        self.picture = np.ascontiguousarray(drawn, np.float32)
        self.mask = random.uniform(size=(height, width)) > 0.3 if masked else None

    def wanted(self, weight: float, colour: NDArray[np.float32] | None) -> LossAndGradient:
        """By the reference."""
        mask = np.ones(self.image.shape[:2], bool) if self.mask is None else self.mask
        transform = np.eye(3, 5) if colour is None else colour.astype(np.float64)
        return photometric_loss(self.picture.astype(np.float64), self.photo, mask, weight, transform)

    def target(self, device: EmulatedDevice) -> CudaTarget:
        """On the device."""
        return Targets(device).prepare(self.image, self.mask)

    def loss(
        self,
        comparer: Comparer,
        device: EmulatedDevice,
        weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> CudaLoss:
        """By the kernels."""
        return comparer.compare(self.picture, self.target(device), ssim_weight=weight, colour=colour)


@pytest.fixture(scope="module")
def device() -> EmulatedDevice:
    """One for all: kernels are compiled once."""
    return EmulatedDevice(seed=3)


@pytest.fixture
def comparer(device: EmulatedDevice) -> Comparer:
    """A fresh one."""
    return Comparer(device, Buffers(device))


def assert_close(got: NDArray[np.float32], wanted: NDArray[np.float64], share: float) -> None:
    """The length of the difference is at most ``share`` of the length of what is wanted."""
    assert np.linalg.norm(got - wanted) <= share * np.linalg.norm(wanted) + 1e-12


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("coloured", [False, True])
def test_value_and_slopes(
    comparer: Comparer, device: EmulatedDevice, size: tuple[int, int], masked: bool, coloured: bool
) -> None:
    """Value, slope of every pixel and of the transform are the reference's, wherever blocks and strips meet."""
    case = Case(*size, masked=masked)
    colour = COLOUR if coloured else None
    got, wanted = case.loss(comparer, device, 0.3, colour), case.wanted(0.3, colour)
    assert got.value == pytest.approx(wanted.value, rel=2e-6)
    assert_close(got.grad_rgb, wanted.grad_rgb, 2e-6)
    if coloured:
        assert_close(got.grad_colour, wanted.grad_colour, 2e-6)
    else:
        assert got.grad_colour is None


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_one_kind_alone(comparer: Comparer, device: EmulatedDevice, weight: float) -> None:
    """A weight of nothing leaves the absolute difference, a weight of one leaves SSIM."""
    case = Case(60, 50)
    got, wanted = case.loss(comparer, device, weight), case.wanted(weight, None)
    assert got.value == pytest.approx(wanted.value, rel=2e-6)
    assert_close(got.grad_rgb, wanted.grad_rgb, 2e-6)


def test_no_difference_has_no_slope(comparer: Comparer, device: EmulatedDevice) -> None:
    """The absolute difference pulls neither way where there is none."""
    case = Case(30, 20)
    case.image[5:15], case.picture[:, 5:15] = 0, 0
    slopes = case.loss(comparer, device, 0.0).grad_rgb
    assert not slopes[:, 5:15].any()
    assert np.all(np.abs(slopes[:, :5]) == np.float32(1 / 1800))


def test_what_is_left_when_the_pictures_agree(comparer: Comparer, device: EmulatedDevice) -> None:
    """A difference of a thousandth of a grey level still has the right loss: nothing large cancels."""
    case = Case(60, 50, noise=1e-5)
    got, wanted = case.loss(comparer, device, 0.0), case.wanted(0.0, None)
    assert got.value == pytest.approx(wanted.value, rel=1e-2)
    case = Case(60, 50, noise=1e-2)
    got, wanted = case.loss(comparer, device, 1.0), case.wanted(1.0, None)
    assert wanted.value < 3e-4
    assert got.value == pytest.approx(wanted.value, rel=1e-3)
    assert_close(got.grad_rgb, wanted.grad_rgb, 1e-4)


def test_the_same_bits_in_any_order_of_threads() -> None:
    """Threads that run in another order give the same digits, so no sum depends on who comes first."""
    case = Case(STRIP + 30, 2 * FEWEST_ROWS + 5, masked=True)
    results = []
    for seed in (0, 1, 7):
        device = EmulatedDevice(seed)
        got = case.loss(Comparer(device, Buffers(device)), device, 0.2, COLOUR)
        results.append((got.value, got.grad_rgb.tobytes(), got.grad_colour.tobytes()))
    assert results[0] == results[1] == results[2]


def test_values_are_read_late(comparer: Comparer, device: EmulatedDevice) -> None:
    """A loss keeps its value and the transform's slope after others, of other sizes and kinds, were computed."""
    cases = [
        Case(*size, masked=masked)
        for size in ((20, 50), (STRIP + 9, 12), (20, 50))
        for masked in (False, True)
    ]
    colours = [None, COLOUR, COLOUR, None, None, COLOUR]
    losses = [case.loss(comparer, device, 0.4, colour) for case, colour in zip(cases, colours, strict=True)]
    for case, colour, got in zip(cases, colours, losses, strict=True):
        wanted = case.wanted(0.4, colour)
        assert got.value == pytest.approx(wanted.value, rel=2e-6)
        assert (got.grad_colour is None) == (colour is None)
        if colour is not None:
            assert_close(got.grad_colour, wanted.grad_colour, 2e-6)


def test_nothing_left_to_compare(comparer: Comparer, device: EmulatedDevice) -> None:
    """A mask that hides everything gives exact zeros."""
    case = Case(30, 20)
    case.mask = np.zeros((20, 30), bool)
    got = case.loss(comparer, device, 0.2, COLOUR)
    assert got.value == 0
    assert not got.grad_rgb.any()
    assert not got.grad_colour.any()


def test_hidden_pixels_cannot_poison(comparer: Comparer, device: EmulatedDevice) -> None:
    """Not-a-number under the mask stays there; anywhere else the value tells."""
    case = Case(30, 20, masked=True)
    before = case.loss(comparer, device, 0.2)
    value, slopes = before.value, before.grad_rgb.copy()
    case.picture[:, ~case.mask] = np.nan
    after = case.loss(comparer, device, 0.2)
    assert after.value == value
    np.testing.assert_array_equal(after.grad_rgb, slopes)
    case.picture[1, *np.argwhere(case.mask)[0]] = np.nan
    assert np.isnan(case.loss(comparer, device, 0.2).value)


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1076, 1915), (538, 958), (269, 479), (1920, 1080), (1080, 1920), (8000, 6000), (40, 9000)],
)
def test_a_grid_covers_the_picture_in_one_wave(comparer: Comparer, width: int, height: int) -> None:
    """Strips cover every pixel once, none is empty, and all fit on the device together if they can."""
    (across, down, channels), rows = comparer._grid(width, height)
    assert channels == 3
    assert (across - 1) * STRIP < width <= across * STRIP
    assert (down - 1) * rows < height <= down * rows
    assert across * down * 3 <= max(BLOCKS, 3 * across)
    assert down == 1 or rows >= FEWEST_ROWS


def test_every_variant_is_one_launch(
    comparer: Comparer, device: EmulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step launches one kernel, and one more only for a colour transform."""
    launched = []
    fetch = device.kernel

    def counted(file: str, name: str, **defines: int):
        kernel = fetch(file, name, **defines)
        return lambda *args: (launched.append(name), kernel(*args))

    monkeypatch.setattr(device, "kernel", counted)
    for masked, colour in itertools.product((False, True), (None, COLOUR)):
        launched.clear()
        Case(20, 20, masked=masked).loss(comparer, device, 0.2, colour)
        assert launched == ["photometric"] + ["chain_colour"] * (colour is not None)
