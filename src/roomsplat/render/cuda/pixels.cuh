// Which pixels of a tile a lane of its warp holds, and the gradients that the backward kernels need of them.
//
// A tile is 8 x 4 * PIXELS px. Lane l holds PIXELS (2 or 4) pixels of column l / 4, in rows l % 4, l % 4 + 4 ...: they
// share the exponent's terms of their column, and the warp's pixels of one number fill a block of 8 x 4.

#define TILE_WIDTH 8
#define TILE_HEIGHT (4 * PIXELS)

// The slope of the loss along a Gaussian's weight in a pixel is colour . (gr, gg, gb) + ga + z gz; `behind` is what the
// Gaussians that are still to come add to the loss in first order.
struct Pixels {
    float transmittance[PIXELS], behind[PIXELS], gr[PIXELS], gg[PIXELS], gb[PIXELS], ga[PIXELS], gz[PIXELS];
};

// A pixel outside the picture has ended before it began.
__device__ __forceinline__ Pixels load_pixels(
    int x, int top, int width, int height, const float* __restrict__ rgb, const float* __restrict__ alpha,
    const float* __restrict__ depth, const float* __restrict__ grad_rgb, const float* __restrict__ grad_alpha,
    const float* __restrict__ grad_depth) {
    const long long plane = (long long)width * height;
    Pixels p;
#pragma unroll
    for (int i = 0; i < PIXELS; i++) {
        const int y = top + 4 * i;
        p.transmittance[i] = p.behind[i] = p.gr[i] = p.gg[i] = p.gb[i] = p.ga[i] = p.gz[i] = 0.0f;
        if (x < width && y < height) {
            const long long at = (long long)y * width + x;
            p.transmittance[i] = 1.0f;
            p.gr[i] = grad_rgb[at];
            p.gg[i] = grad_rgb[plane + at];
            p.gb[i] = grad_rgb[2 * plane + at];
            p.behind[i] = rgb[at] * p.gr[i] + rgb[plane + at] * p.gg[i] + rgb[2 * plane + at] * p.gb[i];
            if (WITH_ALPHA) {
                p.ga[i] = grad_alpha[at];
                p.behind[i] += alpha[at] * p.ga[i];
            }
            if (WITH_DEPTH) {
                p.gz[i] = grad_depth[at];
                p.behind[i] += depth[at] * p.gz[i];
            }
        }
    }
    return p;
}

// k and w (prelude.cuh) of a Gaussian at pixel i, b and c being the last six floats of its record. Without a branch (with
// one: 522 us instead of 449): where the Gaussian is not taken raw is zero, and so is all else.
__device__ __forceinline__ void weigh(Pixels& p, int i, float level, float4 b, float2 c, float& k, float& w) {
    const bool takes = level >= MIN_LEVEL && p.transmittance[i] > MIN_TRANSMITTANCE;
    const float raw = takes ? fast_exp2(level) : 0.0f, opaque = fminf(raw, MAX_ALPHA);
    w = __fmul_rn(opaque, p.transmittance[i]);
    float slope = b.z * p.gr[i] + b.w * p.gg[i] + c.x * p.gb[i];
    if (WITH_ALPHA) slope += p.ga[i];
    if (WITH_DEPTH) slope += c.y * p.gz[i];
    p.behind[i] -= w * slope;
    k = raw * (p.transmittance[i] * slope - p.behind[i] * fast_reciprocal(1.0f - opaque));
    k = raw > MAX_ALPHA ? 0.0f : k;
    p.transmittance[i] = __fsub_rn(p.transmittance[i], w);
}

// Fetches `count` (at most 32) records of a list into shared memory, one a lane.
__device__ __forceinline__ void fetch_records(
    float4 (*chunk)[3], const Record* __restrict__ records, const int* __restrict__ ids, int count) {
    const int lane = threadIdx.x & 31;
    if (lane < count) {
        const float4* record = reinterpret_cast<const float4*>(records + ids[lane]);
        chunk[lane][0] = record[0];
        chunk[lane][1] = record[1];
        chunk[lane][2] = record[2];
    }
    __syncwarp();
}

// Slots of pairs that no pixel has seen: they are read all the same.
__device__ __forceinline__ void clear_slots(float* __restrict__ slots, const int* __restrict__ list_slots, int from, int to) {
    for (int i = from + (threadIdx.x & 31); i < to; i += 32) {
        float4* slot = reinterpret_cast<float4*>(slots + 12ll * list_slots[i]);
        slot[0] = slot[1] = slot[2] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
}
