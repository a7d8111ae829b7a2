"""Laws of ``gather.cu``, ``update.cu`` and ``camera.cu``: the reference's chain rule, Adam by hand, exact sums."""

import copy

import numpy as np
import pytest

from roomsplat.render.base import LearningRates, RenderSettings
from roomsplat.render.cuda.derivatives import GATHER_THREADS, Derivatives, PairSums
from roomsplat.render.cuda.layout import (
    LOGIT,
    MEAN,
    QUAT,
    SCALE,
    SH,
    STATISTICS,
    CudaSplats,
    create,
    fields_from_planes,
    num_rows,
)
from roomsplat.render.cuda.memory import Buffers
from tests.contracts.harness import RATES, assert_close
from tests.contracts.scenes import look
from tests.emulator.device import EmulatedDevice
from tests.reference.adam import adam_step
from tests.reference.gradients import parameter_gradients, pose_gradient
from tests.reference.projection import PARAMETERS
from tests.render.cuda.shapes import (
    Projected,
    pair_sums,
    projected,
    random_screen_gradients,
    wide_scatter,
)

CAMERA = look()


@pytest.fixture(scope="module")
def device() -> EmulatedDevice:
    """One for all."""
    return EmulatedDevice()


def some_view(
    device: EmulatedDevice, degree: int = 3, count: int = 150, *, antialiased: bool = False
) -> tuple[Projected, PairSums]:
    """Gaussians of all sizes and sums for them."""
    settings = RenderSettings(sh_degree=degree, antialiased=antialiased)
    view = projected(device, wide_scatter(degree + 10, count, degree, CAMERA), CAMERA, settings)
    screen = random_screen_gradients(view, 1)
    return view, pair_sums(view, screen, 2)


def derivatives(device: EmulatedDevice) -> Derivatives:
    """With fresh buffers."""
    return Derivatives(device, Buffers(device))


def with_moments(splats: CudaSplats) -> CudaSplats:
    """A copy that has been trained before."""
    rng = np.random.default_rng(0)
    result = copy.deepcopy(splats)
    result.first_moments[:] = rng.normal(0, 1, splats.params.shape)
    result.second_moments[:] = rng.uniform(0, 3, splats.params.shape)
    result.statistics[:] = rng.uniform(0, 0.1, splats.statistics.shape)
    return result


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("antialiased", [False, True])
def test_gradients_follow_the_chain_rule(device: EmulatedDevice, degree: int, antialiased: bool) -> None:
    """For any gradient of the screen records, those of all parameters and of the pose are the reference's."""
    view, _ = some_view(device, degree, antialiased=antialiased)
    screen = random_screen_gradients(view, 1)
    # Where rounding decides whether a colour is clamped, nothing is asked.
    screen.records[~view.settled] = 0
    got = derivatives(device).plain_gradients(view.splats, pair_sums(view, screen, 2))
    context = view.parameters, view.camera, view.settings, screen
    wanted = parameter_gradients(*context)
    for name in PARAMETERS:
        assert_close(np.asarray(getattr(got, name), np.float64), wanted[name], 2e-4, name)
    assert_close(got.pose, pose_gradient(*context), 2e-4, "pose")
    assert np.abs(got.pose).min() > 0


def rates_by_row(rates: LearningRates, rows: int) -> np.ndarray:
    """Adam's step size of every plane."""
    table = np.full(rows, rates.sh_rest)
    table[MEAN:QUAT], table[QUAT:SCALE], table[SCALE:LOGIT] = rates.means, rates.quats, rates.log_scales
    table[LOGIT], table[SH : SH + 3] = rates.opacity_logits, rates.sh_dc
    return table[:, None]


@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_adam_steps_by_the_plain_gradients(device: EmulatedDevice, degree: int, step: int) -> None:
    """Parameters and moments after an update are Adam's, by the gradients that ``plain_gradients`` gives."""
    view, sums = some_view(device, degree, 140)
    worker, count = derivatives(device), 140
    gradients = worker.plain_gradients(view.splats, sums)
    planes = np.concatenate(
        [
            np.asarray(getattr(gradients, n), np.float64).reshape(count, -1).T
            for n in ("means", "quats", "log_scales", "opacity_logits", "sh")
        ]
    )
    before = with_moments(view.splats)
    after = copy.deepcopy(before)
    asked = worker.adam_update(after, sums, rates=RATES, step=step, collect=False, with_camera=False)
    assert asked is None
    old = [np.float64(a[:, :count]) for a in (before.params, before.first_moments, before.second_moments)]
    new = adam_step(*old, planes, rate=rates_by_row(RATES, len(planes)), step=step)
    seen = view.seen
    for wanted, stored in zip(new, (after.params, after.first_moments, after.second_moments), strict=True):
        np.testing.assert_allclose(stored[:, :count][:, seen], wanted[:, seen], rtol=1e-5, atol=1e-6)
    assert np.abs(after.params - before.params)[:, :count][:, seen].max() > 1e-3


