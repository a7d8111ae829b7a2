// L1 and SSIM with their gradient in one pass over the picture (Wang et al. 2004, eq. 13); nothing but the gradient is
// written. With MASKED pixels outside the mask are replaced by the target's; with COLOURED the render first goes through
// an affine map (3, 4), and `chain_colour` afterwards turns the gradient into the render's.
//
// SSIM is computed from s = x + y and d = x - y (x the render, y the target): with S, D, SS, DD the windows' means of s,
// d, s*s, d*d it is (S^2 - D^2 + 2 C1)(var s - var d + 2 C2) / ((S^2 + D^2 + 2 C1)(var s + var d + 2 C2)), var s = SS - S^2.
// Four filtered maps instead of five, and no cancellation where the pictures agree. Its slope is
// 2 (F(g1) + s F(gss) + d F(gdd)), F being the same filter, which is symmetric.
//
// A block of 128 threads goes down a strip of 108 columns of one channel, eight rows at a time. A thread owns a column:
// it keeps the last eighteen s and d in registers and filters down; through shared memory the four maps go to threads that
// own eight pixels of a row and filter across (five 16-byte loads for eight pixels), make the derivatives and leave
// them in shared memory, from where they are filtered across, and last, by the columns' owners again, down.
//
// For one pixel and channel: 88 FMA for the maps, 66 for the derivatives' three fields, about 75 other instructions;
// 41/2 words of shared memory moved. Halos (20 of 128 columns, 10 of about 120 rows) add 30 %: at 1076x1915 that is 1.8 G
// instructions per lane, 60 us of an H200's issue slots; shared memory is busy for 30 us, device memory (56 MB) for 13.
// Two kernels with the fields between them in memory would move 235 MB (55 us) and need 74 MB of room for the same sums.

enum {
    THREADS = 128,
    ROWS = 8,                      // rows in one go, and pixels of a row that a thread filters
    HALF = 5,                      // the window reaches over 5 px
    TAPS = 2 * HALF + 1,
    SPAN = ROWS + 2 * HALF,        // what eight results of the filter depend on
    STRIP = THREADS - 4 * HALF,    // columns of gradient: two windows less on either side
    PITCH = THREADS + 4,           // = 4 modulo 32: threads of two rows that read 16 bytes 32 apart hit every bank once
    FIELD_PITCH = THREADS - 4,     // = -4 modulo 32: likewise
    MAPS = 4,
    FIELDS = 3,
    CHAIN_THREADS = 256,
};

#define C1 1e-4f
#define C2 9e-4f
#define FROM_BYTE (1.0f / 255.0f)

// An affine map of colours, three rows of four.
struct Colour {
    float m[12];
};

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
    for (int i = 0; i < 5; i++) {
        float4 four = at[i];
        values[4 * i] = four.x, values[4 * i + 1] = four.y, values[4 * i + 2] = four.z, values[4 * i + 3] = four.w;
    }
    filter(values, results);
}

__device__ __forceinline__ void store_row(float4* at, const float* values) {
    at[0] = make_float4(values[0], values[1], values[2], values[3]);
    at[1] = make_float4(values[4], values[5], values[6], values[7]);
}

// s and d of one pixel, zero outside the picture.
__device__ __forceinline__ void load_pixel(
    const float* __restrict__ rgb, const uchar* __restrict__ target, int at, bool inside, float& s, float& d
#if MASKED
    ,
    const uchar* __restrict__ mask
#endif
#if COLOURED
    ,
    int plane, const float* row
#endif
) {
    s = d = 0.0f;
    if (!inside) return;
    float y = (float)target[at] * FROM_BYTE;
#if MASKED
    if (!mask[at]) {
        s = y + y;
        return;
    }
#endif
#if COLOURED
    float x = row[0] * rgb[at] + row[1] * rgb[at + plane] + row[2] * rgb[at + 2 * plane] + row[3];
#else
    float x = rgb[at];
#endif
    s = x + y;
    d = x - y;
}

// The last step of a sum: `values` of all threads are added by warp, by block and, in the block that ends last, over all
// blocks, always in the same order. `shared` holds (threads / 32) * count floats and 32 * count doubles.
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

