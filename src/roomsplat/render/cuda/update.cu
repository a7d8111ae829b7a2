// From a Gaussian's sums to its parameters: backward of projection and harmonics, Adam, statistics, camera terms. One
// thread a Gaussian; one that was not seen costs its flag. Bound by memory: three floats in and three out for each of 59
// parameters, 1.4 KB; loads are asked for in batches before the stores behind them, so that enough are under way.
//
// Defines: DEGREE of the harmonics; ADAM (1: step; 0: write the plain gradients, which must be zero before); COLLECT
// statistics; CAMERA: sum the terms of the camera's gradient.
#include "geometry.cuh"
#include "harmonics.cuh"

#define THREADS 128
#define BETA1 0.9f
#define BETA2 0.999f
#define FRESH1 0.1f    // 1 - BETA1
#define FRESH2 0.001f  // 1 - BETA2, which float32 would get wrong in the fifth digit
#define EPSILON 1e-15f
#define TERMS 7  // of the camera's gradient: a twist and the focal length's logarithm
#define BATCH 3  // coefficients of a batch: 27 loads under way

// Rates times the first moment's correction, 1 / (1 - BETA1^step); correction: 1 / (1 - BETA2^step).
// The pulls of render/base.py (LearningRates) come last.
struct Adam { float means, quats, scales, logits, dc, rest, correction, opacity_pull, scale_pull, sh_pull; };

// One Gaussian's column of the planes.
struct Planes {
    float* params; float* first; float* second;  // first: where plain gradients go, without ADAM
    uint stride;
    float correction;
};

// Adam (Kingma & Ba 2015, algorithm 1) of COUNT rows whose values are known. The root and the quotient are the
// hardware's (three units in the last place): the exact ones would cost more than everything else that is computed here.
template <int COUNT>
__device__ __forceinline__ void step_rows(
    const Planes& planes, int row, const float* rates, const float* value, const float* gradient) {
#if ADAM
    float m[COUNT], v[COUNT];
#pragma unroll
    for (int j = 0; j < COUNT; j++) {
        m[j] = planes.first[(row + j) * planes.stride];
        v[j] = planes.second[(row + j) * planes.stride];
    }
#pragma unroll
    for (int j = 0; j < COUNT; j++) {
        m[j] = BETA1 * m[j] + FRESH1 * gradient[j];
        v[j] = BETA2 * v[j] + FRESH2 * gradient[j] * gradient[j];
        const float square = v[j] * planes.correction;
        const float step = rates[j] * m[j] * fast_reciprocal(fast_root(square) + EPSILON);
        planes.params[(row + j) * planes.stride] = value[j] - step;
        planes.first[(row + j) * planes.stride] = m[j];
        planes.second[(row + j) * planes.stride] = v[j];
    }
#else
#pragma unroll
    for (int j = 0; j < COUNT; j++) planes.first[(row + j) * planes.stride] = gradient[j];
#endif
}

