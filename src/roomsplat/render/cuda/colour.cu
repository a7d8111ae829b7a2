// The way back through a colour map: the gradient of the mapped colours becomes the render's, in place, and the map's
// own is summed on the way. At 1076x1915 75 MB pass, much of it still in second-level cache after loss.cu.

#include "loss.cuh"

enum { THREADS = 256 };

// `size`: pixels of a channel. Out: sums (3, 4), the map's gradient.
extern "C" __global__ void __launch_bounds__(THREADS) chain_colour(
    const float* __restrict__ rgb, Colour colour, int size, float* gradient, double* partials, uint* ticket,
    double* sums
) {
    __shared__ float warp_sums[12 * THREADS / 32];
    __shared__ double lane_sums[12 * 32];
    __shared__ int is_last;
    float totals[12];
#pragma unroll
    for (int i = 0; i < 12; i++) totals[i] = 0.0f;
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
            for (int k = 0; k < 3; k++) totals[4 * i + k] += given[i] * drawn[k];
            totals[4 * i + 3] += given[i];
            gradient[i * size + at] =
                colour.m[i] * given[0] + colour.m[4 + i] * given[1] + colour.m[8 + i] * given[2];
        }
    }
    add_up(
        totals, 12, THREADS, blockIdx.x, gridDim.x, partials, ticket, sums, warp_sums, lane_sums, &is_last
    );
}
