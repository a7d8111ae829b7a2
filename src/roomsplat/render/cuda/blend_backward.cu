// Backward of blending: twelve sums a pair of Gaussian and tile (prelude.cuh, SUM_*), front to back once more.
//
// With v = colour . g + ga + z gz, the slope of a pixel's loss along a Gaussian's weight, and S = what the Gaussians
// behind still add (the finished picture's colour . g at the start, less weight * v at each step), dL/d(alpha) is
// T v - S / (1 - alpha). Walking in the forward's order repeats its decisions to the bit and needs no stored state.
//
// One warp owns one tile and takes BATCH Gaussians at a time, in two phases. First lanes hold pixels (pixels.cuh): one
// Gaussian after the other leaves its k = alpha dL/d(alpha) and its weight w of every pixel in shared memory. Then lanes
// hold Gaussians, each a part of the pixels: they add up k {1, x, y, x^2, xy, y^2} about the tile's centre and w g, with
// nothing to exchange but the parts' sums in the end. That is eight instructions a pixel for BATCH Gaussians; products and
// sums over lanes took 75 of 187 instructions a pair when lanes held pixels throughout (docs/lab-notebook.md has what else was
// tried). No atomics: a pair's slot has one writer, and each sum a fixed order.
//
// Defines: PIXELS, BATCH, COLLECT (absolute sums), WITH_ALPHA and WITH_DEPTH (those slopes are given).
#include "pixels.cuh"

#define WARPS 2  // of a block
#define LN2 0.69314718f
#define PARTS (32 / BATCH)
#define SIZE (32 * PIXELS)
#define STRIDE (SIZE + 4)  // floats from row to row: four banks on, so that 16-byte loads of eight rows do not collide
#define COLUMNS (8 / PARTS)  // of a part
#define CENTRE_X 3.5f
#define CENTRE_Y (2.0f * PIXELS - 0.5f)

// One warp's. Pixels of a row lie column by column, in a column lane by lane: place PIXELS * lane + i.
struct Matrices {
    float k[BATCH][STRIDE], w[BATCH][STRIDE];
#if COLLECT
    float absolute_x[BATCH][32 + 4], absolute_y[BATCH][32 + 4];
#endif
    float4 records[BATCH][3];
    float slopes[3 + WITH_DEPTH][SIZE];
};

// Phase one: this lane's k, w and absolute sums of one Gaussian.
__device__ __forceinline__ void weigh_all(Pixels& p, Matrices& m, int j, float px, float py) {
    const int lane = threadIdx.x & 31;
    const float4 a = m.records[j][0], b = m.records[j][1];
    const float2 c = *reinterpret_cast<const float2*>(&m.records[j][2]);
    const Column column = column_of(px, a.x, a.z, a.w, b.y);
    float k[PIXELS], w[PIXELS], absolute_x = 0.0f, absolute_y = 0.0f;
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        const float dy = py + 4 * i - a.y;
        weigh(p, i, level_at(column, dy, b.x), b, c, k[i], w[i]);
        if (COLLECT) {
            absolute_x += fabsf(k[i] * (2.0f * column.half + a.w * dy));
            absolute_y += fabsf(k[i] * (column.cross + 2.0f * b.x * dy));
        }
    }
#pragma unroll
    for (int i = 0; i < PIXELS; i += 2) {
        *reinterpret_cast<float2*>(&m.k[j][PIXELS * lane + i]) = make_float2(k[i], k[i + 1]);
        *reinterpret_cast<float2*>(&m.w[j][PIXELS * lane + i]) = make_float2(w[i], w[i + 1]);
    }
#if COLLECT
    m.absolute_x[j][lane] = absolute_x;
    m.absolute_y[j][lane] = absolute_y;
#endif
}

// Phase two: one Gaussian's sums over this lane's part of the pixels.
__device__ __forceinline__ void add_up(const Matrices& m, int j, int part, float (&sums)[SUMS]) {
#pragma unroll
    for (int i = 0; i < SUMS; i++) sums[i] = 0.0f;
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
        const float x = COLUMNS * part + c - CENTRE_X;
        float one = 0.0f, y1 = 0.0f, y2 = 0.0f;
#pragma unroll
        for (int q = 0; q < PIXELS; q++) {
            const int at = (COLUMNS * part + c) * 4 * PIXELS + 4 * q;
            const float4 k4 = *reinterpret_cast<const float4*>(&m.k[j][at]);
            const float4 w4 = *reinterpret_cast<const float4*>(&m.w[j][at]);
            const float4 r4 = *reinterpret_cast<const float4*>(&m.slopes[0][at]);
            const float4 g4 = *reinterpret_cast<const float4*>(&m.slopes[1][at]);
            const float4 b4 = *reinterpret_cast<const float4*>(&m.slopes[2][at]);
            const float k[4] = {k4.x, k4.y, k4.z, k4.w};
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int place = 4 * q + i;
                const float y = place / PIXELS + 4 * (place % PIXELS) - CENTRE_Y;
                one += k[i];
                y1 += k[i] * y;
                y2 += k[i] * (y * y);
            }
            sums[SUM_RED] += w4.x * r4.x + w4.y * r4.y + w4.z * r4.z + w4.w * r4.w;
            sums[SUM_GREEN] += w4.x * g4.x + w4.y * g4.y + w4.z * g4.z + w4.w * g4.w;
            sums[SUM_BLUE] += w4.x * b4.x + w4.y * b4.y + w4.z * b4.z + w4.w * b4.w;
#if WITH_DEPTH
            const float4 z4 = *reinterpret_cast<const float4*>(&m.slopes[3][at]);
            sums[SUM_Z] += w4.x * z4.x + w4.y * z4.y + w4.z * z4.z + w4.w * z4.w;
#endif
        }
        sums[SUM_K] += one;
        sums[SUM_KX] += one * x;
        sums[SUM_KXX] += one * x * x;
        sums[SUM_KY] += y1;
        sums[SUM_KXY] += y1 * x;
        sums[SUM_KYY] += y2;
    }
