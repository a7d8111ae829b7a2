// Projection: every Gaussian of a view to a Record and a depth key, or to nothing. One thread a Gaussian; 44 bytes are
// read of one near the view, 192 more (degree 3) of one that is seen, 12 of the others.
//
// Defines: DEGREE of the harmonics.
#include "geometry.cuh"
#include "harmonics.cuh"

// 0.5 + the sum of coefficients times harmonics, per channel, not clamped.
__device__ __forceinline__ Vector colour_of(const float* __restrict__ sh, size_t stride, Vector d) {
    Vector colour = {0.5f, 0.5f, 0.5f};
#pragma unroll
    for (int k = 0; k < COEFFICIENTS; k++) {
        const float weight = harmonic(k, d.x, d.y, d.z);
        colour.x += weight * sh[(3 * k) * stride];
        colour.y += weight * sh[(3 * k + 1) * stride];
        colour.z += weight * sh[(3 * k + 2) * stride];
    }
    return colour;
}

extern "C" __global__ void __launch_bounds__(128) project(
    const float* __restrict__ params, int n, View view, Record* __restrict__ records, uint* __restrict__ keys,
    uchar* __restrict__ flags) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    const size_t stride = stride_of(n);
    const float* p = params + i;
    const Vector mean = {p[MEAN * stride], p[(MEAN + 1) * stride], p[(MEAN + 2) * stride]};
    keys[i] = HIDDEN_KEY;
    flags[i] = 0;
    Ellipse e;
    if (!place(view, mean, e)) return;
    const float log_s0 = p[SCALE * stride], log_s1 = p[(SCALE + 1) * stride], log_s2 = p[(SCALE + 2) * stride];
    const float logit = p[LOGIT * stride];
    turn(p[QUAT * stride], p[(QUAT + 1) * stride], p[(QUAT + 2) * stride], p[(QUAT + 3) * stride], e);
    e.s0 = expf(log_s0), e.s1 = expf(log_s1), e.s2 = expf(log_s2);
    flatten(view, e);
    float opacity = sigmoid(logit);
    if (view.antialiased > 0.0f) opacity *= fast_root(e.before * fast_reciprocal(e.wider));
    // One that is not a number, or infinite, is not drawn: each comparison with NaN is false. A scale of -inf would
    // pass for zero, so the stored values are looked at, too.
    const float stored = logit + log_s0 + log_s1 + log_s2;
    if (!(stored > -FINITE && stored < FINITE && opacity > MIN_OPACITY)) return;
    if (!(e.xx < MAX_VARIANCE && e.yy < MAX_VARIANCE)) return;
    const float u = view.fx * e.x_slope + view.cx, v = view.fy * e.y_slope + view.cy, level = log2f(opacity);
    const float reach = 2.0f * LN_2 * fmaxf(level - MIN_LEVEL, 0.0f);
    const float extent_x = fast_root(reach * e.xx), extent_y = fast_root(reach * e.yy);
    if (!(u + extent_x > 0.0f && u - extent_x < view.width && v + extent_y > 0.0f && v - extent_y < view.height)) return;
    Vector d;
    direction_to(view, mean, d);
    const Vector colour = colour_of(p + SH * stride, stride, d);
    const bool red = colour.x > 0.0f, green = colour.y > 0.0f, blue = colour.z > 0.0f;
    const float half = 0.5f * LOG2_E * fast_reciprocal(e.wider);
    float4* record = reinterpret_cast<float4*>(records + i);
    record[0] = make_float4(u, v, half * e.yy, -2.0f * half * e.xy);
    record[1] = make_float4(half * e.xx, level, red ? colour.x : 0.0f, green ? colour.y : 0.0f);
    record[2] = make_float4(blue ? colour.z : 0.0f, e.z, 0.0f, 0.0f);
    keys[i] = __float_as_uint(e.z);  // z > 0: the bits of positive floats sort as the floats do
    flags[i] = static_cast<uchar>(1 | (red ? 2 : 0) | (green ? 4 : 0) | (blue ? 8 : 0));
}
