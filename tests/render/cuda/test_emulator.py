"""Laws of the emulator itself: what a GPU does with a block of threads, and what it must find wrong."""

from pathlib import Path

import numpy as np
import pytest

from tests.emulator.device import EmulatedDevice, EmulatedKernel, EmulatorError

LAWS = Path(__file__).resolve().parents[2] / "emulator" / "laws.cu"
EVERY_ORDER = pytest.mark.parametrize("seed", [0, 1, 2, 3, 77])


def kernel(name: str, seed: int = 0) -> EmulatedKernel:
    """One of the kernels of ``tests/emulator/laws.cu``."""
    return EmulatedDevice(seed).kernel_of(f'#line 1 "laws.cu"\n{LAWS.read_text("utf-8")}', name, "laws.cu")


@EVERY_ORDER
def test_lanes_add_their_numbers_up(seed: int) -> None:
    """A butterfly of shuffles gives every warp its sum."""
    given = np.random.default_rng(0).normal(size=6 * 128).astype(np.float32)
    got = np.zeros(24, np.float32)
    kernel("sum_warps", seed)((6,), (128,), (given, got))
    assert np.allclose(got, given.reshape(24, 32).sum(axis=1), atol=1e-5)


@EVERY_ORDER
def test_a_block_turns_a_tile_in_shared_memory(seed: int) -> None:
    """All threads have written before one reads, in a grid and a block of two dimensions."""
    given = np.arange(48 * 48, dtype=np.float32).reshape(48, 48)
    got = np.zeros_like(given)
    kernel("transpose", seed)((3, 3), (16, 16), (given, got, np.int32(48)))
    assert np.array_equal(got, given.T)


@EVERY_ORDER
def test_blocks_look_back(seed: int) -> None:
    """A chained scan over blocks that take their number from a ticket."""
    given = np.random.default_rng(1).integers(0, 9, 1000).astype(np.int32)
    got, status, ticket = np.zeros(1000, np.int32), np.zeros(8, np.uint32), np.zeros(1, np.uint32)
    kernel("scan", seed)((8,), (128,), (given, got, status, ticket, np.int32(1000)))
    assert np.array_equal(got, np.cumsum(given) - given)


@EVERY_ORDER
def test_dynamic_shared_memory(seed: int) -> None:
    """``extern __shared__`` has the size that the launch gives."""
    given, got = np.arange(200, dtype=np.int32), np.zeros(200, np.int32)
    kernel("reverse_dynamic", seed)((1,), (200,), (given, got), shared_mem=800)
    assert np.array_equal(got, given[::-1])


@EVERY_ORDER
def test_threads_that_returned_are_not_waited_for(seed: int) -> None:
    """Neither at the block's barrier nor in a vote, where they count as no."""
    got = np.zeros(96, np.int32)
    kernel("early", seed)((1,), (96,), (got, np.int32(50)))
    odd = np.int64(0xAAAAAAAA) - 2**32
    assert np.array_equal(got[:32], np.full(32, odd))
    assert np.array_equal(got[32:50], np.full(18, 0xAAAAAAAA & 0x3FFFF))
    assert np.array_equal(got[50:], np.zeros(46))


def test_a_lane_that_is_gone_gives_not_a_number() -> None:
    """A shuffle from it is undefined on a GPU, so it must show."""
    got = np.zeros(32, np.float32)
    kernel("from_gone")((1,), (32,), (got,))
    assert np.isnan(got[4])
    assert np.isfinite(np.delete(got, 4)).all()


@EVERY_ORDER
def test_votes_matches_and_shuffles_in_segments(seed: int) -> None:
    """Every other word that lanes exchange, against its definition."""
    got, lane = np.zeros(192, np.uint32), np.arange(32)
    kernel("votes", seed)((1,), (32,), (got,))
    assert np.array_equal(
        got[:32], [sum(1 << other for other in range(32) if other % 3 == one % 3) for one in lane]
    )
    assert np.array_equal(got[32:64], np.full(32, 2))
    assert np.array_equal(got[64:96], np.where(lane % 8 < 5, lane + 3, lane))
    assert np.array_equal(got[96:128], lane // 8 * 8 + 5)
    assert np.array_equal(got[128:160], np.where(lane < 16, 0xAAAA, 0xAAAA0000))
    assert np.array_equal(got[160:], np.where(lane % 16 < 2, lane, lane - 2) + 7)


def test_structs_go_by_value_and_as_elements() -> None:
    """A structured scalar is the struct of the same layout."""
    pair = np.array([(2.5, 7)], np.dtype([("x", np.float32), ("n", np.int32)]))[0]
    records = np.arange(24, dtype=np.float32).reshape(2, 12)
    got = _aligned(np.zeros((2, 4), np.float32))
    kernel("structs")((1,), (2,), (pair, _aligned(records), got))
    assert np.array_equal(got, [[2.5, 7, 0, 9], [2.5, 7, 12, 21]])


def _aligned(array: np.ndarray) -> np.ndarray:
    """A copy where a GPU's allocator might have put it."""
    copy = EmulatedDevice().xp.empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def test_shared_memory_is_not_a_number_before_every_block() -> None:
    """What nobody wrote, and what the block before left, never looks like a result."""
    got = np.zeros(64, np.float32)
    kernel("unset")((3,), (64,), (got,))
    assert np.isnan(got).all()


def test_fresh_device_memory_is_not_a_number() -> None:
    """``xp.empty`` never holds zeros by chance."""
    xp = EmulatedDevice().xp
    assert np.isnan(xp.empty((3, 4), np.float32)).all()
    assert (xp.empty(5, np.int32) == -1).all()
    assert not xp.zeros((3, 4)).any()
    assert xp.float32 is np.float32


def test_a_missing_barrier_shows_in_another_order() -> None:
    """The same kernel without ``__syncthreads`` gives another result for another seed."""
    results = []
    for seed in (0, 1, 2, 3, 4):
        got = np.zeros(128, np.int32)
        kernel("race", seed)((1,), (128,), (got,))
        results.append(got)
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[4])


