// The way back through a colour map: the gradient of the mapped colours becomes the render's, in place, and the map's
// own is summed on the way. At 1076x1915 75 MB pass, much of it still in second-level cache after loss.cu.

#include "loss.cuh"

enum { THREADS = 256, ENTRIES = 15 };

// `size`: pixels of a channel. Out: sums (3, 5), the map's gradient.
extern "C" __global__ void __launch_bounds__(THREADS) chain_colour(
    const float* __restrict__ rgb, Colour colour, int size, float* gradient, double* partials, uint* ticket,
    double* sums
) {
    __shared__ float warp_sums[ENTRIES * THREADS / 32];
    __shared__ double lane_sums[ENTRIES * 32];
    __shared__ int is_last;
    float totals[ENTRIES];
#pragma unroll
    for (int i = 0; i < ENTRIES; i++) totals[i] = 0.0f;
    for (int at = blockIdx.x * THREADS + threadIdx.x; at < size; at += gridDim.x * THREADS) {
        float given[3], drawn[3];
#pragma unroll
        for (int i = 0; i < 3; i++) {
            given[i] = gradient[i * size + at];
            drawn[i] = rgb[i * size + at];
        }
#pragma unroll
        for (int i = 0; i < 3; i++) {
#pragma unroll
            for (int k = 0; k < 3; k++) totals[5 * i + k] += given[i] * drawn[k];
            totals[5 * i + 3] += given[i];
            totals[5 * i + 4] += given[i] * drawn[i] * drawn[i];
            gradient[i * size + at] =
                colour.m[i] * given[0] + colour.m[5 + i] * given[1] + colour.m[10 + i] * given[2] +
                2.0f * colour.m[5 * i + 4] * drawn[i] * given[i];
        }
    }
    add_up(
        totals, ENTRIES, THREADS, blockIdx.x, gridDim.x, partials, ticket, sums, warp_sums, lane_sums, &is_last
    );
}
