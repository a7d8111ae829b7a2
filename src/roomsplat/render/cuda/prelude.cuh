// What every kernel shares: the view, the record of a projected Gaussian, the rows of the parameters, small helpers.
// Compiled by NVRTC in front of each .cu file, and by g++ in the tests' emulator (tests/emulator), which defines
// EMULATED and the CUDA words that are used here.

typedef unsigned int uint;
typedef unsigned char uchar;

// The array of render/view_array.py, passed by value. World units and px.
struct View {
    float rotation[9], translation[3], fx, fy, cx, cy, center[3], width, height, near;
    float x_low, x_high, y_low, y_high, antialiased, background[3], unused[2];
};

// A projected Gaussian, 48 bytes: three 16-byte loads. alpha = exp2(level - (qa dx^2 + qb dx dy + qc dy^2)) with
// d = pixel centre - (u, v): half the conic times log2(e), and level = log2(opacity).
struct __align__(16) Record {
    float u, v, qa, qb, qc, level, red, green, blue, z, unused[2];
};

// First rows of the parameters in the planar array (rows, n); harmonics: row SH + 3 * coefficient + channel.
enum { MEAN = 0, QUAT = 3, SCALE = 7, LOGIT = 10, SH = 11 };

// A pair's twelve sums over the pixels of its tile. k = alpha * dL/d(alpha) where alpha is not cut, d as above,
// w = weight of the Gaussian in the pixel, g = dL/d(rgb), gz = dL/d(depth).
enum { SUM_K, SUM_KX, SUM_KY, SUM_KXX, SUM_KXY, SUM_KYY, SUM_RED, SUM_GREEN, SUM_BLUE, SUM_Z, SUM_ABS_X, SUM_ABS_Y, SUMS };

#define HIDDEN_KEY 0xffffffffu
#define MIN_LEVEL (-7.9943534f)  // log2(1 / 255)
#define MAX_ALPHA 0.99f
#define MIN_TRANSMITTANCE 1e-4f
#define FULL_WARP 0xffffffffu

// 2^x to about two units in the last place; for x < -126 zero.
__device__ __forceinline__ float fast_exp2(float x) {
#ifdef EMULATED
    return x < -126.0f ? 0.0f : exp2f(x);
#else
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#endif
}

// 1/x to about one unit in the last place.
__device__ __forceinline__ float fast_reciprocal(float x) {
#ifdef EMULATED
    return 1.0f / x;
#else
    float result;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#endif
}

// A Gaussian on one column of pixels: what its exponent has in common there.
struct Column {
    float dx, half, cross, base;  // qa dx, qb dx, qa dx^2 - level
};

// Forward and backward must take the same decisions, so no product here may be contracted by the compiler's choice.
__device__ __forceinline__ Column column_of(float px, float u, float qa, float qb, float level) {
    Column column;
    column.dx = __fsub_rn(px, u);
    column.half = __fmul_rn(qa, column.dx);
    column.cross = __fmul_rn(qb, column.dx);
    column.base = __fmaf_rn(column.half, column.dx, -level);
    return column;
}

// log2 of alpha before it is cut.
__device__ __forceinline__ float level_at(Column column, float dy, float qc) {
    return __fmaf_rn(-__fmaf_rn(qc, dy, column.cross), dy, -column.base);
}