def test_a_warp_that_runs_ahead_overwrites_what_others_still_read() -> None:
    """A number that is replaced without a second barrier is found by the orders in which a warp runs on."""
    found = set()
    for seed in range(5):
        got = np.zeros(128, np.int32)
        kernel("ahead", seed)((1,), (128,), (got,))
        found.add(tuple(got.tolist()))
    assert len(found) > 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("parted", "have parted: .*laws.cu"),
        ("missing", "wait for each other for ever.*laws.cu"),
        ("waits", "wait for each other for ever.*__ballot_sync.*__syncwarp"),
        ("two_barriers", "different barriers"),
        ("stranger", "not in its own mask 00000002"),
    ],
)
def test_wrong_use_of_barriers_is_found(name: str, words: str) -> None:
    """It ends the launch with a sentence that names the line, and the next launch works."""
    for seed in (0, 1, 2, 3, 4):
        with pytest.raises(EmulatorError, match=words):
            kernel(name, seed)((1,), (64,), ())
    test_a_block_turns_a_tile_in_shared_memory(1)


def test_wrong_arguments_are_found() -> None:
    """Count, kind, size and layout are those of the kernel."""
    good, sums = np.zeros(32, np.float32), np.zeros(1, np.float32)
    run = kernel("sum_warps")
    for wrong in (
        (good,),
        (good, sums, np.int32(3)),
        (good.astype(np.float64), sums),
        (good.astype(np.int32), sums),
        (good[::2], sums),
        (np.int32(3), sums),
    ):
        with pytest.raises(AssertionError):
            run((1,), (32,), wrong)
    with pytest.raises(AssertionError):
        kernel("early")((1,), (32,), (np.zeros(32, np.int32), 32))
    for grid, block in (((0,), (32,)), ((1,), (2048,)), ((1,), (0,)), ((1, 70000), (32,))):
        with pytest.raises(AssertionError):
            run(grid, block, (good, sums))


def test_writing_beyond_dynamic_shared_memory_is_found() -> None:
    """The bytes behind it are watched."""
    with pytest.raises(EmulatorError, match="beyond"):
        kernel("outside")((1,), (8,), (np.zeros(8, np.int32),), shared_mem=32)


def test_a_kernel_that_spins_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with a sentence that names the block, not with a test that hangs."""
    monkeypatch.setattr("tests.emulator.device.SECONDS", 0.3)
    with pytest.raises(EmulatorError, match=r"spins \(kernel spins, block 0,0,0"):
        kernel("spins")((1,), (8,), (np.zeros(1, np.int32),))
    test_a_block_turns_a_tile_in_shared_memory(0)


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [("astray", 1000, "far outside"), ("divides", 0, "divides an integer by zero")],
)
def test_what_the_processor_refuses_ends_the_launch(name: str, number: int, words: str) -> None:
    """It ends with a sentence, not with the test process; and so does the next time."""
    for _ in range(2):
        with pytest.raises(EmulatorError, match=words):
            kernel(name)((1,), (8,), (np.ones(8, np.int32), np.int32(number)))
    test_a_block_turns_a_tile_in_shared_memory(0)


def test_tiny_numbers_become_zero() -> None:
    """As with ``--ftz=true``; and NumPy's own arithmetic is as before."""
    got = np.full(4, 1.2e-38, np.float32)
    kernel("tiny")((1,), (4,), (got,))
    assert not got.any()
    assert (np.full(4, 1.2e-38, np.float32) * np.float32(0.5)).all()


def test_integers_are_added_up_without_order() -> None:
    """The atomic words."""
    at = np.array([0, 0, 99, 0], np.uint32)
    kernel("counts", 5)((1,), (20,), (at,))
    assert at.tolist() == [40, 19, 0, 2**20 - 1]


def test_float_atomics_do_not_compile() -> None:
    """Their order would show in the result."""
    source = 'extern "C" __global__ void bad(float* out) { atomicAdd(out, 1.0f); }'
    with pytest.raises(EmulatorError, match="no float atomics"):
        EmulatedDevice().kernel_of(source, "bad")
