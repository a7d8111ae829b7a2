// Backward of blending with its sums on the tensor cores: the same twelve sums a pair as blend_backward.cu, whose head
// says what k, w, S and the slots are. There the sums over pixels take 75 of 187 instructions a pair; here 17.
//
// A pair's sums are linear in its k and w: sum k {1, x, y, x^2, xy, y^2} with pixels (x, y) counted from the tile's
// centre, and sum w {red, green, blue, depth} of the slopes. For sixteen Gaussians and the 32 * PIXELS pixels of a tile
// these are products of small matrices, K (16 x pixels) by the monomials (pixels x 6) and W by the slopes (pixels x 4).
// So the warp walks sixteen Gaussians front to back, each lane with its own pixels, and leaves k and w in shared memory;
// then it multiplies. The monomials have few enough bits for tf32; k, w and the slopes are split in two (tensor.cuh).
// Sums about the tile's centre are moved to the Gaussian's in the end.
//
// Defines: PIXELS (2), COLLECT, WITH_ALPHA, WITH_DEPTH as in blend_backward.cu. Needs compute 8.0.
#include "tensor.cuh"

#define WARPS 2  // 29 kB of shared memory a block: 14 warps a multiprocessor; with four warps a block it would be 12
#define LN2 0.69314718f
#define BATCH 16                  // Gaussians of one product
#define SIZE (32 * PIXELS)        // pixels
#define STEPS (SIZE / 8)          // products of eight pixels
#define STRIDE (SIZE + 8)         // floats from row to row: 8 banks on, so that 8-byte loads of four rows do not collide
#define SUM_STRIDE 13

struct Matrices {
    float k[BATCH][STRIDE], w[BATCH][STRIDE];
#if COLLECT
    float2 absolute[BATCH][32 + 4];
#endif
};

// What a lane keeps of its pixels.
struct Pixels {
    float transmittance[PIXELS], behind[PIXELS], gr[PIXELS], gg[PIXELS], gb[PIXELS], ga[PIXELS], gz[PIXELS];
};

// k and w of one Gaussian at one pixel. Without a branch: where the Gaussian is not taken raw is zero, and so is all else.
__device__ __forceinline__ void weigh(Pixels& p, int i, float level, float4 b, float2 c, float& k, float& w) {
    const bool takes = level >= MIN_LEVEL && p.transmittance[i] > MIN_TRANSMITTANCE;
    const float raw = takes ? fast_exp2(level) : 0.0f, opaque = fminf(raw, MAX_ALPHA);
    w = __fmul_rn(opaque, p.transmittance[i]);
    float slope = b.z * p.gr[i] + b.w * p.gg[i] + c.x * p.gb[i];
    if (WITH_ALPHA) slope += p.ga[i];
    if (WITH_DEPTH) slope += c.y * p.gz[i];
    p.behind[i] -= w * slope;
    k = raw * (p.transmittance[i] * slope - p.behind[i] * fast_reciprocal(1.0f - opaque));
    k = raw > MAX_ALPHA ? 0.0f : k;
    p.transmittance[i] = __fsub_rn(p.transmittance[i], w);
}

