// Backward of blending: twelve sums a pair of Gaussian and tile (prelude.cuh, SUM_*), front to back once more.
//
// With v = colour . g + ga + z gz, the slope of a pixel's loss along a Gaussian's weight, and S = what the Gaussians
// behind still add (the finished picture's colour . g at the start, less weight * v at each step), dL/d(alpha) is
// T v - S / (1 - alpha). Walking in the forward's order repeats its decisions to the bit and needs no stored state.
//
// One warp owns one tile, lanes hold pixels, so k = alpha dL/d(alpha) of a pixel costs about 28 instructions for PIXELS
// pixels a lane. The sums over lanes are halved as they go (16 lanes keep one half of the values, 16 the other, then 8 ...):
// 13 shuffles for twelve sums instead of 60, after which twelve lanes hold one sum each and write 48 bytes in a row. No
// atomics: a pair's slot has one writer, and the sum over a Gaussian's slots has a fixed order.
//
// Defines: PIXELS, COLLECT (absolute sums), WITH_ALPHA and WITH_DEPTH (those slopes are given).

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
    const int x = (tile % columns) * 8 + (lane & 7), y = (tile / columns) * (4 * PIXELS) + (lane >> 3);
    const float px = x + 0.5f, py = y + 0.5f;
    const long long plane = (long long)view.width * (long long)view.height;
    float transmittance[PIXELS], behind[PIXELS], gr[PIXELS], gg[PIXELS], gb[PIXELS], ga[PIXELS], gz[PIXELS];
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        transmittance[i] = behind[i] = gr[i] = gg[i] = gb[i] = ga[i] = gz[i] = 0.0f;
        if (px < view.width && py + 4 * i < view.height) {
            const long long at = (long long)(y + 4 * i) * (int)view.width + x;
            transmittance[i] = 1.0f;
            gr[i] = grad_rgb[at];
            gg[i] = grad_rgb[plane + at];
            gb[i] = grad_rgb[2 * plane + at];
            behind[i] = rgb[at] * gr[i] + rgb[plane + at] * gg[i] + rgb[2 * plane + at] * gb[i];
            if (WITH_ALPHA) {
                ga[i] = grad_alpha[at];
                behind[i] += alpha[at] * ga[i];
            }
            if (WITH_DEPTH) {
                gz[i] = grad_depth[at];
                behind[i] += depth[at] * gz[i];
            }
        }
    }
    const Share share = share_of(lane);
    const int end = ends[tile], stop = processed[tile];
    int begin = starts[tile];
    while (begin < stop) {
        const int count = min(32, stop - begin);
        if (lane < count) {
            const float4* record = reinterpret_cast<const float4*>(records + list_ids[begin + lane]);
            chunk[warp][lane][0] = record[0];
            chunk[warp][lane][1] = record[1];
            const float4 last = record[2];
            chunk[warp][lane][2] = make_float4(last.x, last.y, __int_as_float(list_slots[begin + lane]), 0.0f);
        }
        __syncwarp();
        for (int j = 0; j < count; j++) {
            const float4 a = chunk[warp][j][0], b = chunk[warp][j][1], c = chunk[warp][j][2];
            const Column column = column_of(px, a.x, a.z, a.w, b.y);
            float v[SUMS];
#pragma unroll
            for (int i = 0; i < SUMS; i++) v[i] = 0.0f;
            bool taken = false;
#pragma unroll
            for (int i = 0; i < PIXELS; i++) {
                const float dy = py + 4 * i - a.y, level = level_at(column, dy, b.x);
                if (level >= MIN_LEVEL && transmittance[i] > MIN_TRANSMITTANCE) {
                    taken = true;
                    const float raw = fast_exp2(level), opaque = fminf(raw, MAX_ALPHA);
                    const float weight = __fmul_rn(opaque, transmittance[i]);
                    float slope = b.z * gr[i] + b.w * gg[i] + c.x * gb[i];
                    if (WITH_ALPHA) slope += ga[i];
                    if (WITH_DEPTH) slope += c.y * gz[i];
                    behind[i] -= weight * slope;
                    const float k =
                        raw > MAX_ALPHA
                            ? 0.0f
                            : raw * (transmittance[i] * slope - behind[i] * fast_reciprocal(1.0f - opaque));
                    transmittance[i] = __fsub_rn(transmittance[i], weight);
                    const float ky = k * dy;
                    v[SUM_K] += k;
                    v[SUM_KY] += ky;
                    v[SUM_KYY] += ky * dy;
                    v[SUM_RED] += weight * gr[i];
                    v[SUM_GREEN] += weight * gg[i];
                    v[SUM_BLUE] += weight * gb[i];
                    if (WITH_DEPTH) v[SUM_Z] += weight * gz[i];
                    if (COLLECT) {
                        v[SUM_ABS_X] += fabsf(k * (2.0f * column.half + a.w * dy));
                        v[SUM_ABS_Y] += fabsf(k * (column.cross + 2.0f * b.x * dy));
                    }
                }
            }
            float sum = 0.0f;
            if (__any_sync(FULL_WARP, taken)) {
                v[SUM_KX] = v[SUM_K] * column.dx;
                v[SUM_KXX] = v[SUM_KX] * column.dx;
                v[SUM_KXY] = v[SUM_KY] * column.dx;
                sum = reduce(v, lane);
                if (COLLECT && share.index >= SUM_ABS_X) sum *= LN2;
            }
            if (share.whole) slots[12ll * __float_as_int(c.z) + share.index] = sum;
        }
        begin += count;
        __syncwarp();
    }
    // Pairs that no pixel has seen: their slots are read all the same.
    for (int i = stop + lane; i < end; i += 32) {
        float4* slot = reinterpret_cast<float4*>(slots + 12ll * list_slots[i]);
        slot[0] = slot[1] = slot[2] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
}