// Rows of the harmonics; returns the gradient of the offset from the camera's centre to the mean.
__device__ __forceinline__ Vector step_harmonics(
    const Planes& planes, const View& view, const Adam& adam, Vector mean, Vector incoming) {
    Vector d, slope = {0.0f, 0.0f, 0.0f};
    const float inverse = direction_to(view, mean, d);
    const float g[3] = {incoming.x, incoming.y, incoming.z};
    float value[3 * BATCH], gradient[3 * BATCH], rates[3 * BATCH];
#pragma unroll
    for (int j = 0; j < 3 * BATCH; j++) rates[j] = adam.rest;
    const float dc_rates[3] = {adam.dc, adam.dc, adam.dc};
#pragma unroll
    for (int c = 0; c < 3; c++) {
        value[c] = planes.params[(SH + c) * planes.stride];
        gradient[c] = C0 * g[c];
    }
    step_rows<3>(planes, SH, dc_rates, value, gradient);
#pragma unroll
    for (int first = 1; first < COEFFICIENTS; first += BATCH) {
        const int row = SH + 3 * first;
        const int count = COEFFICIENTS - first < BATCH ? COEFFICIENTS - first : BATCH;
#pragma unroll
        for (int j = 0; j < 3 * BATCH; j++) {
            if (j < 3 * count) value[j] = planes.params[(row + j) * planes.stride];
        }
#pragma unroll
        for (int k = 0; k < BATCH; k++) {
            if (k >= count) continue;
            const float basis = harmonic(first + k, d.x, d.y, d.z);
            const Vector steep = harmonic_slope(first + k, d.x, d.y, d.z);
            const float weight = g[0] * value[3 * k] + g[1] * value[3 * k + 1] + g[2] * value[3 * k + 2];
            slope.x += weight * steep.x, slope.y += weight * steep.y, slope.z += weight * steep.z;
#pragma unroll
            for (int c = 0; c < 3; c++) gradient[3 * k + c] = basis * g[c] + adam.sh_pull * value[3 * k + c];
        }
        if (count == BATCH) step_rows<3 * BATCH>(planes, row, rates, value, gradient);
        else step_rows<6>(planes, row, rates, value, gradient);  // degree 2: coefficients 7 and 8
    }
    const float along = slope.x * d.x + slope.y * d.y + slope.z * d.z;
    return {(slope.x - along * d.x) * inverse, (slope.y - along * d.y) * inverse, (slope.z - along * d.z) * inverse};
}

// dL/d(covariance on the screen): xx, xy (of each of its two entries), yy. Through the conic, its inverse: - conic * G *
// conic with G from the second moments; with antialiasing also through the opacity's factor sqrt(before / wider), whose
// logarithm has half the difference of the two inverses as its derivative.
__device__ __forceinline__ Vector covariance_gradient(
    const View& view, const Ellipse& e, const float* sums, Vector conic) {
    const float ga = -0.5f * sums[SUM_KXX], h = -0.5f * sums[SUM_KXY], gc = -0.5f * sums[SUM_KYY];
    const float a = conic.x, b = conic.y, c = conic.z;
    const float y00 = ga * a + h * b, y01 = ga * b + h * c, y10 = h * a + gc * b, y11 = h * b + gc * c;
    Vector d = {-(a * y00 + b * y10), -(a * y01 + b * y11), -(b * y01 + c * y11)};
    if (view.antialiased > 0.0f) {
        const float factor = 0.5f * sums[SUM_K], inverse = fast_reciprocal(fmaxf(e.before, 1e-30f));
        d.x += factor * ((e.yy - LOW_PASS) * inverse - a);
        d.y += factor * (-e.xy * inverse - b);
        d.z += factor * ((e.xx - LOW_PASS) * inverse - c);
    }
    return d;
}

// From dL/d(screen axes V) = dV: dL/d(rotation) = U^T dV, then to the quaternion as stored. The part along it is removed
// (its length does not matter) and the rest divided by the length.
__device__ __forceinline__ void quaternion_gradient(const Ellipse& e, const float* dv, float* out) {
    const float d00 = e.u00 * dv[0] + e.u10 * dv[3], d01 = e.u00 * dv[1] + e.u10 * dv[4];
    const float d02 = e.u00 * dv[2] + e.u10 * dv[5], d10 = e.u01 * dv[0] + e.u11 * dv[3];
    const float d11 = e.u01 * dv[1] + e.u11 * dv[4], d12 = e.u01 * dv[2] + e.u11 * dv[5];
    const float d20 = e.u02 * dv[0] + e.u12 * dv[3], d21 = e.u02 * dv[1] + e.u12 * dv[4];
    const float d22 = e.u02 * dv[2] + e.u12 * dv[5];
    const float w = e.qw, x = e.qx, y = e.qy, z = e.qz;
    const float gw = 2.0f * (-z * d01 + y * d02 + z * d10 - x * d12 - y * d20 + x * d21);
    const float gx = 2.0f * (y * (d01 + d10) + z * (d02 + d20) - 2.0f * x * (d11 + d22) + w * (d21 - d12));
    const float gy = 2.0f * (x * (d01 + d10) + z * (d12 + d21) - 2.0f * y * (d00 + d22) + w * (d02 - d20));
    const float gz = 2.0f * (x * (d02 + d20) + y * (d12 + d21) - 2.0f * z * (d00 + d11) + w * (d10 - d01));
    const float along = gw * w + gx * x + gy * y + gz * z;
    out[0] = (gw - along * w) * e.q_inverse, out[1] = (gx - along * x) * e.q_inverse;
    out[2] = (gy - along * y) * e.q_inverse, out[3] = (gz - along * z) * e.q_inverse;
}

