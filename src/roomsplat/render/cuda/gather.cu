// The sums of a Gaussian over its pairs: its slots lie side by side (in the order of emission), 48 bytes each.
//
// Only bytes count here (160 MB at 3.3 M pairs), so nobody may wait for a longer neighbour. A block lists who of its 512
// Gaussians is seen, and its warps take from that list: one Gaussian of many slots at a time, or four of few. Of four
// lanes three read a float4 each, four reads apart under way, so a warp asks for up to 32 slots (1.5 kB) at once. Lanes
// then fold by shuffles. A Gaussian of very many slots takes the whole block. Who adds which slots in which order
// depends on the Gaussian's own count alone; the order of the list shows nowhere.
//
// Sizes, by a simulation on the counts of a fox view (mean 22 slots, 1 % above 210, the largest 4800; 0.85 us a round):
// all blocks of 200 k Gaussians are resident at once, so the slowest counts: 51 us, with blocks of 256 74 us; warps that
// do not choose their next task but take every sixteenth: 70 us.
#define THREADS 512
#define WARPS (THREADS / 32)
#define CHUNK 8     // neighbours in memory that stay together: 32 bytes of starts, one sector
#define PARTS 3     // float4s of a slot
#define LANES 4     // of a slot; the last is idle, in exchange for shuffles that need no table
#define AHEAD 4     // reads of a lane under way
#define FEW 16      // slots that eight lanes add in two rounds; the whole warp takes 32 in one
#define CROWD 512   // slots that one warp still adds alone, in sixteen rounds of about 0.8 us
// Blocks that a processor is to hold: all the threads of a 7.5, on later ones 1536 threads of 40 registers.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define BLOCKS_A_PROCESSOR 2
#else
#define BLOCKS_A_PROCESSOR 3
#endif

__device__ __forceinline__ void add(float4& total, float4 more) {
    total.x += more.x, total.y += more.y, total.z += more.z, total.w += more.w;
}

__device__ __forceinline__ void fold(float4& total, int distance) {
    total.x += __shfl_xor_sync(FULL_WARP, total.x, distance);
    total.y += __shfl_xor_sync(FULL_WARP, total.y, distance);
    total.z += __shfl_xor_sync(FULL_WARP, total.z, distance);
    total.w += __shfl_xor_sync(FULL_WARP, total.w, distance);
}

// One lane's share of a Gaussian: its part of the slots lane / 4, + step, ... below count. All reads of a round leave
// before the first sum waits; what lies beyond the end is not read and counts as zero.
template <int STEP>
__device__ __forceinline__ float4 sum_slots(const float4* __restrict__ slots, int start, int count, int lane) {
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    const int part = lane % LANES;
    const float4* next = slots + (static_cast<size_t>(start) + lane / LANES) * PARTS + part;
    float4 total = zero;
#pragma unroll 1  // four rounds at once would need more registers than three blocks leave
    for (int left = part < PARTS ? count - lane / LANES : 0; left > 0; left -= AHEAD * STEP) {
        float4 read[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) read[k] = k * STEP < left ? next[k * STEP * PARTS] : zero;
#pragma unroll
        for (int k = 0; k < AHEAD; k++) add(total, read[k]);
        next += AHEAD * STEP * PARTS;
    }
    return total;
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_A_PROCESSOR) gather(
    const float4* __restrict__ slots, const int* __restrict__ starts, const int* __restrict__ counts,
    const uchar* __restrict__ flags, int n, float4* __restrict__ sums) {
    __shared__ int4 tasks[THREADS];  // Gaussian, first slot, slots; few slots from the front, many from the back
    __shared__ float4 partial[WARPS * PARTS];
    __shared__ int num_few, num_many, num_crowds, turns;
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    // Neighbours are alike (old Gaussians large, their latest children small), so a block takes its chunks from all over.
    const int i = (thread / CHUNK * gridDim.x + blockIdx.x) * CHUNK + thread % CHUNK;
    // All three at once: one wait for memory instead of three.
    const int flag = i < n ? flags[i] : 0, count = i < n ? counts[i] : 0, start = i < n ? starts[i] : 0;
    if (thread == 0) num_few = num_many = num_crowds = turns = 0;
    __syncthreads();
    const bool seen = flag & 1, many = seen && count > FEW, crowd = seen && count > CROWD;
    const uint all_few = __ballot_sync(FULL_WARP, seen && !many), all_many = __ballot_sync(FULL_WARP, many);
    int first = 0;
    if (lane == 0 && all_few) first = atomicAdd(&num_few, __popc(all_few));
    if (lane == 1 && all_many) first = atomicAdd(&num_many, __popc(all_many));
    if (crowd) atomicAdd(&num_crowds, 1);
    const int first_few = __shfl_sync(FULL_WARP, first, 0), first_many = __shfl_sync(FULL_WARP, first, 1);
    if (seen) {
        const uint before = (1u << lane) - 1;
        const int place = many ? THREADS - 1 - first_many - __popc(all_many & before)
                               : first_few + __popc(all_few & before);
        tasks[place] = make_int4(i, start, count, 0);
    }
    __syncthreads();
    const int fews = num_few, manys = num_many;
    for (int k = 0; num_crowds && k < manys; k++) {
        const int4 task = tasks[THREADS - 1 - k];
        if (task.z <= CROWD) continue;
        float4 total = sum_slots<THREADS / LANES>(slots, task.y, task.z, thread);
        fold(total, 4), fold(total, 8), fold(total, 16);
        if (lane < PARTS) partial[warp * PARTS + lane] = total;
        __syncthreads();
        if (thread < PARTS) {
#pragma unroll 1
            for (int other = 1; other < WARPS; other++) add(total, partial[other * PARTS + thread]);
            sums[static_cast<size_t>(task.x) * PARTS + thread] = total;
        }
        __syncthreads();
    }
    while (true) {
        // Whoever is free takes the next: those of many slots first, then four of few each time.
        int turn = lane == 0 ? atomicAdd(&turns, 1) : 0;
        turn = __shfl_sync(FULL_WARP, turn, 0);
        if (turn < manys) {
            const int4 task = tasks[THREADS - 1 - turn];
            if (task.z > CROWD) continue;
            float4 total = sum_slots<32 / LANES>(slots, task.y, task.z, lane);
            fold(total, 4), fold(total, 8), fold(total, 16);
            if (lane < PARTS) sums[static_cast<size_t>(task.x) * PARTS + lane] = total;
            continue;
        }
        const int place = (turn - manys) * 4 + lane / 8;
        if (place - lane / 8 >= fews) break;
        const int4 task = place < fews ? tasks[place] : make_int4(0, 0, 0, 0);
        float4 total = sum_slots<2>(slots, task.y, task.z, lane % 8);
        fold(total, 4);
        if (place < fews && lane % 8 < PARTS) sums[static_cast<size_t>(task.x) * PARTS + lane % 8] = total;
    }
}
