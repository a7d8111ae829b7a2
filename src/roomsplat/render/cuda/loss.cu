// L1 and SSIM with their gradient in one pass over the picture (Wang et al. 2004, eq. 13); nothing but the
// gradient is written. With MASKED pixels outside the mask are replaced by the target's; with COLOURED the render
// first goes through a map of colours (colour.cu has the way back).
//
// SSIM is computed from s = x + y and d = x - y (x the render, y the target). With S, D, SS, DD the windows' means of
// s, d, s*s, d*d and var s = SS - S^2 it is
//     (S^2 - D^2 + 2 C1) (var s - var d + 2 C2) / ((S^2 + D^2 + 2 C1) (var s + var d + 2 C2)):
// four filtered maps instead of five, and differences that are small come from small numbers. Its slope is
// 2 (F(g1) + s F(gss) + d F(gdd)), F being the same filter, which is symmetric.
//
// A block of 128 threads goes down a strip of 108 columns of one channel, eight rows at a time. A thread owns a
// column: it keeps the last eighteen s and d in registers and filters down. Through shared memory the four maps go to
// threads that own eight pixels of a row: they filter across (five 16-byte loads for eight pixels) and make the
// derivatives, the three fields, which again through shared memory are filtered across and, by the columns' owners,
// down.
//
// For one pixel and channel: 88 FMA for the maps, 66 for the fields, about 85 other instructions (counted in the
// machine code for compute 9.0), 31 words through shared memory. Halos (20 of 128 columns, 10 of 123 rows) add 30 %.
// At 1076x1915 that fills an H200's issue slots for 60 us and shared memory for 30; device memory (56 MB) is busy for
// 13. Two kernels with the fields between them would move 235 MB (55 us) for the same sums, and need 74 MB of room.

#include "loss.cuh"

// Rows in one go, and pixels of a row that a thread filters. With four: 95 us on an H200 instead of 88.
#define ROWS 8
// Blocks that a multiprocessor holds at once. Three instead of four: 86 us; two: 104.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
#define BLOCKS_A_PROCESSOR (MASKED && COLOURED ? 2 : 3)  // there FMAs take pairs of registers, and 128 would spill
#else
#define BLOCKS_A_PROCESSOR 4
#endif
enum {
    THREADS = 128,
    HALF = 5,                      // the window reaches over 5 px
    TAPS = 2 * HALF + 1,
    SPAN = ROWS + 2 * HALF,        // what eight results of the filter depend on
    STRIP = THREADS - 4 * HALF,    // columns of gradient: two windows less on either side
    PITCH = THREADS + 4,           // = 4 modulo 32: threads of two rows that read 16 bytes 32 apart hit every bank once
    FIELD_PITCH = THREADS - 4,     // = -4 modulo 32: likewise
    MAPS = 4,
    FIELDS = 3,
};

#define C1 1e-4f
#define C2 9e-4f
#define FROM_BYTE (1.0f / 255.0f)

// The window: a Gaussian of sigma 1.5 whose eleven weights sum to one.
__device__ __forceinline__ constexpr float window_weight(int tap) {
    int a = tap < HALF ? HALF - tap : tap - HALF;
    return a == 0   ? 0.2660117249f
           : a == 1 ? 0.2130055377f
           : a == 2 ? 0.1093606895f
           : a == 3 ? 0.03600077213f
           : a == 4 ? 0.007598758135f
                    : 0.001028380084f;
}

// Eight results from eighteen values.
__device__ __forceinline__ void filter(const float* values, float* results) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        float sum = window_weight(0) * values[i];
#pragma unroll
        for (int tap = 1; tap < TAPS; tap++) sum += window_weight(tap) * values[i + tap];
        results[i] = sum;
    }
}

// The same along a row of shared memory that begins at `at`.
__device__ __forceinline__ void filter_across(const float4* at, float* results) {
    float values[SPAN + 2];
#pragma unroll
    for (int i = 0; i < (SPAN + 2) / 4; i++) {
        float4 four = at[i];
        values[4 * i] = four.x, values[4 * i + 1] = four.y, values[4 * i + 2] = four.z, values[4 * i + 3] = four.w;
    }
    filter(values, results);
}

__device__ __forceinline__ void store_row(float4* at, const float* values) {
#pragma unroll
    for (int i = 0; i < ROWS; i += 4) at[i / 4] = make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
}

// Where a block finds its pixels.
struct Source {
    const float* rgb;
    const uchar* target;
#if MASKED
    const uchar* mask;
#endif
#if COLOURED
    float own, next, last, added, squared;  // the map's row: this channel and the two after it, in a ring
    uint next_at, last_at;                  // where those begin
#endif
    uint channel_at;  // where the channel begins
};

#define HIDDEN 256u  // a bit above the target's byte: outside the mask