// From dV to the axes' dJ (the gradient of Jacobian times view rotation, undone by both rotations): two rows of three.
__device__ __forceinline__ void jacobian_gradient(const View& view, const Ellipse& e, const float* dv, float* dj) {
    const float* r = view.rotation;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const float a = dv[3 * i], b = dv[3 * i + 1], c = dv[3 * i + 2];
        const float u0 = a * e.r00 + b * e.r01 + c * e.r02;
        const float u1 = a * e.r10 + b * e.r11 + c * e.r12;
        const float u2 = a * e.r20 + b * e.r21 + c * e.r22;
#pragma unroll
        for (int j = 0; j < 3; j++) dj[3 * i + j] = u0 * r[3 * j] + u1 * r[3 * j + 1] + u2 * r[3 * j + 2];
    }
}

// dL/d(mean in camera axes) from that of the position on the screen and of the Jacobian.
__device__ __forceinline__ Vector position_gradient(
    const View& view, const Ellipse& e, float screen_x, float screen_y, const float* dj) {
    const float square = e.inverse_z * e.inverse_z;
    const float across_x = view.fx * square * dj[2], across_y = view.fy * square * dj[5];
    const bool free_x = e.x_slope == e.x_held, free_y = e.y_slope == e.y_held;
    Vector g;
    g.x = screen_x * view.fx * e.inverse_z - (free_x ? across_x : 0.0f);
    g.y = screen_y * view.fy * e.inverse_z - (free_y ? across_y : 0.0f);
    g.z = -(screen_x * view.fx * e.x_slope + screen_y * view.fy * e.y_slope) * e.inverse_z;
    g.z -= (dj[0] * view.fx + dj[4] * view.fy) * square;
    g.z += e.x_held * across_x * (free_x ? 2.0f : 1.0f) + e.y_held * across_y * (free_y ? 2.0f : 1.0f);
    return g;
}

// A Gaussian's terms of dL/d(twist): rotation vector, then translation, in camera axes. Turning the camera moves the mean
// (cross product) and turns the covariance: the antisymmetric part of J^T dJ. They wait in shared memory, a column a
// thread: in registers they would be spilled elsewhere.
__device__ __forceinline__ void pose_terms(
    const View& view, const Ellipse& e, Vector g, const float* dj, float* pose) {
    const float fx = view.fx * e.inverse_z, fy = view.fy * e.inverse_z;
    const float m20 = -e.x_held * fx * dj[0] - e.y_held * fy * dj[3];
    const float m21 = -e.x_held * fx * dj[1] - e.y_held * fy * dj[4];
    pose[0] = e.y * g.z - e.z * g.y + m21 - fy * dj[5];
    pose[1 * THREADS] = e.z * g.x - e.x * g.z + fx * dj[2] - m20;
    pose[2 * THREADS] = e.x * g.y - e.y * g.x + fy * dj[3] - fx * dj[1];
    pose[3 * THREADS] = g.x, pose[4 * THREADS] = g.y, pose[5 * THREADS] = g.z;
}

