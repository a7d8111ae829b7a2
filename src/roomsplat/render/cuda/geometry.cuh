// From a Gaussian in the world to its ellipse on the screen: the steps that project.cu and update.cu share.
// EWA splatting (Zwicker et al. 2001) as in Kerbl et al. 2023, section 4. Parameters lie in planes, see layout.py.

#define LOW_PASS 0.3f         // px^2, on the diagonal of the covariance
#define MIN_OPACITY (1.01f / 255.0f)
#define MAX_VARIANCE 1e12f    // px^2; more, and float32 runs out in the determinant
#define FINITE 1e30f
#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f

struct Vector { float x, y, z; };

// 1/x to half a unit in the last place, but for the largest and smallest x. An exact division has a slow path, which is
// a call: loads do not move across it, and each such place would wait for memory on its own. (Newton's step.)
__device__ __forceinline__ float reciprocal(float x) {
    const float guess = fast_reciprocal(x);
    return __fmaf_rn(guess, __fmaf_rn(-x, guess, 1.0f), guess);
}

// The square root to about three units in the last place, without a call.
__device__ __forceinline__ float fast_root(float x) { return x * rsqrtf(fmaxf(x, 1e-37f)); }

// Floats from one plane of n Gaussians to the next (layout.py: stride_of).
__device__ __forceinline__ int stride_of(int n) { return (n + 31) & ~31; }

// A Gaussian's shape and its way to the screen.
struct Ellipse {
    float x, y, z, inverse_z;              // mean in camera axes
    float x_slope, y_slope;                // x/z, y/z
    float x_held, y_held;                  // the same within the limits of the linear projection
    float qw, qx, qy, qz, q_inverse;       // unit quaternion, 1 / length as stored
    float r00, r01, r02, r10, r11, r12, r20, r21, r22;  // its matrix
    float s0, s1, s2;                      // scales
    float u00, u01, u02, u10, u11, u12;    // Jacobian times the view's rotation: world to screen
    float v00, v01, v02, v10, v11, v12;    // the Gaussian's own axes on the screen
    float xx, xy, yy, wider;               // covariance in px^2 after the low-pass, and its determinant
    float before;                          // the determinant before it
};

// The mean in camera axes; whether it is near enough to the picture for a linear projection.
__device__ __forceinline__ bool place(const View& view, Vector mean, Ellipse& e) {
    e.x = view.rotation[0] * mean.x + view.rotation[1] * mean.y + view.rotation[2] * mean.z + view.translation[0];
    e.y = view.rotation[3] * mean.x + view.rotation[4] * mean.y + view.rotation[5] * mean.z + view.translation[1];
    e.z = view.rotation[6] * mean.x + view.rotation[7] * mean.y + view.rotation[8] * mean.z + view.translation[2];
    e.inverse_z = reciprocal(e.z);
    e.x_slope = e.x * e.inverse_z;
    e.y_slope = e.y * e.inverse_z;
    e.x_held = fminf(fmaxf(e.x_slope, view.x_low), view.x_high);
    e.y_held = fminf(fmaxf(e.y_slope, view.y_low), view.y_high);
    return e.z > view.near && e.x_slope > 2.0f * view.x_low && e.x_slope < 2.0f * view.x_high &&
           e.y_slope > 2.0f * view.y_low && e.y_slope < 2.0f * view.y_high;
}

// Quaternion (wxyz as stored) to the unit one and its matrix.
__device__ __forceinline__ void turn(float w, float x, float y, float z, Ellipse& e) {
    e.q_inverse = rsqrtf(w * w + x * x + y * y + z * z);
    w *= e.q_inverse, x *= e.q_inverse, y *= e.q_inverse, z *= e.q_inverse;
    e.qw = w, e.qx = x, e.qy = y, e.qz = z;
    e.r00 = 1.0f - 2.0f * (y * y + z * z), e.r01 = 2.0f * (x * y - w * z), e.r02 = 2.0f * (x * z + w * y);
    e.r10 = 2.0f * (x * y + w * z), e.r11 = 1.0f - 2.0f * (x * x + z * z), e.r12 = 2.0f * (y * z - w * x);
    e.r20 = 2.0f * (x * z - w * y), e.r21 = 2.0f * (y * z + w * x), e.r22 = 1.0f - 2.0f * (x * x + y * y);
}

// Covariance on the screen. Its determinant is the squared length of a cross product (Cauchy-Binet): xx * yy - xy^2
// would lose all digits on a Gaussian that is long and thin.
__device__ __forceinline__ void flatten(const View& view, Ellipse& e) {
    const float* r = view.rotation;
    const float j0 = view.fx * e.inverse_z, j2 = -view.fx * e.x_held * e.inverse_z;
    const float k1 = view.fy * e.inverse_z, k2 = -view.fy * e.y_held * e.inverse_z;
    e.u00 = j0 * r[0] + j2 * r[6], e.u01 = j0 * r[1] + j2 * r[7], e.u02 = j0 * r[2] + j2 * r[8];
    e.u10 = k1 * r[3] + k2 * r[6], e.u11 = k1 * r[4] + k2 * r[7], e.u12 = k1 * r[5] + k2 * r[8];
    e.v00 = e.u00 * e.r00 + e.u01 * e.r10 + e.u02 * e.r20;
    e.v01 = e.u00 * e.r01 + e.u01 * e.r11 + e.u02 * e.r21;
    e.v02 = e.u00 * e.r02 + e.u01 * e.r12 + e.u02 * e.r22;
    e.v10 = e.u10 * e.r00 + e.u11 * e.r10 + e.u12 * e.r20;
    e.v11 = e.u10 * e.r01 + e.u11 * e.r11 + e.u12 * e.r21;
    e.v12 = e.u10 * e.r02 + e.u11 * e.r12 + e.u12 * e.r22;
    const float a0 = e.v00 * e.s0, a1 = e.v01 * e.s1, a2 = e.v02 * e.s2;
    const float b0 = e.v10 * e.s0, b1 = e.v11 * e.s1, b2 = e.v12 * e.s2;
    const float n0 = a1 * b2 - a2 * b1, n1 = a2 * b0 - a0 * b2, n2 = a0 * b1 - a1 * b0;
    const float xx = a0 * a0 + a1 * a1 + a2 * a2, yy = b0 * b0 + b1 * b1 + b2 * b2;
    e.xy = a0 * b0 + a1 * b1 + a2 * b2;
    e.before = n0 * n0 + n1 * n1 + n2 * n2;
    e.wider = e.before + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS;
    e.xx = xx + LOW_PASS, e.yy = yy + LOW_PASS;
}

__device__ __forceinline__ float sigmoid(float x) { return fast_reciprocal(1.0f + expf(-x)); }

// Unit direction from the camera's centre to a mean; returns 1 / distance.
__device__ __forceinline__ float direction_to(const View& view, Vector mean, Vector& d) {
    d.x = mean.x - view.center[0], d.y = mean.y - view.center[1], d.z = mean.z - view.center[2];
    const float inverse = rsqrtf(d.x * d.x + d.y * d.y + d.z * d.z);
    d.x *= inverse, d.y *= inverse, d.z *= inverse;
    return inverse;
}
