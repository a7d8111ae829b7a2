// Every pair of a drawn Gaussian and a tile that it reaches, in depth order: sorted by tile (sort.cu) they are the tiles'
// lists. Tight bounds pay twice, in sorting and in blending (Speedy-Splat, Hanson et al. 2025, section 3): rows of tiles
// are cut with the ellipse itself, not with a box around it.
//
// Defines: TILE_HEIGHT. Tiles are 8 px wide.

#include "scan.cuh"

#define THREADS 256
#define WARPS 8
#define TILE_WIDTH 8
#define ALONE_ROWS 16         // a thread counts this many rows of tiles by itself,
#define ALONE_TILES 32        // and writes this many tiles; the warp helps with more (one thread: 1 ms for 30,000 tiles)

// Where alpha >= 1/255, a little widened, so that rounding loses no pixel that blending takes. With dy = y - v and
// the rest of a row along x: dx between lean * dy -+ sqrt(reach - thin * dy^2).
struct Ellipse {
    float u, v, lean, thin, reach, half_height, tip, margin;
    int first_row, last_row;  // of tiles
};

// What of the centres from + 0.5 to size - 0.5 lies in low .. high: first, last (first > last: none).
__device__ __forceinline__ int2 centres_between(float low, float high, int size) {
    const float first = fmaxf(ceilf(low - 0.5f), 0.0f), last = fminf(floorf(high - 0.5f), (float)(size - 1));
    return first <= last ? make_int2((int)first, (int)last) : make_int2(0, -1);
}

// Every rounding is spelled out: counting and writing must agree to the bit, whatever the compiler fuses.
__device__ __forceinline__ Ellipse ellipse_of(const Record* __restrict__ records, int id, int height) {
    const float4 a = *reinterpret_cast<const float4*>(records + id);
    const float2 b = *reinterpret_cast<const float2*>(&records[id].qc);
    const float qa = a.z, qb = a.w, qc = b.x;
    const float tau = __fmaf_rn(b.y - MIN_LEVEL, 1.0001f, 1e-4f);
    // 4 qa qc - qb^2 loses everything for needles unless the product's rounding error is added back (Kahan).
    const float square = __fmul_rn(qb, qb), lost = __fmaf_rn(-qb, qb, square);
    const float product = __fmul_rn(qa, qc);
    const float exact = __fadd_rn(__fmaf_rn(4.0f * qa, qc, -square), lost);
    const float det = fmaxf(exact, __fmul_rn(1e-12f, product));
    const float inverse = __fdiv_rn(1.0f, qa), half = __fmul_rn(0.5f, inverse);
    Ellipse e;
    e.u = a.x;
    e.v = a.y;
    e.lean = __fmul_rn(-qb, half);
    e.thin = __fmul_rn(__fmul_rn(det, half), half);
    e.reach = __fmul_rn(tau, inverse);
    e.half_height = __fsqrt_rn(fmaxf(__fdiv_rn(e.reach, e.thin), 0.0f));
    e.tip = __fmul_rn(__fdiv_rn(__fmul_rn(-0.5f, qb), __fsqrt_rn(product)), e.half_height);
    // Far outside the picture a float's spacing is more than a thousandth of a pixel.
    e.margin = __fmaf_rn(fabsf(a.x) + fabsf(a.y), 2.4e-7f, 1e-3f);
    const float reach = __fadd_rn(e.half_height, e.margin);
    const int2 rows = centres_between(__fsub_rn(e.v, reach), __fadd_rn(e.v, reach), height);
    const bool drawn = tau > 0.0f && rows.x <= rows.y;
    e.first_row = drawn ? rows.x / TILE_HEIGHT : 0;
    e.last_row = drawn ? rows.y / TILE_HEIGHT : -1;
    return e;
}