// Its term of dL/d(log of the focal length): the screen's position and the Jacobian grow with it. Where the slope is
// clamped, to a limit that falls as the focal length grows, the Jacobian's last column stays.
__device__ __forceinline__ float focal_term(
    const View& view, const Ellipse& e, float screen_x, float screen_y, const float* dj) {
    const float last_x = e.x_slope == e.x_held ? dj[2] * e.x_slope : 0.0f;
    const float last_y = e.y_slope == e.y_held ? dj[5] * e.y_slope : 0.0f;
    const float across = screen_x * e.x_slope + e.inverse_z * (dj[0] - last_x);
    const float down = screen_y * e.y_slope + e.inverse_z * (dj[4] - last_y);
    return view.fx * across + view.fy * down;
}

// Let the statistics grow: screen gradients, views, and the largest extent (of the opacity as drawn).
__device__ __forceinline__ void collect(
    float* statistics, size_t stride, const View& view, const Ellipse& e, const float* sums, float sx, float sy,
    float opacity) {
    const float ax = sums[SUM_ABS_X], ay = sums[SUM_ABS_Y];
    const float drawn = view.antialiased > 0.0f ? opacity * fast_root(e.before * fast_reciprocal(e.wider)) : opacity;
    const float reach = 2.0f * logf(fmaxf(255.0f * drawn, 1.0f));
    const float extent = fast_root(reach * fmaxf(e.xx, e.yy)) * fast_reciprocal(fmaxf(view.width, view.height));
    const float screen = statistics[0], absolute = statistics[stride], views = statistics[2 * stride];
    const float largest = statistics[3 * stride];
    statistics[0] = screen + fast_root(sx * sx + sy * sy);
    statistics[stride] = absolute + fast_root(ax * ax + ay * ay);
    statistics[2 * stride] = views + 1.0f;
    statistics[3 * stride] = fmaxf(largest, extent);
}