// x, and the target's byte, of one pixel; zero outside the picture.
__device__ __forceinline__ void load_pixel(const Source& source, uint at, bool inside, float& x, uint& bits) {
    x = 0.0f;
    bits = 0;
    if (!inside) return;
#if COLOURED
    float drawn = source.rgb[source.channel_at + at];
    x = (source.squared * drawn + source.own) * drawn + source.next * source.rgb[source.next_at + at] +
        source.last * source.rgb[source.last_at + at] + source.added;
#else
    x = source.rgb[source.channel_at + at];
#endif
    bits = source.target[source.channel_at + at];
#if MASKED
    if (!source.mask[at]) bits |= HIDDEN;
#endif
}

// The same for `count` pixels of a column from row `y` down. Only few rows need to be looked at one by one.
template <int count>
__device__ __forceinline__ void load_column(
    const Source& source, int column, int y, int width, int height, float* x, uint* bits
) {
    bool is_column = (uint)column < (uint)width;
    if (y >= 0 && y + count <= height) {
#pragma unroll
        for (int i = 0; i < count; i++)
            load_pixel(source, (uint)((y + i) * width + column), is_column, x[i], bits[i]);
    } else {
#pragma unroll
        for (int i = 0; i < count; i++) {
            bool inside = is_column && (uint)(y + i) < (uint)height;
            load_pixel(source, (uint)((y + i) * width + column), inside, x[i], bits[i]);
        }
    }
}

// s and d from what was loaded.
template <int count>
__device__ __forceinline__ void compare_column(const float* x, const uint* bits, float* s, float* d) {
#pragma unroll
    for (int i = 0; i < count; i++) {
        float y = (float)(bits[i] & 255u) * FROM_BYTE;
        s[i] = x[i] + y;
        d[i] = x[i] - y;
#if MASKED
        if (bits[i] & HIDDEN) {
            s[i] = y + y;
            d[i] = 0.0f;  // exactly: the compiler may have contracted y into the difference above
        }
#endif
    }
}

// 1 - SSIM of one pixel from its four maps, and the three fields.
__device__ __forceinline__ float derivatives(
    float S, float D, float SS, float DD, float& g1, float& gss, float& gdd
) {
    float p = S * S, q = D * D;
    float c1 = p + 2.0f * C1, c2 = (SS + 2.0f * C2) - p, var_d = DD - q;
    float a1 = c1 - q, b1 = c1 + q, a2 = c2 - var_d, b2 = c2 + var_d;
    float inverse = fast_reciprocal(b1 * b2);
    float by_a1 = a2 * inverse, by_a2 = a1 * inverse;
    float value = by_a2 * a2, scaled = value * inverse;
    gss = by_a2 - scaled * b1;
    gdd = -by_a2 - scaled * b1;
    g1 = S * ((by_a1 - scaled * b2) - gss) + D * ((-by_a1 - scaled * b2) - gdd);
    return 1.0f - value;
}

// The four maps of eight rows of a column, filtered down; `maps` is the column's place in shared memory.
__device__ __forceinline__ void make_maps(const float* s, const float* d, float* maps) {
    float square[SPAN], result[ROWS];
#pragma unroll
    for (int k = 0; k < MAPS; k++) {
        const float* values = k & 1 ? d : s;
#pragma unroll
        for (int i = 0; i < SPAN; i++) square[i] = k < 2 ? values[i] : values[i] * values[i];
        filter(square, result);
#pragma unroll
        for (int i = 0; i < ROWS; i++) maps[(k * ROWS + i) * PITCH] = result[i];
    }
}

// Grid: strips of columns, strips of `rows` rows, channels. Out: gradient (3, height, width); sums: of 1 - SSIM and of
// |x - y| over the pixels that count, and their number. `partials` takes two doubles a block; `ticket` as in loss.cuh.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_A_PROCESSOR) photometric(
    const float* __restrict__ rgb, const uchar* __restrict__ target,
#if MASKED
    const uchar* __restrict__ mask, const int* __restrict__ used,
#endif
#if COLOURED
    Colour colour,
