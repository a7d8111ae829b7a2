"""Laws of the emulator itself: what a GPU does with a block of threads, and what it must find wrong."""

import numpy as np
import pytest

from tests.emulator.device import EmulatedDevice, EmulatedKernel, EmulatorError

KERNELS = """
struct Pair { float x; int n; };

extern "C" __global__ void sum_warps(const float* __restrict__ in, float* __restrict__ out) {
    float value = in[blockIdx.x * blockDim.x + threadIdx.x];
#pragma unroll
    for (int bit = 16; bit; bit >>= 1) value += __shfl_xor_sync(FULL_WARP, value, bit);
    if ((threadIdx.x & 31) == 0) out[(blockIdx.x * blockDim.x + threadIdx.x) >> 5] = value;
}

template <int SIDE>
__device__ __forceinline__ float turned(float value) {
    __shared__ float tile[SIDE][SIDE + 1];
    tile[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    return tile[threadIdx.x][threadIdx.y];
}
extern "C" __global__ void __launch_bounds__(256) transpose(const float* __restrict__ in, float* __restrict__ out, int n) {
    const int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 16 + threadIdx.y;
    const float value = turned<16>(in[y * n + x]);
    out[(blockIdx.x * 16 + threadIdx.y) * n + blockIdx.y * 16 + threadIdx.x] = value;
}

// Exclusive scan over blocks by look-back: status = value | flag << 30.
extern "C" __global__ void scan(const int* __restrict__ in, int* __restrict__ out, uint* status, uint* ticket, int n) {
    __shared__ int sums[4], block, before;
    if (threadIdx.x == 0) block = (int)atomicAdd(ticket, 1u);
    __syncthreads();
    const int at = block * blockDim.x + threadIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int own = at < n ? in[at] : 0;
    int upto = own;
    for (int step = 1; step < 32; step *= 2) {
        const int other = __shfl_up_sync(FULL_WARP, upto, step);
        if (lane >= step) upto += other;
    }
    if (lane == 31) sums[warp] = upto;
    __syncthreads();
    int total = 0, lower = 0;
    for (int w = 0; w < 4; ++w) { lower += w < warp ? sums[w] : 0; total += sums[w]; }
    if (threadIdx.x == 0) {
        volatile uint* seen = status;
        int prefix = 0;
        if (block) { uint word; do word = seen[block - 1]; while (!(word >> 30)); prefix = word & 0x3fffffff; }
        __threadfence();
        seen[block] = (uint)(prefix + total) | (1u << 30);
        before = prefix;
    }
    __syncthreads();
    if (at < n) out[at] = before + lower + upto - own;
}

extern "C" __global__ void reverse_dynamic(const int* __restrict__ in, int* __restrict__ out) {
    extern __shared__ int kept[];
    kept[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}

extern "C" __global__ void early(int* __restrict__ out, int n) {
    if (threadIdx.x >= n) return;
    __syncthreads();
    out[threadIdx.x] = (int)__ballot_sync(FULL_WARP, threadIdx.x & 1);
    __syncthreads();
}

extern "C" __global__ void from_gone(float* __restrict__ out) {
    if (threadIdx.x == 5) return;
    out[threadIdx.x] = __shfl_xor_sync(FULL_WARP, (float)threadIdx.x, 1);
}

extern "C" __global__ void votes(uint* __restrict__ out) {
    const int lane = threadIdx.x;
    out[lane] = __match_any_sync(FULL_WARP, lane % 3);
    out[32 + lane] = __any_sync(FULL_WARP, lane == 40) | __all_sync(FULL_WARP, lane < 32) << 1;
    out[64 + lane] = __shfl_down_sync(FULL_WARP, lane, 3, 8);
    out[96 + lane] = __shfl_sync(FULL_WARP, lane, 5, 8);
    out[128 + lane] = lane < 16 ? __ballot_sync(0xffffu, lane & 1) : __ballot_sync(0xffff0000u, lane & 1);
    out[160 + lane] = __shfl_up_sync(FULL_WARP, lane, 2, 16) + __syncthreads_count(lane < 7);
}

extern "C" __global__ void structs(Pair pair, const Record* __restrict__ in, float4* __restrict__ out) {
    out[threadIdx.x] = make_float4(pair.x, (float)pair.n, in[threadIdx.x].u, in[threadIdx.x].z);
}

extern "C" __global__ void unset(float* __restrict__ out) {
    __shared__ float kept[64];
    out[threadIdx.x] = kept[threadIdx.x];
    __syncthreads();
    kept[threadIdx.x] = 1.0f;
}

extern "C" __global__ void race(int* __restrict__ out) {
    __shared__ int kept[128];
    kept[threadIdx.x] = threadIdx.x + 1;
    out[threadIdx.x] = kept[127 - threadIdx.x];
}

extern "C" __global__ void parted() {
    if (threadIdx.x < 16) __syncwarp();
    else (void)__shfl_sync(FULL_WARP, 1, 0);
}
extern "C" __global__ void missing() { if (threadIdx.x < 40) __syncthreads(); else __syncwarp(); }
extern "C" __global__ void waits() { if (threadIdx.x != 3) __ballot_sync(FULL_WARP, 1); else __syncwarp(8u + 16u); }
extern "C" __global__ void two_barriers() { if (threadIdx.x < 32) __syncthreads();
    else __syncthreads(); }
extern "C" __global__ void stranger() { __syncwarp(2u); }
extern "C" __global__ void spins(volatile int* flag) { while (!*flag) {} }
extern "C" __global__ void outside(int* __restrict__ out) {
    extern __shared__ int kept[];
    kept[blockDim.x + threadIdx.x] = 1;
    out[threadIdx.x] = 0;
}
extern "C" __global__ void tiny(float* __restrict__ out) { out[threadIdx.x] *= 0.5f; }
extern "C" __global__ void counts(uint* __restrict__ at) {
    atomicAdd(&at[0], 2u); atomicMax(&at[1], threadIdx.x); atomicMin(&at[2], threadIdx.x); atomicOr(&at[3], 1u << threadIdx.x);
}
"""
PRELUDE = "#define FULL_WARP 0xffffffffu\ntypedef unsigned int uint;\nstruct __align__(16) Record { float u, v, a[7], z, b[2]; };\n"
SOURCE = f'{PRELUDE}#line 1 "laws.cu"\n{KERNELS}'
EVERY_ORDER = pytest.mark.parametrize("seed", [0, 1, 2, 77])