// Everything for one Gaussian; pointers are to its column.
__device__ __forceinline__ void update_one(
    const Planes& planes, const View& view, const Adam& adam, int flags, const float4* parts, float* statistics,
    float* camera) {
    const float4 part0 = parts[0], part1 = parts[1], part2 = parts[2];
    const float sums[SUMS] = {part0.x, part0.y, part0.z, part0.w, part1.x, part1.y,
                              part1.z, part1.w, part2.x, part2.y, part2.z, part2.w};
    float value[SH], gradient[SH];
#pragma unroll
    for (int row = 0; row < SH; row++) value[row] = planes.params[row * planes.stride];
    const Vector mean = {value[0], value[1], value[2]};
    Ellipse e;
    place(view, mean, e);
    turn(value[QUAT], value[QUAT + 1], value[QUAT + 2], value[QUAT + 3], e);
    e.s0 = expf(value[SCALE]), e.s1 = expf(value[SCALE + 1]), e.s2 = expf(value[SCALE + 2]);
    flatten(view, e);
    const float inverse = fast_reciprocal(e.wider);
    const Vector conic = {e.yy * inverse, -e.xy * inverse, e.xx * inverse};
    const float screen_x = conic.x * sums[SUM_KX] + conic.y * sums[SUM_KY];
    const float screen_y = conic.y * sums[SUM_KX] + conic.z * sums[SUM_KY];
    const float opacity = sigmoid(value[LOGIT]);
    // The sum of k is opacity * dL/d(opacity), whatever antialiasing made of the opacity; 1 - sigmoid(x) = sigmoid(-x),
    // but as a difference it loses digits where a Gaussian is nearly opaque.
    gradient[LOGIT] = (sums[SUM_K] + adam.opacity_pull * opacity) * sigmoid(-value[LOGIT]);
    const Vector d = covariance_gradient(view, e, sums, conic);
    const float e0 = 2.0f * e.s0 * e.s0, e1 = 2.0f * e.s1 * e.s1, e2 = 2.0f * e.s2 * e.s2;
    const float dv[6] = {e0 * (d.x * e.v00 + d.y * e.v10), e1 * (d.x * e.v01 + d.y * e.v11),
                         e2 * (d.x * e.v02 + d.y * e.v12), e0 * (d.y * e.v00 + d.z * e.v10),
                         e1 * (d.y * e.v01 + d.z * e.v11), e2 * (d.y * e.v02 + d.z * e.v12)};
    gradient[SCALE] = dv[0] * e.v00 + dv[3] * e.v10 + adam.scale_pull * e.s0;
    gradient[SCALE + 1] = dv[1] * e.v01 + dv[4] * e.v11 + adam.scale_pull * e.s1;
    gradient[SCALE + 2] = dv[2] * e.v02 + dv[5] * e.v12 + adam.scale_pull * e.s2;
    quaternion_gradient(e, dv, gradient + QUAT);
    float dj[6];
    jacobian_gradient(view, e, dv, dj);
    Vector g = position_gradient(view, e, screen_x, screen_y, dj);
    g.z += sums[SUM_Z];
#if CAMERA
    pose_terms(view, e, g, dj, camera);
    camera[6 * THREADS] = focal_term(view, e, screen_x, screen_y, dj);
#endif
#if COLLECT
    collect(statistics, planes.stride, view, e, sums, screen_x, screen_y, opacity);
#endif
    const float q = adam.quats, s = adam.scales, m = adam.means;
    const float rates[8] = {q, q, q, q, s, s, s, adam.logits}, mean_rates[3] = {m, m, m};
    step_rows<8>(planes, QUAT, rates, value + QUAT, gradient + QUAT);
    const Vector colour = {flags & 2 ? sums[SUM_RED] : 0.0f, flags & 4 ? sums[SUM_GREEN] : 0.0f,
                           flags & 8 ? sums[SUM_BLUE] : 0.0f};
    const Vector towards = step_harmonics(planes, view, adam, mean, colour);
    const float* r = view.rotation;
#if CAMERA
    // The direction of colour depends on the camera's centre only: it adds to the translation.
#pragma unroll
    for (int j = 0; j < 3; j++) {
        camera[(3 + j) * THREADS] += r[3 * j] * towards.x + r[3 * j + 1] * towards.y + r[3 * j + 2] * towards.z;
    }
#endif
    gradient[0] = r[0] * g.x + r[3] * g.y + r[6] * g.z + towards.x;
    gradient[1] = r[1] * g.x + r[4] * g.y + r[7] * g.z + towards.y;
    gradient[2] = r[2] * g.x + r[5] * g.y + r[8] * g.z + towards.z;
    step_rows<3>(planes, MEAN, mean_rates, value, gradient);
}

// camera_partials: seven sums of each block.
extern "C" __global__ void __launch_bounds__(THREADS, 4) update(
    float* __restrict__ params, float* __restrict__ first, float* __restrict__ second, float* __restrict__ statistics,
    int n, View view, Adam adam, const uchar* __restrict__ flags, const float4* __restrict__ sums,
    float* __restrict__ camera_partials) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    const int flag = i < n ? flags[i] : 0;
    float* camera = nullptr;
#if CAMERA
    __shared__ float terms[TERMS * THREADS];
    __shared__ float partials[THREADS / 32][TERMS];
    camera = terms + threadIdx.x;
#pragma unroll
    for (int j = 0; j < TERMS; j++) camera[j * THREADS] = 0.0f;
#endif
    if (flag & 1) {
        const Planes planes = {params + i, first + i, second + i, static_cast<uint>(stride_of(n)), adam.correction};
        update_one(planes, view, adam, flag, sums + 3 * static_cast<size_t>(i), statistics + i, camera);
    }
#if CAMERA
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
    for (int j = 0; j < TERMS; j++) {
        float sum = camera[j * THREADS];
        for (int half = 16; half; half >>= 1) sum += __shfl_xor_sync(FULL_WARP, sum, half);
        if (lane == 0) partials[warp][j] = sum;
    }
    __syncthreads();
    if (threadIdx.x < TERMS) {
        float total = 0.0f;
        for (int other = 0; other < THREADS / 32; other++) total += partials[other][threadIdx.x];
        camera_partials[blockIdx.x * TERMS + threadIdx.x] = total;
    }
#endif
}
