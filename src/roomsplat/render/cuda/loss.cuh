// What the kernels of the loss share: the colour map, and sums over all threads of a launch.

// A map of colours, three rows of five: what the three channels count, what is added, what the channel's own square
// counts.
struct Colour {
    float m[15];
};

// `values` of all threads are added by warp, by block and, in the block that ends last, over all blocks: always in the
// same order. True in that block. `ticket` is 0 before and after; `partials` takes `count` doubles a block.
// Shared memory: `warp_sums` (threads / 32 * count), `lane_sums` (32 * count), `is_last`.
__device__ __forceinline__ bool add_up(
    const float* values, int count, int threads, int block, int blocks, double* partials, uint* ticket, double* sums,
    float* warp_sums, double* lane_sums, int* is_last
) {
    int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
#pragma unroll
    for (int i = 0; i < count; i++) {
        float value = values[i];
#pragma unroll
        for (int offset = 16; offset > 0; offset >>= 1) value += __shfl_xor_sync(FULL_WARP, value, offset);
        if (lane == 0) warp_sums[warp * count + i] = value;
    }
    __syncthreads();
    if (thread < count) {
        double sum = 0.0;
        for (int w = 0; w < threads / 32; w++) sum += (double)warp_sums[w * count + thread];
        partials[block * count + thread] = sum;
        __threadfence();
    }
    __syncthreads();
    if (thread == 0) *is_last = atomicInc(ticket, (uint)(blocks - 1)) == (uint)(blocks - 1);
    __syncthreads();
    if (!*is_last) return false;
    __threadfence();
    const volatile double* all = partials;
    for (int i = warp; i < count; i += threads / 32) {
        double sum = 0.0;
        for (int b = lane; b < blocks; b += 32) sum += all[b * count + i];
        lane_sums[i * 32 + lane] = sum;
    }
    __syncthreads();
    if (thread < count) {
        double sum = 0.0;
        for (int i = 0; i < 32; i++) sum += lane_sums[thread * 32 + i];
        sums[thread] = sum;
    }
    return true;
}
