// The sums of a Gaussian over its pairs: its slots lie side by side (in the order of emission), 48 bytes each.
//
// Three threads a Gaussian, each with one float4 of the twelve sums: neighbours read neighbouring bytes, nothing has to
// be exchanged, and with few registers enough threads are resident to keep the memory busy (192 MB at 4 M pairs). A
// Gaussian with very many slots is summed by its whole block. Both orders of addition depend on the counts alone.
#define GAUSSIANS 64
#define PARTS 3
#define THREADS (GAUSSIANS * PARTS)
#define CROWD 192  // slots that one thread still adds alone: about 20 us at four loads in flight

__device__ __forceinline__ void add(float4& total, float4 more) {
    total.x += more.x, total.y += more.y, total.z += more.z, total.w += more.w;
}

// Slots first, first + step, ... below count of one part; four loads are under way at a time.
__device__ __forceinline__ float4 sum_slots(const float4* __restrict__ part, int first, int count, int step) {
    float4 total = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    int slot = first;
    for (; slot + 3 * step < count; slot += 4 * step) {
        const float4 a = part[slot * PARTS], b = part[(slot + step) * PARTS];
        const float4 c = part[(slot + 2 * step) * PARTS], d = part[(slot + 3 * step) * PARTS];
        add(total, a), add(total, b), add(total, c), add(total, d);
    }
    for (; slot < count; slot += step) add(total, part[slot * PARTS]);
    return total;
}

extern "C" __global__ void __launch_bounds__(THREADS) gather(
    const float4* __restrict__ slots, const int* __restrict__ starts, const int* __restrict__ counts,
    const uchar* __restrict__ flags, int n, float4* __restrict__ sums) {
    __shared__ float4 shared[THREADS];
    __shared__ uint crowds[THREADS / 32];  // a bit per thread: its Gaussian is left to the block
    const int thread = threadIdx.x, part = thread % PARTS;
    const int first = blockIdx.x * GAUSSIANS, i = first + thread / PARTS;
    // All three at once: one wait for memory instead of three.
    const int flag = i < n ? flags[i] : 0, stored = i < n ? counts[i] : 0;
    const size_t start = i < n ? starts[i] : 0;
    const bool seen = flag & 1;
    const int count = seen ? stored : 0;
    const bool crowd = count > CROWD;
    if (seen && !crowd) {
        sums[static_cast<size_t>(i) * PARTS + part] = sum_slots(slots + start * PARTS + part, 0, count, 1);
    }
    const uint bits = __ballot_sync(FULL_WARP, crowd && part == 0);
    if ((thread & 31) == 0) crowds[thread >> 5] = bits;
    __syncthreads();
    for (int warp = 0; warp < THREADS / 32; warp++) {
        for (uint left = crowds[warp]; left; left &= left - 1) {
            const int j = first + (warp * 32 + __ffs(left) - 1) / PARTS;
            const float4* crowded = slots + static_cast<size_t>(starts[j]) * PARTS + part;
            shared[thread] = sum_slots(crowded, thread / PARTS, counts[j], GAUSSIANS);
            for (int half = THREADS / 2; half >= PARTS; half >>= 1) {
                __syncthreads();
                if (thread < half) add(shared[thread], shared[thread + half]);
            }
            if (thread < PARTS) sums[static_cast<size_t>(j) * PARTS + thread] = shared[thread];
            __syncthreads();
        }
    }
}
