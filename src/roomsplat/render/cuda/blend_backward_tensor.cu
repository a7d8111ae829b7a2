// Backward of blending with its sums on the tensor cores: the same twelve sums a pair as blend_backward.cu, whose head
// says what k, w and the slots are. There the sums over lanes take 75 of 187 instructions a pair.
//
// A pair's sums are sum k {1, x, y, x^2, xy, y^2} over the tile's pixels, counted from its centre, and sum w g for each
// channel of the slopes g. A lane holds pixels of one column, whose rows depend on its rank (lane % 4) and whose column
// is its group (lane / 4). That is how the right-hand matrix B of a product lies in registers: rank is the index that is
// summed over, group is the column. So, with nothing moved between lanes:
//
//   D (8 quantities x 8 columns of pixels) += A (8 x 4, constants) B (4 x 8, one value of every lane)
//
// sums over the four lanes of a column: rows 0 to 2 of A are y^0, y^1, y^2 and take the k of one pixel of each lane, rows
// 3 to 7 are ones in one row each, and take w g, already added up over a lane's own pixels, and the absolute sums. The
// matrices of the instruction are twice as large, so two Gaussians go at a time. D lies in registers as a left-hand
// matrix does, and one more product, with x^0, x^1, x^2, sums over the columns of pixels. All values are split in two, so
// that 22 bits of them count (tensor.cuh); the constants have few bits.
//
// Defines: PIXELS, WITH_ALPHA, and either COLLECT or WITH_DEPTH, as in blend_backward.cu. Needs compute 8.0.
#include "pixels.cuh"
#include "tensor.cuh"

#define WARPS 4
#define LN2 0.69314718f
#define BATCH 32
#define SUM_STRIDE 13
#define VALUES (PIXELS + 3 + WITH_DEPTH + 2 * COLLECT)

// One Gaussian's values of a lane: k of each pixel, the channels' sums, and depth's or the absolute ones.
__device__ __forceinline__ void values_of(Pixels& p, const float4* record, float px, float py, float (&v)[VALUES]) {
    const float4 a = record[0], b = record[1];
    const float2 c = *reinterpret_cast<const float2*>(record + 2);
    const Column column = column_of(px, a.x, a.z, a.w, b.y);
#pragma unroll
    for (int i = PIXELS; i < VALUES; i++) v[i] = 0.0f;
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        const float dy = py + 4 * i - a.y;
        float w;
        weigh(p, i, level_at(column, dy, b.x), b, c, v[i], w);
        v[PIXELS] += w * p.gr[i];
        v[PIXELS + 1] += w * p.gg[i];
        v[PIXELS + 2] += w * p.gb[i];
        if (WITH_DEPTH) v[PIXELS + 3] += w * p.gz[i];
        if (COLLECT) {
            v[VALUES - 2] += fabsf(v[i] * (2.0f * column.half + a.w * dy));
            v[VALUES - 1] += fabsf(v[i] * (column.cross + 2.0f * b.x * dy));
        }
    }
}

// Where in a Gaussian's twelve sums the element (quantity, power of x) of the result goes; 12: nowhere.
__device__ __forceinline__ int place_of(int quantity, int power) {
    if (quantity == 0) return power == 0 ? SUM_K : power == 1 ? SUM_KX : power == 2 ? SUM_KXX : SUMS;
    if (quantity == 1) return power == 0 ? SUM_KY : power == 1 ? SUM_KXY : SUMS;
    if (quantity == 2) return power == 0 ? SUM_KYY : SUMS;
    if (power) return SUMS;
    if (quantity < 6) return SUM_RED + quantity - 3;
    return COLLECT ? SUM_ABS_X + quantity - 6 : quantity == 6 ? SUM_Z : SUMS;
}

