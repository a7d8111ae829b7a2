// What tests/render/cuda/test_emulator.py puts to the emulator.
#define FULL_WARP 0xffffffffu
typedef unsigned int uint;
struct __align__(16) Record { float u, v, a[7], z, b[2]; };
struct Pair { float x; int n; };

extern "C" __global__ void sum_warps(const float* __restrict__ in, float* __restrict__ out) {
    float value = in[blockIdx.x * blockDim.x + threadIdx.x];
#pragma unroll
    for (int bit = 16; bit; bit >>= 1) value += __shfl_xor_sync(FULL_WARP, value, bit);
    if ((threadIdx.x & 31) == 0) out[(blockIdx.x * blockDim.x + threadIdx.x) >> 5] = value;
}

template <int SIDE>
__device__ __forceinline__ float turned(float value) {
    __shared__ float tile[SIDE][SIDE + 1];
    tile[threadIdx.y][threadIdx.x] = value;
    __syncthreads();
    return tile[threadIdx.x][threadIdx.y];
}
extern "C" __global__ void __launch_bounds__(256) transpose(
    const float* __restrict__ in, float* __restrict__ out, int n
) {
    const int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 16 + threadIdx.y;
    const float value = turned<16>(in[y * n + x]);
    out[(blockIdx.x * 16 + threadIdx.y) * n + blockIdx.y * 16 + threadIdx.x] = value;
}

// Exclusive scan over blocks by look-back: status = value | flag << 30.
extern "C" __global__ void scan(const int* __restrict__ in, int* __restrict__ out, uint* status, uint* ticket, int n) {
    __shared__ int sums[4], block, before;
    if (threadIdx.x == 0) block = (int)atomicAdd(ticket, 1u);
    __syncthreads();
    const int at = block * blockDim.x + threadIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    const int own = at < n ? in[at] : 0;
    int upto = own;
    for (int step = 1; step < 32; step *= 2) {
        const int other = __shfl_up_sync(FULL_WARP, upto, step);
        if (lane >= step) upto += other;
    }
    if (lane == 31) sums[warp] = upto;
    __syncthreads();
    int total = 0, lower = 0;
    for (int w = 0; w < 4; ++w) { lower += w < warp ? sums[w] : 0; total += sums[w]; }
    if (threadIdx.x == 0) {
        volatile uint* seen = status;
        int prefix = 0;
        if (block) { uint word; do word = seen[block - 1]; while (!(word >> 30)); prefix = word & 0x3fffffff; }
        __threadfence();
        seen[block] = (uint)(prefix + total) | (1u << 30);
        before = prefix;
    }
    __syncthreads();
    if (at < n) out[at] = before + lower + upto - own;
}

extern "C" __global__ void reverse_dynamic(const int* __restrict__ in, int* __restrict__ out) {
    extern __shared__ int kept[];
    kept[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}

extern "C" __global__ void early(int* __restrict__ out, int n) {
    if (threadIdx.x >= n) return;
    __syncthreads();
    out[threadIdx.x] = (int)__ballot_sync(FULL_WARP, threadIdx.x & 1);
    __syncthreads();
}

extern "C" __global__ void from_gone(float* __restrict__ out) {
    if (threadIdx.x == 5) return;
    out[threadIdx.x] = __shfl_xor_sync(FULL_WARP, (float)threadIdx.x, 1);
}

extern "C" __global__ void votes(uint* __restrict__ out) {
    const int lane = threadIdx.x;
    out[lane] = __match_any_sync(FULL_WARP, lane % 3);
    out[32 + lane] = __any_sync(FULL_WARP, lane == 40) | __all_sync(FULL_WARP, lane < 32) << 1;
    out[64 + lane] = __shfl_down_sync(FULL_WARP, lane, 3, 8);
    out[96 + lane] = __shfl_sync(FULL_WARP, lane, 5, 8);
    out[128 + lane] = lane < 16 ? __ballot_sync(0xffffu, lane & 1) : __ballot_sync(0xffff0000u, lane & 1);
    out[160 + lane] = __shfl_up_sync(FULL_WARP, lane, 2, 16) + __syncthreads_count(lane < 7);
}

extern "C" __global__ void structs(Pair pair, const Record* __restrict__ in, float4* __restrict__ out) {
    out[threadIdx.x] = make_float4(pair.x, (float)pair.n, in[threadIdx.x].u, in[threadIdx.x].z);
}

extern "C" __global__ void unset(float* __restrict__ out) {
    __shared__ float kept[64];
    out[threadIdx.x] = kept[threadIdx.x];
    __syncthreads();
    kept[threadIdx.x] = 1.0f;
}

extern "C" __global__ void race(int* __restrict__ out) {
    __shared__ int kept[128];
    kept[threadIdx.x] = threadIdx.x + 1;
    out[threadIdx.x] = kept[127 - threadIdx.x];
}

// Two block-wide sums, the second one without a barrier before it.
extern "C" __global__ void ahead(int* __restrict__ out) {
    __shared__ int sums[4];
    int total = 0;
    for (int round = 1; round < 3; round++) {
        int value = round;
        for (int bit = 16; bit; bit >>= 1) value += __shfl_xor_sync(FULL_WARP, value, bit);
        if ((threadIdx.x & 31) == 0) sums[threadIdx.x >> 5] = value;
        __syncthreads();
        for (int warp = 0; warp < 4; warp++) total += sums[warp];
    }
    out[threadIdx.x] = total;
}

extern "C" __global__ void tiny(float* __restrict__ out) { out[threadIdx.x] *= 0.5f; }

extern "C" __global__ void counts(uint* __restrict__ at) {
    atomicAdd(&at[0], 2u);
    atomicMax(&at[1], threadIdx.x);
    atomicMin(&at[2], threadIdx.x);
    atomicOr(&at[3], 1u << threadIdx.x);
}

// Wrong on purpose from here on.
extern "C" __global__ void parted() {
    if (threadIdx.x < 16) __syncwarp();
    else (void)__shfl_sync(FULL_WARP, 1, 0);
}

extern "C" __global__ void missing() {
    if (threadIdx.x < 40) __syncthreads();
    else __syncwarp();
}

extern "C" __global__ void waits() {
    if (threadIdx.x != 3) __ballot_sync(FULL_WARP, 1);
    else __syncwarp(8u + 16u);
}

extern "C" __global__ void two_barriers() {
    if (threadIdx.x < 32) __syncthreads();
    else __syncthreads();
}

extern "C" __global__ void stranger() { __syncwarp(2u); }

extern "C" __global__ void spins(volatile int* flag) { while (!*flag) {} }

extern "C" __global__ void outside(int* __restrict__ out) {
    extern __shared__ int kept[];
    kept[blockDim.x + threadIdx.x] = 1;
    out[threadIdx.x] = 0;
}

extern "C" __global__ void astray(int* __restrict__ out, int far) { out[(long long)far << 33] = 1; }
extern "C" __global__ void divides(int* __restrict__ out, int zero) { out[0] = out[1] / zero; }