// The monomial of a column: 1, x, y, x^2, xy, y^2, 0, 0.
__device__ __forceinline__ float monomial(int column, float x, float y) {
    const float first = column == 0 ? 1.0f : column == 1 || column == 3 || column == 4 ? x : column < 6 ? y : 0.0f;
    return column == 3 ? first * x : column == 4 || column == 5 ? first * y : first;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS, 8) blend_backward(
    const Record* __restrict__ records, const int* __restrict__ list_ids, const int* __restrict__ list_slots,
    const int* __restrict__ starts, const int* __restrict__ ends, const int* __restrict__ processed, View view, int columns,
    int tiles, const float* __restrict__ rgb, const float* __restrict__ alpha, const float* __restrict__ depth,
    const float* __restrict__ grad_rgb, const float* __restrict__ grad_alpha, const float* __restrict__ grad_depth,
    float* __restrict__ slots) {
    extern __shared__ float dynamic[];
    __shared__ float4 chunk[WARPS][BATCH][3];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, group = lane >> 2, rank = lane & 3;
    Matrices& m = reinterpret_cast<Matrices*>(dynamic)[warp];
    const int tile = blockIdx.x * WARPS + warp;
    if (tile >= tiles) return;
    const int left = (tile % columns) * 8, top = (tile / columns) * (4 * PIXELS);
    const int x = left + (lane & 7), y = top + (lane >> 3), width = (int)view.width, height = (int)view.height;
    const float px = x + 0.5f, py = y + 0.5f;
    const long long plane = (long long)width * height;
    Pixels p;
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        p.transmittance[i] = p.behind[i] = p.gr[i] = p.gg[i] = p.gb[i] = p.ga[i] = p.gz[i] = 0.0f;
        if (x < width && y + 4 * i < height) {
            const long long at = (long long)(y + 4 * i) * width + x;
            p.transmittance[i] = 1.0f;
            p.gr[i] = grad_rgb[at];
            p.gg[i] = grad_rgb[plane + at];
            p.gb[i] = grad_rgb[2 * plane + at];
            p.behind[i] = rgb[at] * p.gr[i] + rgb[plane + at] * p.gg[i] + rgb[2 * plane + at] * p.gb[i];
            if (WITH_ALPHA) {
                p.ga[i] = grad_alpha[at];
                p.behind[i] += alpha[at] * p.ga[i];
            }
            if (WITH_DEPTH) {
                p.gz[i] = grad_depth[at];
                p.behind[i] += depth[at] * p.gz[i];
            }
        }
    }
    // The right-hand matrices: pixel (step, rank, half) is place 8 step + 2 rank + half of a row, that is, pixel
    // place % PIXELS of lane place / PIXELS.
    float monomials[STEPS][2], slope_high[STEPS][2], slope_low[STEPS][2];
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const int place = 8 * step + 2 * rank + half, owner = place / PIXELS, i = place % PIXELS;
            const int dx = owner & 7, dy = (owner >> 3) + 4 * i;
            monomials[step][half] = monomial(group, dx - 3.5f, dy - (2 * PIXELS - 0.5f));
            float slope = 0.0f;
            if (left + dx < width && top + dy < height) {
                const long long at = (long long)(top + dy) * width + left + dx;
                if (group < 3) slope = grad_rgb[group * plane + at];
                if (WITH_DEPTH && group == 3) slope = grad_depth[at];
            }
            slope_high[step][half] = leading(slope);
            slope_low[step][half] = slope - slope_high[step][half];
        }
    }
#if COLLECT
    const float ones[2] = {group == 4 ? 1.0f : 0.0f, group == 5 ? 1.0f : 0.0f};