@pytest.mark.parametrize("adam", [True, False])
def test_what_was_not_seen_is_left_alone(device: EmulatedDevice, adam: bool) -> None:
    """Unseen Gaussians and coefficients above the degree keep every bit; as plain gradients they get zeros."""
    degree, count = 1, 333
    settings = RenderSettings(sh_degree=degree)
    view = projected(device, wide_scatter(5, count, 3, CAMERA), CAMERA, settings)
    sums = pair_sums(view, random_screen_gradients(view, 1), 2)
    before = with_moments(view.splats)
    after, worker = copy.deepcopy(before), derivatives(device)
    if not adam:
        got = worker.plain_gradients(after, sums)
        assert not np.any(got.sh[:, 4:])
        assert not any(np.any(getattr(got, name)[~view.seen]) for name in PARAMETERS)
    else:
        worker.adam_update(after, sums, rates=RATES, step=3, collect=True, with_camera=False)
    for name in ("params", "first_moments", "second_moments", "statistics"):
        old, new = getattr(before, name), getattr(after, name)
        untouched = np.zeros(old.shape, bool)
        untouched[:, count:] = True
        untouched[:, :count][:, ~view.seen] = True
        if name != "statistics":
            untouched[num_rows(degree) :] = True
        if not adam:
            untouched[:] = True
        np.testing.assert_array_equal(old[untouched].view(np.uint32), new[untouched].view(np.uint32))


@pytest.mark.parametrize("antialiased", [False, True])
def test_statistics_grow(device: EmulatedDevice, antialiased: bool) -> None:
    """Lengths of both screen gradients and the views add up; the extent is the largest that was seen."""
    view, _ = some_view(device, 0, antialiased=antialiased)
    screen = random_screen_gradients(view, 1)
    sums, worker = pair_sums(view, screen, 2), derivatives(device)
    still = LearningRates(means=0, quats=0, log_scales=0, opacity_logits=0, sh_dc=0, sh_rest=0)
    splats, count = view.splats, view.splats.num_gaussians
    larger = np.arange(count) % 2 * np.float32(1e3)  # every other one has been seen larger before
    splats.statistics[STATISTICS.index("max_radius"), :count] = larger
    for step in (1, 2):
        worker.adam_update(splats, sums, rates=still, step=step, collect=True, with_camera=False)
    got = dict(zip(STATISTICS, splats.statistics[:, :count].astype(np.float64), strict=True))
    extents = np.where(view.seen, view.wanted.extents.max(axis=1) / 40, 0)
    assert_close(got["screen_gradient"], 2 * np.linalg.norm(screen.records[:, :2], axis=1), 1e-4, "screen")
    assert_close(
        got["abs_screen_gradient"],
        2 * np.linalg.norm(screen.mean_abs * view.seen[:, None], axis=1),
        1e-5,
        "abs",
    )
    np.testing.assert_array_equal(got["views"], 2 * view.seen)
    assert np.all(extents < 1e3)
    np.testing.assert_allclose(got["max_radius"], np.maximum(extents, larger), rtol=1e-3)


