// Stable radix sort of 32-bit keys with a 32-bit payload, eight bits a pass, each pass one kernel that reads and writes
// every pair once ("Onesweep", Adinets and Merrill 2022, sections 3 and 4).
//
// A block takes a part of 256 * ITEMS keys, ranks them, tells how many it has of each digit, and learns from the parts
// before it where its own go. Those are waited for, so a part's number is a ticket: whoever holds a lower one runs.
//
// Defines: ITEMS (keys a thread).

#include "scan.cuh"

#define THREADS 256
#define WARPS 8
#define DIGITS 256
#define PASSES 4
#define PART (THREADS * ITEMS)
#define WINDOW 8  // status words that a look-back reads at once: 131 parts that start together take 6 steps, not 16

__device__ __forceinline__ uint digit_mask(int bits, int pass) { return (1u << min(8, bits - 8 * pass)) - 1u; }

// Counts the digits of all passes, and readies what the passes and the next call need: `next_bins`, the status words and
// tickets become zero, and so do `others`, some words that a kernel behind this sort wants cleared.
extern "C" __global__ void __launch_bounds__(THREADS) count_digits(
    const uint* __restrict__ keys, const uint* __restrict__ limit, int capacity, int bits, int part_size,
    uint* __restrict__ bins, uint* __restrict__ next_bins, uint* __restrict__ status, int status_stride,
    uint* __restrict__ tickets, uint* __restrict__ others, int num_others) {
    __shared__ uint counts[PASSES][DIGITS];
    const int passes = (bits + 7) / 8;
    const int first = blockIdx.x * THREADS + threadIdx.x, stride = gridDim.x * THREADS;
    const int n = (int)min(*limit, (uint)capacity);
#pragma unroll
    for (int pass = 0; pass < PASSES; pass++) counts[pass][threadIdx.x] = 0;
    if (first < PASSES) tickets[first] = 0;
    for (int i = first; i < PASSES * DIGITS; i += stride) next_bins[i] = 0;
    for (int i = first; i < num_others; i += stride) others[i] = 0;
    const int words = (n + part_size - 1) / part_size * DIGITS;
    for (int pass = 0; pass < passes; pass++)
        for (int i = first; i < words; i += stride) status[pass * status_stride + i] = 0;
    __syncthreads();
    for (int i = 4 * first; i < n; i += 4 * stride) {
        uint key[4];
        const int filled = min(4, n - i);
        if (filled == 4) {
            const uint4 four = *reinterpret_cast<const uint4*>(keys + i);
            key[0] = four.x, key[1] = four.y, key[2] = four.z, key[3] = four.w;
        } else {
            for (int j = 0; j < filled; j++) key[j] = keys[i + j];
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int pass = 0; pass < PASSES; pass++)
                if (j < filled && pass < passes)
                    atomicAdd(&counts[pass][key[j] >> 8 * pass & digit_mask(bits, pass)], 1u);
        }
    }
    __syncthreads();
    for (int pass = 0; pass < passes; pass++) {
        const uint count = counts[pass][threadIdx.x];
        if (count) atomicAdd(&bins[pass * DIGITS + threadIdx.x], count);
    }
}

// Which lanes of the warp agree with this one in a bit. Written out: the compiler makes the predicate twice, seven
// instructions instead of three, and this is the sort's inner loop (sixteen keys a thread, eight bits).
__device__ __forceinline__ uint lanes_agreeing(uint digit, uint bit) {
#ifdef EMULATED
    const uint votes = __ballot_sync(FULL_WARP, digit & bit);
    return digit & bit ? votes : ~votes;
#else
    uint result;
    asm volatile(
        "{ .reg .pred set; .reg .u32 masked;"
        " and.b32 masked, %1, %2; setp.ne.u32 set, masked, 0;"
        " vote.sync.ballot.b32 %0, set, 0xffffffff; @!set not.b32 %0, %0; }"
        : "=r"(result)
        : "r"(digit), "r"(bit));
    return result;
#endif
}

// Which lanes of the warp have the same digit. Always eight bits: leaving out those of a shorter digit costs more in
// branches than it saves.
__device__ __forceinline__ uint lanes_alike(uint digit) {
    uint alike = FULL_WARP;
#pragma unroll
    for (int bit = 0; bit < 8; bit++) alike &= lanes_agreeing(digit, 1u << bit);
    return alike;
}

