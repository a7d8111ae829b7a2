// Sums over what comes before: within a block, and across blocks by looking back (Merrill and Garland 2016, section 4).
// A block first tells the sum of its own part alone, then, once it knows those before it, the sum of them all.

#define PARTIAL 0x40000000u   // a status word holds the sum of its own part
#define COMPLETE 0x80000000u  // ... of its part and all before it
#define SUM_MASK 0x3fffffffu  // the sum itself; zero in the other two bits: nothing told yet

// Sum of the values of the threads before this one in a block of 32 * WARPS threads; `total` becomes the block's sum.
// `sums` is shared memory. A barrier stands before and after, so the same `sums` can be used again at once.
template <int WARPS>
__device__ __forceinline__ uint block_exclusive_sum(uint value, uint (&sums)[WARPS], uint& total) {
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    uint inclusive = value;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const uint lower = __shfl_up_sync(FULL_WARP, inclusive, distance);
        if (lane >= distance) inclusive += lower;
    }
    __syncthreads();
    if (lane == 31) sums[warp] = inclusive;
    __syncthreads();
    uint before = 0;
    total = 0;
#pragma unroll
    for (int i = 0; i < WARPS; i++) {
        if (i < warp) before += sums[i];
        total += sums[i];
    }
    return before + inclusive - value;
}