#endif
    const int end = ends[tile], stop = processed[tile];
    for (int begin = starts[tile]; begin < stop; begin += BATCH) {
        const int count = min(BATCH, stop - begin);
        int slot = 0;
        // Both halves of the warp fetch: one record's 48 bytes are three loads.
        if ((lane & 15) < count) slot = list_slots[begin + (lane & 15)];
        if (lane < count) {
            const float4* record = reinterpret_cast<const float4*>(records + list_ids[begin + lane]);
            chunk[warp][lane][0] = record[0];
            chunk[warp][lane][1] = record[1];
            chunk[warp][lane][2] = record[2];
        }
        __syncwarp();
        uint taken = 0;
        for (int j = 0; j < count; j++) {
            const float4 a = chunk[warp][j][0], b = chunk[warp][j][1];
            const float2 c = *reinterpret_cast<const float2*>(&chunk[warp][j][2]);
            const Column column = column_of(px, a.x, a.z, a.w, b.y);
            float k[PIXELS], w[PIXELS];
            float2 absolute = make_float2(0.0f, 0.0f);
#pragma unroll
            for (int i = 0; i < PIXELS; i++) {
                const float dy = py + 4 * i - a.y;
                weigh(p, i, level_at(column, dy, b.x), b, c, k[i], w[i]);
                taken |= __float_as_uint(w[i]);
                if (COLLECT) {
                    absolute.x += fabsf(k[i] * (2.0f * column.half + a.w * dy));
                    absolute.y += fabsf(k[i] * (column.cross + 2.0f * b.x * dy));
                }
            }
#pragma unroll
            for (int i = 0; i < PIXELS; i += 2) {
                *reinterpret_cast<float2*>(&m.k[j][PIXELS * lane + i]) = make_float2(k[i], k[i + 1]);
                *reinterpret_cast<float2*>(&m.w[j][PIXELS * lane + i]) = make_float2(w[i], w[i + 1]);
            }
#if COLLECT
            m.absolute[j][lane] = absolute;
#endif
        }
        float moments[4] = {0.0f, 0.0f, 0.0f, 0.0f}, weights[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (__any_sync(FULL_WARP, taken != 0)) {
#pragma unroll
            for (int step = 0; step < STEPS; step++) {
                const int at = 8 * step + 2 * rank;
                const Split k = split(
                    *reinterpret_cast<const float2*>(&m.k[group][at]), *reinterpret_cast<const float2*>(&m.k[group + 8][at]));
                multiply_add(moments, k.low, monomials[step]);
                multiply_add(moments, k.high, monomials[step]);
                const Split w = split(
                    *reinterpret_cast<const float2*>(&m.w[group][at]), *reinterpret_cast<const float2*>(&m.w[group + 8][at]));
                multiply_add(weights, w.low, slope_high[step]);
                multiply_add(weights, w.high, slope_low[step]);
                multiply_add(weights, w.high, slope_high[step]);
#if COLLECT
                if (step < 8) {
                    const Split a = split(m.absolute[group][4 * step + rank], m.absolute[group + 8][4 * step + rank]);
                    multiply_add(weights, a.low, ones);
                    multiply_add(weights, a.high, ones);
                }
#endif
            }
        }
        __syncwarp();
        // From the fragments to one lane a Gaussian and half: six moments or six weights.
        float* sums = &m.k[0][0];
        if (rank < 3) {
#pragma unroll
            for (int row = 0; row < 2; row++) {
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    sums[(group + 8 * row) * SUM_STRIDE + 2 * rank + i] = moments[2 * row + i];
                    sums[(group + 8 * row) * SUM_STRIDE + 6 + 2 * rank + i] = weights[2 * row + i];
                }
            }
        }
        __syncwarp();
        const int j = lane & 15;
        if (j < count) {
            const float* own = sums + j * SUM_STRIDE;
            float* out = slots + 12ll * slot;
            if (lane < 16) {
                const float a = chunk[warp][j][0].x - (left + 4.0f), b = chunk[warp][j][0].y - (top + 2.0f * PIXELS);
                const float one = own[0], mx = own[1], my = own[2];
                const float kx = mx - a * one, ky = my - b * one;
                *reinterpret_cast<float4*>(out) = make_float4(one, kx, ky, own[3] - a * (mx + kx));
                *reinterpret_cast<float2*>(out + 4) = make_float2(own[4] - a * my - b * kx, own[5] - b * (my + ky));
            } else {
                *reinterpret_cast<float2*>(out + 6) = make_float2(own[6], own[7]);
                *reinterpret_cast<float4*>(out + 8) = make_float4(own[8], own[9], LN2 * own[10], LN2 * own[11]);
            }
        }
        __syncwarp();
    }
    // Pairs that no pixel has seen: their slots are read all the same.
    for (int i = stop + lane; i < end; i += 32) {
        float4* slot = reinterpret_cast<float4*>(slots + 12ll * list_slots[i]);
        slot[0] = slot[1] = slot[2] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
}