#endif
    int width, int height, int rows, float ssim_weight, float* __restrict__ gradient, double* partials, uint* ticket,
    double* sums
) {
    __shared__ float4 maps_memory[MAPS * ROWS * PITCH / 4];
    __shared__ float4 fields_memory[FIELDS * ROWS * FIELD_PITCH / 4];
    __shared__ float warp_sums[2 * THREADS / 32];
    __shared__ double lane_sums[2 * 32];
    __shared__ int is_last;
    float* maps = (float*)maps_memory;
    int thread = threadIdx.x, plane = width * height, channel = blockIdx.z;
    int left = blockIdx.x * STRIP, first = blockIdx.y * rows, last = min(first + rows, height);
    int column = left - 2 * HALF + thread;
    bool is_own = thread >= 2 * HALF && thread < 2 * HALF + STRIP && column < width;
    Source source;
    source.rgb = rgb;
    source.target = target;
    source.channel_at = channel * plane;
    int num_used = plane;
#if MASKED
    source.mask = mask;
    num_used = *used;
#endif
#if COLOURED
    const float* row = colour.m + 5 * channel;
    int next = channel < 2 ? channel + 1 : 0, third = channel > 0 ? channel - 1 : 2;
    source.own = row[channel], source.next = row[next], source.last = row[third];
    source.added = row[3], source.squared = row[4];
    source.next_at = next * plane, source.last_at = third * plane;
#endif
    float share = __fdiv_rn(1.0f, 3.0f * (float)max(num_used, 1));
    float l1 = (1.0f - ssim_weight) * share, ssim = -2.0f * ssim_weight * share;

    // Across: the thread's row and its eight pixels; four threads of one row and four of the next are neighbours.
    int across_row = (thread >> 2 & 1) | (thread >> 5 << 1), across = ROWS * ((thread & 3) | (thread >> 1 & 12));
    float4* maps_at = maps_memory + (across_row * PITCH + across) / 4;
    float4* fields_at = fields_memory + (across_row * FIELD_PITCH + across) / 4;
    const float* results = maps + min(max(thread - 2 * HALF, 0), STRIP - 1);

    // `base`: the first of eight rows of fields. Their maps need s and d from base - 5 to base + 12; they complete the
    // gradient from base - 5 to base + 2.
    float s[SPAN], d[SPAN], fields[FIELDS][SPAN], totals[2] = {0.0f, 0.0f};
#pragma unroll
    for (int i = 0; i < 2 * HALF; i++) fields[0][i] = fields[1][i] = fields[2][i] = 0.0f;
    float x[2 * HALF];
    uint bits[2 * HALF];
    load_column<2 * HALF>(source, column, first - 2 * HALF, width, height, x, bits);
    compare_column<2 * HALF>(x, bits, s, d);
    for (int base = first - HALF; base < last + HALF; base += ROWS) {
        load_column<ROWS>(source, column, base + HALF, width, height, x, bits);
        __syncthreads();  // the results that lie where the maps go have been read
        compare_column<ROWS>(x, bits, s + 2 * HALF, d + 2 * HALF);
        make_maps(s, d, maps + thread);
        __syncthreads();

        if (across < STRIP + 2 * HALF) {
            float m[MAPS][ROWS], g1[ROWS], gss[ROWS], gdd[ROWS], lost[ROWS];
#pragma unroll
            for (int k = 0; k < MAPS; k++) filter_across(maps_at + k * ROWS * PITCH / 4, m[k]);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                lost[i] = derivatives(m[0][i], m[1][i], m[2][i], m[3][i], g1[i], gss[i], gdd[i]);
            int field_x = left - HALF + across, y = base + across_row;
            // Only blocks at the border have pixels outside the picture, which have no SSIM.
            if (MASKED || left == 0 || left + THREADS > width || base < 0 || base + ROWS > height) {
#pragma unroll
                for (int i = 0; i < ROWS; i++) {
                    bool counts = (uint)(field_x + i) < (uint)width && (uint)y < (uint)height;
#if MASKED
                    counts = counts && mask[y * width + field_x + i];
#endif
                    if (!counts) g1[i] = gss[i] = gdd[i] = lost[i] = 0.0f;
                }
            }
            store_row(fields_at, g1);
            store_row(fields_at + ROWS * FIELD_PITCH / 4, gss);
            store_row(fields_at + 2 * ROWS * FIELD_PITCH / 4, gdd);
            if (y >= first && y < last) {
#pragma unroll
                for (int i = 0; i < ROWS; i++)
                    if ((uint)(across + i - HALF) < STRIP) totals[0] += lost[i];
            }
        }
        __syncthreads();

        if (across < STRIP) {
#pragma unroll
            for (int k = 0; k < FIELDS; k++) {
                float result[ROWS];
                filter_across(fields_at + k * ROWS * FIELD_PITCH / 4, result);
                store_row(maps_at + k * ROWS * PITCH / 4, result);
            }
        }
        __syncthreads();

        float slope[ROWS];
#pragma unroll
        for (int k = 0; k < FIELDS; k++) {
            float result[ROWS];
#pragma unroll
            for (int i = 0; i < ROWS; i++) fields[k][2 * HALF + i] = results[(k * ROWS + i) * PITCH];
            filter(fields[k], result);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                slope[i] = k == 0 ? result[i] : slope[i] + (k == 1 ? s[i] : d[i]) * result[i];
        }
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            int y = base - HALF + i;
            uint at = (uint)(y * width + column);
            float sign = __uint_as_float(__float_as_uint(l1) | (__float_as_uint(d[i]) & 0x80000000u));
            float value = ssim * slope[i] + (d[i] == 0.0f ? 0.0f : sign);
            bool writes = is_own && y >= first && y < last;
#if MASKED
            if (writes && !mask[at]) value = 0.0f;
#endif
            totals[1] += writes ? fabsf(d[i]) : 0.0f;
            if (writes) gradient[source.channel_at + at] = value;
        }
#pragma unroll
        for (int i = 0; i < 2 * HALF; i++) {
            s[i] = s[ROWS + i];
            d[i] = d[ROWS + i];
#pragma unroll
            for (int k = 0; k < FIELDS; k++) fields[k][i] = fields[k][ROWS + i];
        }
    }
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    int blocks = gridDim.x * gridDim.y * gridDim.z;
    bool ends = add_up(totals, 2, THREADS, block, blocks, partials, ticket, sums, warp_sums, lane_sums, &is_last);
    if (ends && thread == 0) sums[2] = (double)num_used;
}
