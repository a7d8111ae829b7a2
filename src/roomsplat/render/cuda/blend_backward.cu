// Backward of blending: twelve sums a pair of Gaussian and tile (prelude.cuh, SUM_*), front to back once more.
//
// With v = colour . g + ga + z gz, the slope of a pixel's loss along a Gaussian's weight, and S = what the Gaussians
// behind still add (the finished picture's colour . g at the start, less weight * v at each step), dL/d(alpha) is
// T v - S / (1 - alpha). Walking in the forward's order repeats its decisions to the bit and needs no stored state.
//
// One warp owns one tile, lanes hold pixels (pixels.cuh); a pixel costs about 28 instructions. The sums over lanes are halved as they go (16 lanes keep one half of the values, 16 the other, then 8 ...):
// 13 shuffles for twelve sums instead of 60, after which twelve lanes hold one sum each and write 48 bytes in a row. No
// atomics: a pair's slot has one writer, and the sum over a Gaussian's slots has a fixed order.
//
// Defines: PIXELS, COLLECT (absolute sums), WITH_ALPHA and WITH_DEPTH (those slopes are given).
#include "pixels.cuh"

#define WARPS 4
#define LN2 0.69314718f

// Value `index` of this lane's share after the halving; lanes where `whole` is false hold nothing.
struct Share {
    int index;
    bool whole;
};

__device__ __forceinline__ Share share_of(int lane) {
    const int fourth = (lane >> 2) & 1, second = (lane >> 1) & 1;
    Share share;
    share.index = 6 * ((lane >> 4) & 1) + 3 * ((lane >> 3) & 1) + 2 * fourth + second;
    share.whole = (lane & 1) == 0 && !(fourth && second);
    return share;
}

template <int COUNT>
__device__ __forceinline__ void halve(float* v, int lane, int distance) {
    const bool upper = lane & distance;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        const float sent = upper ? v[i] : v[i + COUNT], kept = upper ? v[i + COUNT] : v[i];
        v[i] = kept + __shfl_xor_sync(FULL_WARP, sent, distance);
    }
}

// Twelve values of each lane to the sum of one of them (share_of) over all lanes.
__device__ __forceinline__ float reduce(float* v, int lane) {
    halve<6>(v, lane, 16);
    halve<3>(v, lane, 8);
    v[3] = 0.0f;
    halve<2>(v, lane, 4);
    halve<1>(v, lane, 2);
    return v[0] + __shfl_xor_sync(FULL_WARP, v[0], 1);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) blend_backward(
    const Record* __restrict__ records, const int* __restrict__ list_ids, const int* __restrict__ list_slots,
    const int* __restrict__ starts, const int* __restrict__ ends, const int* __restrict__ processed, View view, int columns,
    int tiles, const float* __restrict__ rgb, const float* __restrict__ alpha, const float* __restrict__ depth,
    const float* __restrict__ grad_rgb, const float* __restrict__ grad_alpha, const float* __restrict__ grad_depth,
    float* __restrict__ slots) {
    __shared__ float4 chunk[WARPS][32][3];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int tile = blockIdx.x * WARPS + warp;
    if (tile >= tiles) return;
    const int x = (tile % columns) * TILE_WIDTH + (lane >> 2), top = (tile / columns) * TILE_HEIGHT + (lane & 3);
    const float px = x + 0.5f, py = top + 0.5f;
    Pixels p = load_pixels(
        x, top, (int)view.width, (int)view.height, rgb, alpha, depth, grad_rgb, grad_alpha, grad_depth);
    const Share share = share_of(lane);
    const int stop = processed[tile];
    for (int begin = starts[tile]; begin < stop; begin += 32) {
        const int count = min(32, stop - begin), slot = lane < count ? list_slots[begin + lane] : 0;
        fetch_records(chunk[warp], records, list_ids + begin, count);
        for (int j = 0; j < count; j++) {
            const float4 a = chunk[warp][j][0], b = chunk[warp][j][1];
            const float2 c = *reinterpret_cast<const float2*>(&chunk[warp][j][2]);
            const Column column = column_of(px, a.x, a.z, a.w, b.y);
            float v[SUMS];
#pragma unroll
            for (int i = 0; i < SUMS; i++) v[i] = 0.0f;
            uint taken = 0;
#pragma unroll
            for (int i = 0; i < PIXELS; i++) {
                const float dy = py + 4 * i - a.y;
                float k, w;
                weigh(p, i, level_at(column, dy, b.x), b, c, k, w);
                taken |= __float_as_uint(w);
                const float ky = k * dy;
                v[SUM_K] += k;
                v[SUM_KY] += ky;
                v[SUM_KYY] += ky * dy;
                v[SUM_RED] += w * p.gr[i];
                v[SUM_GREEN] += w * p.gg[i];
                v[SUM_BLUE] += w * p.gb[i];
                if (WITH_DEPTH) v[SUM_Z] += w * p.gz[i];
                if (COLLECT) {
                    v[SUM_ABS_X] += fabsf(k * (2.0f * column.half + a.w * dy));
                    v[SUM_ABS_Y] += fabsf(k * (column.cross + 2.0f * b.x * dy));
                }
            }
            float sum = 0.0f;
            if (__any_sync(FULL_WARP, taken != 0)) {
                v[SUM_KX] = v[SUM_K] * column.dx;
                v[SUM_KXY] = v[SUM_KY] * column.dx;
                v[SUM_KXX] = v[SUM_KX] * column.dx;
                sum = reduce(v, lane);
                if (COLLECT && share.index >= SUM_ABS_X) sum *= LN2;
            }
            const long long own = 12ll * __shfl_sync(FULL_WARP, slot, j);
            if (share.whole) slots[own + share.index] = sum;
        }
        __syncwarp();
    }
    clear_slots(slots, list_slots, stop, ends[tile]);
}
