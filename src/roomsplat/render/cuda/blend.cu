// Front-to-back blending (Kerbl et al. 2023, section 6). One warp owns one tile (pixels.cuh), so nothing in it waits for
// another warp. It walks down the tile's list in chunks of 32, whose records it gathers into shared memory.
//
// Defines: PIXELS, WITH_DEPTH (blend depth as well).
#define WITH_ALPHA 0
#include "pixels.cuh"

#define WARPS 4

extern "C" __global__ void __launch_bounds__(32 * WARPS) blend(
    const Record* __restrict__ records, const int* __restrict__ list_ids, const int* __restrict__ starts,
    const int* __restrict__ ends, View view, int columns, int tiles, float* __restrict__ rgb, float* __restrict__ alpha,
    float* __restrict__ depth, int* __restrict__ processed) {
    __shared__ float4 chunk[WARPS][32][3];
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int tile = blockIdx.x * WARPS + warp;
    if (tile >= tiles) return;
    const int x = (tile % columns) * TILE_WIDTH + (lane >> 2), top = (tile / columns) * TILE_HEIGHT + (lane & 3);
    const int width = (int)view.width, height = (int)view.height;
    const float px = x + 0.5f, py = top + 0.5f;
    const int end = ends[tile];
    int begin = starts[tile];
    float transmittance[PIXELS], red[PIXELS], green[PIXELS], blue[PIXELS], z[PIXELS];
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        // A pixel outside the picture has ended before it began.
        transmittance[i] = x < width && top + 4 * i < height ? 1.0f : 0.0f;
        red[i] = green[i] = blue[i] = z[i] = 0.0f;
    }
    bool open = true;
    while (begin < end && open) {
        const int count = min(32, end - begin);
        fetch_records(chunk[warp], records, list_ids + begin, count);
        int j = 0;
        for (; j < count; j++) {
            const float4 a = chunk[warp][j][0], b = chunk[warp][j][1];
            const float2 c = *reinterpret_cast<const float2*>(&chunk[warp][j][2]);
            const Column column = column_of(px, a.x, a.z, a.w, b.y);
#pragma unroll
            for (int i = 0; i < PIXELS; i++) {
                const float level = level_at(column, py + 4 * i - a.y, b.x);
                if (level >= MIN_LEVEL && transmittance[i] > MIN_TRANSMITTANCE) {
                    const float weight = __fmul_rn(fminf(fast_exp2(level), MAX_ALPHA), transmittance[i]);
                    red[i] += weight * b.z;
                    green[i] += weight * b.w;
                    blue[i] += weight * c.x;
                    if (WITH_DEPTH) z[i] += weight * c.y;
                    transmittance[i] = __fsub_rn(transmittance[i], weight);
                }
            }
            // Asked every eighth time: the vote costs one instruction of thirty, an ended tile at most seven rounds.
            if ((j & 7) == 7) {
                float most = transmittance[0];
#pragma unroll
                for (int i = 1; i < PIXELS; i++) most = fmaxf(most, transmittance[i]);
                open = __any_sync(FULL_WARP, most > MIN_TRANSMITTANCE);
                if (!open) break;
            }
        }
        begin += min(j + 1, count);
        __syncwarp();
    }
    if (lane == 0) processed[tile] = begin;
    const long long plane = (long long)width * height;
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        const int y = top + 4 * i;
        if (x < width && y < height) {
            const long long at = (long long)y * width + x;
            rgb[at] = red[i] + transmittance[i] * view.background[0];
            rgb[plane + at] = green[i] + transmittance[i] * view.background[1];
            rgb[2 * plane + at] = blue[i] + transmittance[i] * view.background[2];
            alpha[at] = 1.0f - transmittance[i];
            if (WITH_DEPTH) depth[at] = z[i];
        }
    }
}