def summed(device: EmulatedDevice, slots: np.ndarray, counts: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """What ``gather`` writes over sevens; slots lie in the opposite order of Gaussians."""
    starts = np.cumsum(counts[::-1])[::-1].astype(np.int32) - counts
    got = np.full((len(counts), 12), 7, np.float32)
    device.kernel("gather.cu", "gather")(
        (-(-len(counts) // GATHER_THREADS),),
        (GATHER_THREADS,),
        (slots, starts, counts, flags, np.int32(len(counts)), got),
    )
    return got


EDGES = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 0, 5000]
"""Numbers of slots around those where a Gaussian takes another round, the whole warp, or the whole block."""


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_slots_are_summed(seed: int) -> None:
    """A Gaussian's sums are its slots', however many; of the unseen no slot is read and nothing is written."""
    rng = np.random.default_rng(0)
    counts = np.array([*EDGES, *rng.integers(0, 40, 1000), *EDGES[::-1]], np.int32)
    slots = rng.normal(size=(counts.sum(), 12)).astype(np.float32)
    flags = rng.choice(np.array([1, 15, 0, 14], np.uint8), len(counts))  # 14: coloured, not seen
    flags[: len(EDGES)] = 1
    starts = np.cumsum(counts[::-1])[::-1] - counts
    unseen = flags % 2 == 0
    for first, count in zip(starts[unseen], counts[unseen], strict=True):
        slots[first : first + count] = np.nan
    wanted = np.array(
        [slots[s : s + c].sum(axis=0, dtype=np.float64) for s, c in zip(starts, counts, strict=True)]
    )
    wanted[unseen] = 7
    got = summed(EmulatedDevice(seed), slots, counts, flags)
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    assert (counts[flags % 2 == 1] > 512).sum() > 4, "several whole blocks"


@pytest.mark.parametrize("count", [1, 7, 8, 9, 511, 512, 513, 1025])
def test_every_gaussian_is_summed_once(device: EmulatedDevice, count: int) -> None:
    """Whatever the number of Gaussians, each gets its own sums: chunks from all over leave no gap and no overlap."""
    slots = np.arange(12 * count, dtype=np.float32).reshape(count, 12)
    got = summed(device, slots, np.ones(count, np.int32), np.ones(count, np.uint8))
    np.testing.assert_array_equal(got, slots[::-1])


def test_sums_depend_on_their_own_slots_alone() -> None:
    """The same slots give the same bits, wherever the Gaussian is stored, among whom, and in any order of threads."""
    rng = np.random.default_rng(3)
    counts = np.array(EDGES, np.int32)
    slots = rng.normal(size=(counts.sum(), 12)).astype(np.float32)
    alone = summed(EmulatedDevice(0), slots, counts, np.ones(len(counts), np.uint8))
    for seed, others in ((0, 300), (1, 700), (4, 701)):
        more = rng.integers(0, 600 if seed else 3, others).astype(np.int32)
        # The others come first in memory and so last among the slots.
        among = np.concatenate([slots, rng.normal(size=(more.sum(), 12)).astype(np.float32)])
        together = np.concatenate([more, counts])
        got = summed(EmulatedDevice(seed), among, together, np.ones(len(together), np.uint8))[others:]
        np.testing.assert_array_equal(got.view(np.uint32), alone.view(np.uint32))


def test_same_bits_whatever_the_order_of_threads() -> None:
    """Parameters, statistics and camera after two updates do not depend on how the GPU orders its threads."""
    results = []
    for seed in (0, 1, 7):
        device = EmulatedDevice(seed)
        view, sums = some_view(device, 2, 500)
        worker = derivatives(device)
        slopes = [
            worker.adam_update(view.splats, sums, rates=RATES, step=step, collect=True, with_camera=True)
            for step in (1, 2)
        ]
        values = [p.value() for p in slopes if p is not None]
        results.append(
            np.concatenate(
                [*values, view.splats.params[:, :500].ravel(), view.splats.statistics[:, :500].ravel()]
            )
        )
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_nothing_to_update(device: EmulatedDevice) -> None:
    """No Gaussians: nothing fails and the camera's gradient is zero."""
    splats = create(device.xp, wide_scatter(0, 3, 1, CAMERA)[:0], 1)
    empty = np.zeros(0, np.int32)
    view, _ = some_view(device, 0, 5)
    sums = PairSums(
        view=pair_sums(view, random_screen_gradients(view, 1), 1).view,
        degree=1,
        flags=empty.astype(np.uint8),
        slots=np.zeros((1, 12), np.float32),
        slot_starts=empty,
        slot_counts=empty,
    )
    worker = derivatives(device)
    slope = worker.adam_update(splats, sums, rates=RATES, step=1, collect=True, with_camera=True)
    assert slope is not None
    np.testing.assert_array_equal(slope.value(), np.zeros(7))
    assert worker.plain_gradients(splats, sums).sh.shape == (0, 4, 3)


def test_gradients_of_nothing_leave_zero_moments(device: EmulatedDevice) -> None:
    """Sums of zero move nothing: zero over almost zero is zero, never NaN."""
    view, sums = some_view(device, 3, 60)
    sums.slots[:] = 0
    before = view.splats.params.copy()
    derivatives(device).adam_update(view.splats, sums, rates=RATES, step=1, collect=True, with_camera=False)
    np.testing.assert_array_equal(view.splats.params[:, :60], before[:, :60])
    assert not view.splats.first_moments.any()
    assert fields_from_planes(view.splats.params, 60)["means"].shape == (60, 3)