// 1 - SSIM of one pixel from its four maps, and the three fields; all zero where `inverse_or_zero` is to be zero.
__device__ __forceinline__ float derivatives(
    float S, float D, float SS, float DD, bool inside, float& g1, float& gss, float& gdd
) {
    float p = S * S, q = D * D;
    float c1 = p + 2.0f * C1, c2 = SS - p + 2.0f * C2, var_d = DD - q;
    float a1 = c1 - q, b1 = c1 + q, a2 = c2 - var_d, b2 = c2 + var_d;
    float inverse = inside ? fast_reciprocal(b1 * b2) : 0.0f;
    float by_a1 = a2 * inverse, by_a2 = a1 * inverse;
    float value = by_a2 * a2, scaled = value * inverse;
    float by_b1 = -scaled * b2, by_b2 = -scaled * b1;
    gss = by_b2 + by_a2;
    gdd = by_b2 - by_a2;
    g1 = S * (by_b1 + by_a1 - gss) + D * (by_b1 - by_a1 - gdd);
    return 1.0f - value;
}

// Grid: strips of columns, strips of `rows` rows, channels. Out: gradient (3, height, width); sums: of 1 - SSIM and of |x - y|
// over the pixels that count, and their number. `partials` takes two doubles a block; `ticket` is 0 before and after.
extern "C" __global__ void __launch_bounds__(THREADS, 4) photometric(
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
    bool is_column = column >= 0 && column < width;
    bool is_own = is_column && thread >= 2 * HALF && thread < THREADS - 2 * HALF;
#if MASKED
    float share = __fdiv_rn(1.0f, 3.0f * (float)max(*used, 1));
#else
    float share = __fdiv_rn(1.0f, 3.0f * (float)plane);
#endif
    float l1 = (1.0f - ssim_weight) * share, ssim = -2.0f * ssim_weight * share;
#if !COLOURED
    rgb += channel * plane;
#endif
    target += channel * plane;
    gradient += channel * plane;

    // Across: the thread's row and its eight pixels; four threads of one row and four of the next are neighbours.
    int across_row = (thread >> 2 & 1) | (thread >> 5 << 1), across = ROWS * ((thread & 3) | (thread >> 1 & 12));
    const float4* maps_at = maps_memory + (across_row * PITCH + across) / 4;
    float4* fields_at = fields_memory + (across_row * FIELD_PITCH + across) / 4;
    float4* results_at = maps_memory + (across_row * PITCH + across) / 4;
    int field_column = left - HALF + across;
    uint inside_bits = 0, own_bits = 0;
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        int x = field_column + i;
        inside_bits |= (uint)(x >= 0 && x < width) << i;
        own_bits |= (uint)(x >= left && x < min(left + STRIP, width)) << i;
    }

    float s[SPAN], d[SPAN], fields[FIELDS][SPAN], totals[2] = {0.0f, 0.0f};
#pragma unroll
    for (int i = 0; i < 2 * HALF; i++) {
        int y = first - 2 * HALF + i;
        load_pixel(
            rgb, target, y * width + column, is_column && y >= 0 && y < height, s[i], d[i]
#if MASKED
            ,
            mask
#endif
#if COLOURED
            ,
            plane, colour.m + 4 * channel
#endif
        );
        fields[0][i] = fields[1][i] = fields[2][i] = 0.0f;
    }
    // `base`: the first of eight rows of derivatives; their maps need rows up to base + 12, and they end rows up to base + 2.
    for (int base = first - HALF; base < last + HALF; base += ROWS) {
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            int y = base + HALF + i;
            load_pixel(
                rgb, target, y * width + column, is_column && y >= 0 && y < height, s[2 * HALF + i], d[2 * HALF + i]
#if MASKED
                ,
                mask
#endif
#if COLOURED
                ,
                plane, colour.m + 4 * channel
#endif
            );
        }
        __syncthreads();  // the results that lie where the maps go have been read
        float square[SPAN], result[ROWS];
        filter(s, result);
#pragma unroll
        for (int i = 0; i < ROWS; i++) maps[i * PITCH + thread] = result[i];
        filter(d, result);
#pragma unroll
        for (int i = 0; i < ROWS; i++) maps[(ROWS + i) * PITCH + thread] = result[i];
#pragma unroll
        for (int i = 0; i < SPAN; i++) square[i] = s[i] * s[i];
        filter(square, result);
#pragma unroll
        for (int i = 0; i < ROWS; i++) maps[(2 * ROWS + i) * PITCH + thread] = result[i];
