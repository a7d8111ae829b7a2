// Every pair of a drawn Gaussian and a tile that it reaches, in depth order: sorted by tile (sort.cu) they are the tiles'
// lists. Tight bounds pay twice, in sorting and in blending (Speedy-Splat, Hanson et al. 2025, section 3): rows of tiles
// are cut with the ellipse itself, not with a box around it.
//
// Defines: TILE_HEIGHT. Tiles are 8 px wide.

#include "scan.cuh"

#define THREADS 256
#define WARPS 8
#define TILE_WIDTH 8
#define KEPT 2048  // spans that a block remembers from counting to writing; it has 500 to 2,000 in photographs of rooms
#define WRITERS 8  // lanes that write one span together; it has 6 tiles on average, 240 at most

// Where alpha >= 1/255, a little widened, so that rounding loses no pixel that blending takes. With dy = y - v and
// the rest of a row along x: dx between lean * dy -+ sqrt(reach - thin * dy^2).
struct __align__(16) Ellipse {
    float u, v, lean, thin, reach, half_height, tip, margin;
};

// The tiles of one ellipse in one row: first column (12 bits), number (12 bits), whose of the block's it is (8 bits).
__device__ __forceinline__ uint packed_span(int column, int count, int owner) {
    return (uint)column << 20 | (uint)count << 8 | (uint)owner;
}
__device__ __forceinline__ int span_column(uint span) { return (int)(span >> 20); }
__device__ __forceinline__ int span_count(uint span) { return (int)(span >> 8 & 0xfffu); }
__device__ __forceinline__ int span_owner(uint span) { return (int)(span & 0xffu); }

// What of the centres from + 0.5 to size - 0.5 lies in low .. high: first, last (first > last: none).
__device__ __forceinline__ int2 centres_between(float low, float high, int size) {
    const float first = fmaxf(ceilf(low - 0.5f), 0.0f), last = fminf(floorf(high - 0.5f), (float)(size - 1));
    return first <= last ? make_int2((int)first, (int)last) : make_int2(0, -1);
}

// Every rounding is spelled out: counting and writing must agree to the bit, whatever the compiler fuses.
__device__ __forceinline__ Ellipse ellipse_of(const Record& record) {
    const float4 a = *reinterpret_cast<const float4*>(&record);
    const float2 b = *reinterpret_cast<const float2*>(&record.qc);
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
    return e;
}

// First and last row of tiles (first > last: none).
__device__ __forceinline__ int2 rows_of(const Ellipse& e, int height) {
    const float up = __fadd_rn(e.half_height, e.margin);
    const int2 pixels = centres_between(__fsub_rn(e.v, up), __fadd_rn(e.v, up), height);
    const bool any = e.reach > 0.0f && pixels.x <= pixels.y;
    return any ? make_int2(pixels.x / TILE_HEIGHT, pixels.y / TILE_HEIGHT) : make_int2(0, -1);
}

// First column and number of tiles in one row of tiles.
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

// What a block knows of its Gaussians. Their rows of tiles are numbered one Gaussian after the other: threads take rows,
// not Gaussians, because one Gaussian has 3 rows and the next 240.
struct Block {
    Ellipse ellipses[THREADS];
    int ids[THREADS], first_rows[THREADS];
    uint row_starts[THREADS + 1];
};

__device__ __forceinline__ uint span_of(const Block& block, uint row, int width, int height) {
    int owner = 0;  // the last one whose rows start at `row` or before
#pragma unroll
    for (int step = THREADS / 2; step > 0; step /= 2)
        if (block.row_starts[owner + step] <= row) owner += step;
    const Ellipse e = block.ellipses[owner];
    const int2 tiles = row_span(e, block.first_rows[owner] + (int)(row - block.row_starts[owner]), width, height);
    return packed_span(tiles.x, tiles.y, owner);
}