// How many keys of this thread's digit the parts before `part` hold.
__device__ __forceinline__ uint count_before(const volatile uint* status, int part) {
    uint sum = 0;
    int at = part - 1;
    bool found = false;
    while (!found) {
        uint words[WINDOW];
#pragma unroll
        for (int i = 0; i < WINDOW; i++) words[i] = at >= i ? status[(at - i) * DIGITS] : COMPLETE;
        bool ready = true;
#pragma unroll
        for (int i = 0; i < WINDOW; i++) {
            ready = ready && !found && words[i] >= PARTIAL;
            if (ready) {
                sum += words[i] & SUM_MASK;
                at--;
                found = words[i] >= COMPLETE;
            }
        }
    }
    return sum;
}

#define NUMBER 1  // in `wishes`: the payload is the key's place in the input, and is not read
#define RUNS 2    // the last pass: instead of the keys, note where each key's run begins and ends, and look payloads up

// One pass. With RUNS, begins and ends hold at first more than any place, and zero; keys are places in them, and payloads
// are places in `table`. A part is sorted by the whole key then, so that few of its neighbours differ: two atomics each.
extern "C" __global__ void __launch_bounds__(THREADS) scatter(
    const uint* __restrict__ keys, const int* __restrict__ payload, int wishes, uint* __restrict__ sorted_keys,
    int* __restrict__ sorted_payload, const uint* __restrict__ limit, int capacity, int bits, int pass,
    const uint* __restrict__ bins, uint* status, int status_stride, uint* __restrict__ tickets,
    const int* __restrict__ table, int* __restrict__ looked_up, int* __restrict__ begins, int* __restrict__ ends) {
    __shared__ uint counts[WARPS][DIGITS], exchange[PART], bases[DIGITS], sums[WARPS];
    __shared__ int ticket;
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    const int n = (int)min(*limit, (uint)capacity), shift = 8 * pass;
    const uint mask = digit_mask(bits, pass);
    if (thread == 0) ticket = (int)atomicAdd(&tickets[pass], 1u);
#pragma unroll
    for (int i = 0; i < DIGITS / 32; i++) counts[warp][32 * i + lane] = 0;
    __syncthreads();
    const int part = ticket, begin = part * PART, filled = min(PART, n - begin);
    if (filled <= 0) return;

    // Keys past the end have the largest digit and come last of all in the last part, which nobody looks back to.
    const int own = 32 * ITEMS * warp + lane;
    uint key[ITEMS], place[ITEMS];
    int value[ITEMS];
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const int at = own + 32 * i;
        key[i] = at < filled ? keys[begin + at] : 0xffffffffu;
        value[i] = wishes & NUMBER ? begin + at : at < filled ? payload[begin + at] : 0;
    }
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const uint digit = key[i] >> shift & mask, alike = lanes_alike(digit);
        const uint before = counts[warp][digit], lower = __popc(alike & ((1u << lane) - 1u));
        place[i] = before + lower;
        __syncwarp();
        if (lower == 0) counts[warp][digit] = before + __popc(alike);
        __syncwarp();
    }
    __syncthreads();

    // From here a thread stands for a digit.
    uint mine = 0, unused;
#pragma unroll
    for (int i = 0; i < WARPS; i++) {
        const uint count = counts[i][thread];
        counts[i][thread] = mine;
        mine += count;
    }
    volatile uint* word = status + pass * status_stride + part * DIGITS + thread;
    *word = (part == 0 ? COMPLETE : PARTIAL) | mine;
    const uint local = block_exclusive_sum(mine, sums, unused);
    const uint global = block_exclusive_sum(bins[pass * DIGITS + thread], sums, unused);
#pragma unroll
    for (int i = 0; i < WARPS; i++) counts[i][thread] += local;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        place[i] += counts[warp][key[i] >> shift & mask];
        exchange[place[i]] = key[i];
    }
    uint before = 0;
    if (part > 0) {
        before = count_before(status + pass * status_stride + thread, part);
        *word = COMPLETE | (before + mine);
    }
    bases[thread] = global + before - local;
    __syncthreads();

    uint target[ITEMS];
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const int at = THREADS * i + thread;
        const uint sorted = exchange[at];
        target[i] = bases[sorted >> shift & mask] + at;
        if (at < filled && !(wishes & RUNS)) sorted_keys[target[i]] = sorted;
        if (at < filled && wishes & RUNS) {
            if (at == 0 || exchange[at - 1] != sorted) atomicMin(&begins[sorted], (int)target[i]);
            if (at == filled - 1 || exchange[at + 1] != sorted) atomicMax(&ends[sorted], (int)target[i] + 1);
        }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; i++) exchange[place[i]] = (uint)value[i];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const int at = THREADS * i + thread;
        if (at < filled) sorted_payload[target[i]] = (int)exchange[at];
    }
    if (!(wishes & RUNS)) return;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const int at = THREADS * i + thread;
        if (at < filled) looked_up[target[i]] = table[exchange[at]];
    }
}