// From sums about the tile's centre to the pair's slot: the lower half of the warp moves the moments of 16 Gaussians, the
// upper half copies their other sums.
__device__ __forceinline__ void write_slots(
    const float* sums, const float4 (*chunk)[3], int first, int count, int slot, float centre_x, float centre_y,
    float* __restrict__ slots) {
    const int lane = threadIdx.x & 31, j = first + (lane & 15);
    const int own_slot = __shfl_sync(FULL_WARP, slot, j);
    if (j >= count) return;
    const float* own = sums + j * SUM_STRIDE;
    float* out = slots + 12ll * own_slot;
    if (lane < 16) {
        const float a = chunk[j][0].x - centre_x, b = chunk[j][0].y - centre_y;
        const float one = own[SUM_K], mx = own[SUM_KX], my = own[SUM_KY], kx = mx - a * one, ky = my - b * one;
        *reinterpret_cast<float4*>(out) = make_float4(one, kx, ky, own[SUM_KXX] - a * (mx + kx));
        *reinterpret_cast<float2*>(out + 4) =
            make_float2(own[SUM_KXY] - a * my - b * kx, own[SUM_KYY] - b * (my + ky));
    } else {
        *reinterpret_cast<float2*>(out + 6) = make_float2(own[SUM_RED], own[SUM_GREEN]);
        *reinterpret_cast<float4*>(out + 8) = make_float4(
            own[SUM_BLUE], WITH_DEPTH ? own[SUM_Z] : 0.0f, COLLECT ? LN2 * own[SUM_ABS_X] : 0.0f,
            COLLECT ? LN2 * own[SUM_ABS_Y] : 0.0f);
    }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 5) blend_backward(
    const Record* __restrict__ records, const int* __restrict__ list_ids, const int* __restrict__ list_slots,
    const int* __restrict__ starts, const int* __restrict__ ends, const int* __restrict__ processed, View view, int columns,
    int tiles, const float* __restrict__ rgb, const float* __restrict__ alpha, const float* __restrict__ depth,
    const float* __restrict__ grad_rgb, const float* __restrict__ grad_alpha, const float* __restrict__ grad_depth,
    float* __restrict__ slots) {
    __shared__ float4 chunks[WARPS][BATCH + 1][3];  // one more: an odd last Gaussian has a partner that counts for nothing
    __shared__ float all_sums[WARPS][(BATCH + 1) * SUM_STRIDE];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, group = lane >> 2, rank = lane & 3;
    float4 (*chunk)[3] = chunks[warp];
    float* sums = all_sums[warp];
    const int tile = blockIdx.x * WARPS + warp;
    if (tile >= tiles) return;
    const int left = (tile % columns) * TILE_WIDTH, top = (tile / columns) * TILE_HEIGHT;
    const float px = left + group + 0.5f, py = top + rank + 0.5f;
    Pixels p = load_pixels(
        left + group, top + rank, (int)view.width, (int)view.height, rgb, alpha, depth, grad_rgb, grad_alpha, grad_depth);
    // Of A, row = group and column = rank: powers of a pixel's y, then ones in one row. The second Gaussian's rows and
    // columns follow the first one's, so two quarters of each matrix are zero.
    float constants[VALUES][4];
#pragma unroll
    for (int i = 0; i < VALUES; i++) {
        const float y = rank + 4 * i - 0.5f * (TILE_HEIGHT - 1);
        const float power = group == 0 ? 1.0f : group == 1 ? y : group == 2 ? y * y : 0.0f;
        const float one = group == i - PIXELS + 3 ? 1.0f : 0.0f;
        constants[i][0] = constants[i][3] = i < PIXELS ? power : one;
        constants[i][1] = constants[i][2] = 0.0f;
#pragma unroll
        for (int j = 0; j < 4; j++) constants[i][j] = kept(constants[i][j]);
    }
    float powers[2];  // of x: columns of pixels 2 rank and 2 rank + 1, power = group
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const float x = 2 * rank + i - 0.5f * (TILE_WIDTH - 1);
        powers[i] = group == 0 ? 1.0f : group == 1 ? x : group == 2 ? x * x : 0.0f;
    }
    const int place_even = place_of(group, 2 * rank), place_odd = place_of(group, 2 * rank + 1);
    float *even = sums + place_even, *odd = sums + place_odd;
    const int stop = processed[tile];
    for (int begin = starts[tile]; begin < stop; begin += BATCH) {
        const int count = min(BATCH, stop - begin), slot = lane < count ? list_slots[begin + lane] : 0;
        // Of no opacity to speak of: exp2(-1000).
        if (lane < 3) chunk[count][lane] = make_float4(0.0f, lane == 1 ? -1000.0f : 0.0f, 0.0f, 0.0f);
        fetch_records(chunk, records, list_ids + begin, count);
        for (int j = 0; j < count; j += 2) {
            float first[VALUES], second[VALUES];
            values_of(p, chunk[j], px, py, first);
            values_of(p, chunk[j + 1], px, py, second);
            float rows[4] = {0.0f, 0.0f, 0.0f, 0.0f}, low_rows[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
            for (int i = 0; i < VALUES; i++) {
                const float high[2] = {leading(first[i]), leading(second[i])};
                const float low[2] = {first[i] - high[0], second[i] - high[1]};
                multiply_add(rows, constants[i], high);
#if !defined(NOLOW)
                multiply_add(low_rows, constants[i], low);
#endif
            }
#pragma unroll
            for (int i = 0; i < 4; i++) rows[i] += low_rows[i];
            const Split d = split(make_float2(rows[0], rows[1]), make_float2(rows[2], rows[3]));
            float totals[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            multiply_add(totals, d.low, powers);
            multiply_add(totals, d.high, powers);
            if (place_even < SUMS) even[j * SUM_STRIDE] = totals[0], even[(j + 1) * SUM_STRIDE] = totals[2];
            if (place_odd < SUMS) odd[j * SUM_STRIDE] = totals[1], odd[(j + 1) * SUM_STRIDE] = totals[3];
        }
        __syncwarp();
        const float centre_x = left + 0.5f * TILE_WIDTH, centre_y = top + 0.5f * TILE_HEIGHT;
        write_slots(sums, chunk, 0, count, slot, centre_x, centre_y, slots);
        write_slots(sums, chunk, 16, count, slot, centre_x, centre_y, slots);
        __syncwarp();
    }
    clear_slots(slots, list_slots, stop, ends[tile]);
}