def kernel(name: str, seed: int = 0) -> EmulatedKernel:
    """One of the kernels above."""
    return EmulatedDevice(seed).kernel_of(SOURCE, name, "laws.cu")


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
    assert np.isnan(got[4]) and np.isfinite(np.delete(got, 4)).all()


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
    got = np.zeros((2, 4), np.float32)
    kernel("structs")((1,), (2,), (pair, _aligned(records), _aligned(got, kept := [])))
    assert np.array_equal(kept[0], [[2.5, 7, 0, 9], [2.5, 7, 12, 21]])


def _aligned(array: np.ndarray, kept: list[np.ndarray] | None = None) -> np.ndarray:
    """A copy where a GPU's allocator might have put it."""
    copy = EmulatedDevice().xp.empty(array.shape, array.dtype)
    copy[...] = array
    if kept is not None:
        kept.append(copy)
    return copy


def test_shared_memory_is_not_a_number_before_every_block() -> None:
    """What nobody wrote, and what the block before left, never looks like a result."""
    got = np.zeros(64, np.float32)
    kernel("unset")((3,), (64,), (got,))
    assert np.isnan(got).all()


def test_fresh_device_memory_is_not_a_number() -> None:
    """``xp.empty`` never holds zeros by chance."""
    xp = EmulatedDevice().xp
    assert np.isnan(xp.empty((3, 4), np.float32)).all() and (xp.empty(5, np.int32) == -1).all()
    assert not xp.zeros((3, 4)).any() and xp.float32 is np.float32


def test_a_missing_barrier_shows_in_another_order() -> None:
    """The same kernel without ``__syncthreads`` gives another result for another seed."""
    results = []
    for seed in (0, 1, 2):
        got = np.zeros(128, np.int32)
        kernel("race", seed)((1,), (128,), (got,))
        results.append(got)
    assert not np.array_equal(results[0], results[1]) and not np.array_equal(results[0], results[2])


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
    for seed in (0, 1, 2):
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
    with pytest.raises(EmulatorError, match="spins.*block 0,0,0"):
        kernel("spins")((1,), (8,), (np.zeros(1, np.int32),))
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