// First tile and number of tiles of one row of tiles.
__device__ __forceinline__ int2 row_span(const Ellipse& e, int row, int width, int height) {
    const int top = row * TILE_HEIGHT, bottom = min(top + TILE_HEIGHT, height);
    const float low = fmaxf(__fsub_rn(__fsub_rn(top + 0.5f, e.v), e.margin), -e.half_height);
    const float high = fminf(__fadd_rn(__fsub_rn(bottom - 0.5f, e.v), e.margin), e.half_height);
    // The ellipse reaches farthest right at dy = tip and farthest left at -tip; within the strip, as near to it as it goes.
    const float right = fminf(fmaxf(e.tip, low), high), left = fminf(fmaxf(-e.tip, low), high);
    const float right_half = __fsqrt_rn(fmaxf(__fmaf_rn(__fmul_rn(-e.thin, right), right, e.reach), 0.0f));
    const float left_half = __fsqrt_rn(fmaxf(__fmaf_rn(__fmul_rn(-e.thin, left), left, e.reach), 0.0f));
    const float from = __fadd_rn(e.u, __fsub_rn(__fmaf_rn(e.lean, left, -left_half), e.margin));
    const float to = __fadd_rn(e.u, __fadd_rn(__fmaf_rn(e.lean, right, right_half), e.margin));
    const int2 pixels = centres_between(from, to, width);
    if (pixels.x > pixels.y) return make_int2(0, 0);
    return make_int2(pixels.x / TILE_WIDTH, pixels.y / TILE_WIDTH - pixels.x / TILE_WIDTH + 1);
}

// Counts of pairs stop where a status word has no room for more.
__device__ __forceinline__ uint saturated(uint a, uint b) { return min(a + b, SUM_MASK); }

// Pairs of all blocks before this one, found by one warp.
__device__ __forceinline__ uint pairs_before(const volatile uint* status, int block) {
    const int lane = threadIdx.x & 31;
    uint sum = 0;
    for (int at = block - 1; true;) {
        const uint word = at >= lane ? status[at - lane] : COMPLETE;
        const uint complete = __ballot_sync(FULL_WARP, word >= COMPLETE);
        const uint missing = __ballot_sync(FULL_WARP, word < PARTIAL);
        const int nearest = complete ? __ffs(complete) - 1 : 31;
        if (missing & (FULL_WARP >> (31 - nearest))) continue;
        uint count = lane <= nearest ? word & SUM_MASK : 0u;
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2)
            count = saturated(count, __shfl_xor_sync(FULL_WARP, count, distance));
        sum = saturated(sum, count);
        if (complete) return sum;
        at -= 32;
    }
}

// Tiles of one Gaussian, counted by the whole warp.
__device__ __forceinline__ uint count_together(const Ellipse& e, int width, int height) {
    uint count = 0;
    for (int row = e.first_row + (threadIdx.x & 31); row <= e.last_row; row += 32) count += row_span(e, row, width, height).y;
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) count += __shfl_xor_sync(FULL_WARP, count, distance);
    return count;
}

// Tiles of one Gaussian, written by the whole warp from `start` on.
__device__ __forceinline__ void write_together(
    const Ellipse& e, int id, int width, int height, int columns, uint start, uint end, uint* __restrict__ pair_tiles,
    int* __restrict__ owners) {
    const int lane = threadIdx.x & 31;
    for (int first = e.first_row; first <= e.last_row && start < end; first += 32) {
        const int row = first + lane;
        const int2 span = row <= e.last_row ? row_span(e, row, width, height) : make_int2(0, 0);
        for (int i = 0; i < min(32, e.last_row - first + 1); i++) {
            const int column = __shfl_sync(FULL_WARP, span.x, i), length = __shfl_sync(FULL_WARP, span.y, i);
            for (int j = lane; j < length; j += 32) {
                if (start + j < end) {
                    pair_tiles[start + j] = (first + i) * columns + column + j;
                    owners[start + j] = id;
                }
            }
            start += length;
        }
    }
}