#if COLLECT
#pragma unroll
    for (int q = 0; q < BATCH / 4; q++) {
        const float4 x4 = *reinterpret_cast<const float4*>(&m.absolute_x[j][BATCH * part + 4 * q]);
        const float4 y4 = *reinterpret_cast<const float4*>(&m.absolute_y[j][BATCH * part + 4 * q]);
        sums[SUM_ABS_X] += x4.x + x4.y + x4.z + x4.w;
        sums[SUM_ABS_Y] += y4.x + y4.y + y4.z + y4.w;
    }
#endif
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
        const bool given = i < SUM_Z || (WITH_DEPTH && i == SUM_Z) || (COLLECT && i > SUM_Z);
        if (given) {
#pragma unroll
            for (int distance = BATCH; distance < 32; distance *= 2)
                sums[i] += __shfl_xor_sync(FULL_WARP, sums[i], distance);
        }
    }
}

// From moments about the tile's centre to the pair's slot. (a, b): from there to the Gaussian.
__device__ __forceinline__ void write_slot(float4* __restrict__ slot, const float (&s)[SUMS], float a, float b) {
    const float kx = s[SUM_KX] - a * s[SUM_K], ky = s[SUM_KY] - b * s[SUM_K];
    slot[0] = make_float4(s[SUM_K], kx, ky, s[SUM_KXX] - a * (s[SUM_KX] + kx));
    slot[1] = make_float4(
        s[SUM_KXY] - a * s[SUM_KY] - b * kx, s[SUM_KYY] - b * (s[SUM_KY] + ky), s[SUM_RED], s[SUM_GREEN]);
    slot[2] = make_float4(s[SUM_BLUE], s[SUM_Z], LN2 * s[SUM_ABS_X], LN2 * s[SUM_ABS_Y]);
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) blend_backward(
    const Record* __restrict__ records, const int* __restrict__ list_ids, const int* __restrict__ list_slots,
    const int* __restrict__ starts, const int* __restrict__ ends, const int* __restrict__ processed, View view, int columns,
    int tiles, const float* __restrict__ rgb, const float* __restrict__ alpha, const float* __restrict__ depth,
    const float* __restrict__ grad_rgb, const float* __restrict__ grad_alpha, const float* __restrict__ grad_depth,
    float* __restrict__ slots) {
    extern __shared__ float4 dynamic[];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    Matrices& m = reinterpret_cast<Matrices*>(dynamic)[warp];
    const int tile = blockIdx.x * WARPS + warp;
    if (tile >= tiles) return;
    const int left = (tile % columns) * TILE_WIDTH, top = (tile / columns) * TILE_HEIGHT;
    const float px = left + (lane >> 2) + 0.5f, py = top + (lane & 3) + 0.5f;
    Pixels p = load_pixels(
        left + (lane >> 2), top + (lane & 3), (int)view.width, (int)view.height, rgb, alpha, depth, grad_rgb, grad_alpha,
        grad_depth);
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        m.slopes[0][PIXELS * lane + i] = p.gr[i];
        m.slopes[1][PIXELS * lane + i] = p.gg[i];
        m.slopes[2][PIXELS * lane + i] = p.gb[i];
#if WITH_DEPTH
        m.slopes[3][PIXELS * lane + i] = p.gz[i];
#endif
    }
    const int stop = processed[tile], j = lane % BATCH;
    for (int begin = starts[tile]; begin < stop; begin += BATCH) {
        const int count = min(BATCH, stop - begin);
        const int slot = j < count ? list_slots[begin + j] : 0;
        fetch_records(m.records, records, list_ids + begin, count);
        for (int i = 0; i < count; i++) weigh_all(p, m, i, px, py);
        __syncwarp();
        float sums[SUMS];
        add_up(m, j, lane / BATCH, sums);
        if (lane < count) {
            const float a = m.records[j][0].x - (left + 4.0f), b = m.records[j][0].y - (top + 2.0f * PIXELS);
            write_slot(reinterpret_cast<float4*>(slots) + 3ll * slot, sums, a, b);
        }
        __syncwarp();
    }
    clear_slots(slots, list_slots, stop, ends[tile]);
}