#pragma unroll
        for (int i = 0; i < SPAN; i++) square[i] = d[i] * d[i];
        filter(square, result);
#pragma unroll
        for (int i = 0; i < ROWS; i++) maps[(3 * ROWS + i) * PITCH + thread] = result[i];
        __syncthreads();

        if (across < THREADS - 2 * HALF) {
            float m[MAPS][ROWS], g1[ROWS], gss[ROWS], gdd[ROWS];
#pragma unroll
            for (int k = 0; k < MAPS; k++) filter_across(maps_at + k * ROWS * PITCH / 4, m[k]);
            int y = base + across_row;
            uint inside = y >= 0 && y < height ? inside_bits : 0u, own = y >= first && y < last ? own_bits : 0u;
#if MASKED
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                if ((inside >> i & 1) && !mask[y * width + field_column + i]) inside &= ~(1u << i);
            own &= inside;
#endif
#pragma unroll
            for (int i = 0; i < ROWS; i++) {
                float lost = derivatives(m[0][i], m[1][i], m[2][i], m[3][i], inside >> i & 1, g1[i], gss[i], gdd[i]);
                totals[0] += own >> i & 1 ? lost : 0.0f;
            }
            store_row(fields_at, g1);
            store_row(fields_at + ROWS * FIELD_PITCH / 4, gss);
            store_row(fields_at + 2 * ROWS * FIELD_PITCH / 4, gdd);
        }
        __syncthreads();

        if (across < THREADS - 4 * HALF) {
#pragma unroll
            for (int k = 0; k < FIELDS; k++) {
                filter_across(fields_at + k * ROWS * FIELD_PITCH / 4, result);
                store_row(results_at + k * ROWS * PITCH / 4, result);
            }
        }
        __syncthreads();

        float slope[ROWS];
#pragma unroll
        for (int k = 0; k < FIELDS; k++) {
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                fields[k][2 * HALF + i] = is_own ? maps[(k * ROWS + i) * PITCH + thread - 2 * HALF] : 0.0f;
            filter(fields[k], result);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                slope[i] = k == 0 ? result[i] : slope[i] + (k == 1 ? s[i] : d[i]) * result[i];
        }
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
            int y = base - HALF + i;
            if (is_own && y >= first && y < last) {
                float value = ssim * slope[i] + (d[i] > 0.0f ? l1 : d[i] < 0.0f ? -l1 : 0.0f);
                totals[1] += fabsf(d[i]);
#if MASKED
                if (!mask[y * width + column]) value = 0.0f;
#endif
                gradient[y * width + column] = value;
            }
        }
#pragma unroll
        for (int i = 0; i < 2 * HALF; i++) {
            s[i] = s[ROWS + i];
            d[i] = d[ROWS + i];
#pragma unroll
            for (int k = 0; k < FIELDS; k++) fields[k][i] = fields[k][ROWS + i];
        }
    }
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x, blocks = gridDim.x * gridDim.y * gridDim.z;
    bool ends = add_up(totals, 2, THREADS, block, blocks, partials, ticket, sums, warp_sums, lane_sums, &is_last);
    if (ends && thread == 0) {
#if MASKED
        sums[2] = (double)*used;
#else
        sums[2] = (double)plane;
#endif
    }
}

// In place from the gradient of the mapped colours to the render's. Out: sums (3, 4), the map's gradient. `partials` takes
// twelve doubles a block; `ticket` is 0 before and after. At 1076x1915 75 MB pass, much of it still in second-level cache.
extern "C" __global__ void __launch_bounds__(CHAIN_THREADS) chain_colour(
    const float* __restrict__ rgb, Colour colour, int size, float* gradient, double* partials, uint* ticket, double* sums
) {
    __shared__ float warp_sums[12 * CHAIN_THREADS / 32];
    __shared__ double lane_sums[12 * 32];
    __shared__ int is_last;
    float totals[12];
#pragma unroll
    for (int i = 0; i < 12; i++) totals[i] = 0.0f;
    for (int at = blockIdx.x * CHAIN_THREADS + threadIdx.x; at < size; at += gridDim.x * CHAIN_THREADS) {
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
        totals, 12, CHAIN_THREADS, blockIdx.x, gridDim.x, partials, ticket, sums, warp_sums, lane_sums, &is_last
    );
}