// One thread a Gaussian, in depth order. `chain`: a ticket, then a status word a block; zero at the start. Pairs that
// the buffers cannot take are not written; they are the farthest. total: pairs written, pairs wanted. Tiles begin empty: at `capacity`, to 0.
extern "C" __global__ void __launch_bounds__(THREADS) emit(
    const Record* __restrict__ records, const uint* __restrict__ depth_keys, const int* __restrict__ order, int n, int width,
    int height, int columns, int tiles, int capacity, uint* chain, int* __restrict__ slot_starts,
    int* __restrict__ slot_counts, uint* __restrict__ pair_tiles, int* __restrict__ owners, uint* __restrict__ total,
    int* __restrict__ tile_starts, int* __restrict__ tile_ends) {
    __shared__ uint stage[THREADS * ALONE_TILES], shifts[THREADS], sums[WARPS];
    __shared__ int ids[THREADS];
    __shared__ uint ticket, before;
    const int thread = threadIdx.x, lane = thread & 31;
    for (int i = blockIdx.x * THREADS + thread; i < tiles; i += gridDim.x * THREADS) {
        tile_starts[i] = capacity;
        tile_ends[i] = 0;
    }
    if (thread == 0) ticket = atomicAdd(&chain[0], 1u);
    __syncthreads();
    const int block = (int)ticket, at = block * THREADS + thread;
    const int id = at < n ? order[at] : 0;
    const bool shown = at < n && depth_keys[at] != HIDDEN_KEY;

    uint count = 0;
    Ellipse ellipse;
    ellipse.first_row = 0, ellipse.last_row = -1;
    if (shown) ellipse = ellipse_of(records, id, height);
    const bool tall = ellipse.last_row - ellipse.first_row >= ALONE_ROWS;
    if (!tall)
        for (int row = ellipse.first_row; row <= ellipse.last_row; row++) count += row_span(ellipse, row, width, height).y;
    for (uint waiting = __ballot_sync(FULL_WARP, tall); waiting; waiting &= waiting - 1) {
        const int source = __ffs(waiting) - 1;
        const Ellipse other = ellipse_of(records, __shfl_sync(FULL_WARP, id, source), height);
        const uint sum = count_together(other, width, height);
        if (lane == source) count = sum;
    }
    const bool large = tall || count > ALONE_TILES;

    uint block_sum, small_sum;
    const uint offset = block_exclusive_sum(count, sums, block_sum);
    const uint small_offset = block_exclusive_sum(large ? 0u : count, sums, small_sum);
    volatile uint* status = chain + 1;
    if (thread < 32) {
        block_sum = min(block_sum, SUM_MASK);
        if (thread == 0) status[block] = (block == 0 ? COMPLETE : PARTIAL) | block_sum;
        const uint sum = block == 0 ? 0u : pairs_before(status, block);
        const uint wanted = saturated(sum, block_sum);
        if (thread == 0) {
            before = sum;
            if (block > 0) status[block] = COMPLETE | wanted;
            if (block == gridDim.x - 1) {
                total[0] = min(wanted, (uint)capacity);
                total[1] = wanted;
            }
        }
    }
    if (!large) {
        uint slot = small_offset;
        for (int row = ellipse.first_row; row <= ellipse.last_row; row++) {
            const int2 span = row_span(ellipse, row, width, height);
            for (int i = 0; i < span.y; i++) stage[slot++] = (uint)thread << 24 | (uint)(row * columns + span.x + i);
        }
    }
    __syncthreads();
    const uint start = before + offset, end = min(start + count, (uint)capacity);
    if (at < n) {
        slot_starts[id] = (int)min(start, (uint)capacity);
        slot_counts[id] = start < end ? (int)(end - start) : 0;
    }
    ids[thread] = id;
    shifts[thread] = start - small_offset;
    __syncthreads();
    for (uint i = thread; i < small_sum; i += THREADS) {
        const uint pair = stage[i], owner = pair >> 24, place = shifts[owner] + i;
        if (place < (uint)capacity) {
            pair_tiles[place] = pair & 0xffffffu;
            owners[place] = ids[owner];
        }
    }
    for (uint waiting = __ballot_sync(FULL_WARP, large && count > 0); waiting; waiting &= waiting - 1) {
        const int source = __ffs(waiting) - 1, other_id = __shfl_sync(FULL_WARP, id, source);
        const uint other_start = __shfl_sync(FULL_WARP, start, source), other_end = __shfl_sync(FULL_WARP, end, source);
        const Ellipse other = ellipse_of(records, other_id, height);
        write_together(other, other_id, width, height, columns, other_start, other_end, pair_tiles, owners);
    }
}