// `chain`: a ticket, then a status word a block; zero at the start. Pairs that the buffers cannot take are not written;
// they are the farthest. total: pairs written, pairs wanted. Tiles begin empty: at `capacity`, to 0.
extern "C" __global__ void __launch_bounds__(THREADS) emit(
    const Record* __restrict__ records, const uint* __restrict__ depth_keys, const int* __restrict__ order, int n, int width,
    int height, int columns, int tiles, int capacity, uint* chain, int* __restrict__ slot_starts,
    int* __restrict__ slot_counts, uint* __restrict__ pair_tiles, int* __restrict__ owners, uint* __restrict__ total,
    int* __restrict__ tile_starts, int* __restrict__ tile_ends) {
    __shared__ Block block;
    __shared__ uint kept[KEPT], sums[WARPS], starts[THREADS], ends[THREADS];
    __shared__ uint spans[THREADS], span_tiles[THREADS], span_starts[THREADS];
    __shared__ uint ticket, before;
    const int thread = threadIdx.x;
    for (int i = blockIdx.x * THREADS + thread; i < tiles; i += gridDim.x * THREADS) {
        tile_starts[i] = capacity;
        tile_ends[i] = 0;
    }
    if (thread == 0) ticket = atomicAdd(&chain[0], 1u);
    __syncthreads();
    const int number = (int)ticket, at = number * THREADS + thread;
    const int id = at < n ? order[at] : 0;
    int2 range = make_int2(0, -1);
    if (at < n && depth_keys[at] != HIDDEN_KEY) {
        block.ellipses[thread] = ellipse_of(records[id]);
        range = rows_of(block.ellipses[thread], height);
    }
    block.ids[thread] = id;
    block.first_rows[thread] = range.x;
    starts[thread] = ends[thread] = 0;
    uint rows;
    block.row_starts[thread] = block_exclusive_sum(range.y - range.x + 1, sums, rows);
    if (thread == 0) block.row_starts[THREADS] = rows;
    __syncthreads();

    uint count = 0, pairs;
    for (uint row = thread; row < rows; row += THREADS) {
        const uint span = span_of(block, row, width, height);
        if (row < KEPT) kept[row] = span;
        count += span_count(span);
    }
    block_exclusive_sum(count, sums, pairs);
    if (thread < 32) {
        volatile uint* status = chain + 1;
        pairs = min(pairs, SUM_MASK);
        if (thread == 0) status[number] = (number == 0 ? COMPLETE : PARTIAL) | pairs;
        const uint sum = number == 0 ? 0u : pairs_before(status, number);
        const uint wanted = saturated(sum, pairs);
        if (thread == 0) {
            before = sum;
            if (number > 0) status[number] = COMPLETE | wanted;
            if (number == gridDim.x - 1) {
                total[0] = min(wanted, (uint)capacity);
                total[1] = wanted;
            }
        }
    }
    __syncthreads();

    uint done = before;
    for (uint base = 0; base < rows && before < (uint)capacity; base += THREADS) {
        const uint row = base + thread;
        uint span = 0, sum;
        if (row < rows) span = row < KEPT ? kept[row] : span_of(block, row, width, height);
        const uint start = done + block_exclusive_sum(span_count(span), sums, sum);
        if (row < rows) {
            const int owner = span_owner(span);
            if (row == block.row_starts[owner]) starts[owner] = start;
            if (row + 1 == block.row_starts[owner + 1]) ends[owner] = start + span_count(span);
            const int tile_row = block.first_rows[owner] + (int)(row - block.row_starts[owner]);
            span_tiles[thread] = tile_row * columns + span_column(span);
        }
        spans[thread] = span;
        span_starts[thread] = start;
        done += sum;
        __syncthreads();
        for (int i = thread / WRITERS; i < min((int)(rows - base), THREADS); i += THREADS / WRITERS) {
            const int length = span_count(spans[i]), owner = block.ids[span_owner(spans[i])];
            for (int j = thread % WRITERS; j < length; j += WRITERS) {
                const uint place = span_starts[i] + j;
                if (place < (uint)capacity) {
                    pair_tiles[place] = span_tiles[i] + j;
                    owners[place] = owner;
                }
            }
        }
    }
    __syncthreads();
    if (at < n) {
        const uint start = min(starts[thread], (uint)capacity);
        slot_starts[id] = (int)start;
        slot_counts[id] = (int)(min(ends[thread], (uint)capacity) - start);
    }
}
