// Real spherical harmonics up to degree 3 (Condon-Shortley phase, order -l ... l, as splat files have them), with their
// slopes. k is known when the loop around is unrolled, so that only one case remains and common products are shared.

#define COEFFICIENTS ((DEGREE + 1) * (DEGREE + 1))
#define C0 0.28209479177387814f   // sqrt(1 / (4 pi))
#define C1 0.4886025119029199f    // sqrt(3 / (4 pi))
#define C2A 1.0925484305920792f   // sqrt(15 / (4 pi))
#define C2B 0.31539156525252005f  // sqrt(5 / (16 pi))
#define C2C 0.5462742152960396f   // sqrt(15 / (16 pi))
#define C3A 0.5900435899266435f   // sqrt(35 / (32 pi))
#define C3B 2.890611442640554f    // sqrt(105 / (4 pi))
#define C3C 0.4570457994644658f   // sqrt(21 / (32 pi))
#define C3D 0.3731763325901154f   // sqrt(7 / (16 pi))
#define C3E 1.445305721320277f    // sqrt(105 / (16 pi))

// Value of the k-th function in the unit direction (x, y, z).
__device__ __forceinline__ float harmonic(int k, float x, float y, float z) {
    const float xx = x * x, yy = y * y, zz = z * z;
    switch (k) {
        case 0: return C0;
        case 1: return -C1 * y;
        case 2: return C1 * z;
        case 3: return -C1 * x;
        case 4: return C2A * x * y;
        case 5: return -C2A * y * z;
        case 6: return C2B * (2.0f * zz - xx - yy);
        case 7: return -C2A * x * z;
        case 8: return C2C * (xx - yy);
        case 9: return -C3A * y * (3.0f * xx - yy);
        case 10: return C3B * x * y * z;
        case 11: return -C3C * y * (4.0f * zz - xx - yy);
        case 12: return C3D * z * (2.0f * zz - 3.0f * xx - 3.0f * yy);
        case 13: return -C3C * x * (4.0f * zz - xx - yy);
        case 14: return C3E * z * (xx - yy);
        default: return -C3A * x * (xx - 3.0f * yy);
    }
}

// Its derivatives by x, y and z.
__device__ __forceinline__ Vector harmonic_slope(int k, float x, float y, float z) {
    const float xx = x * x, yy = y * y, zz = z * z;
    switch (k) {
        case 0: return {0.0f, 0.0f, 0.0f};
        case 1: return {0.0f, -C1, 0.0f};
        case 2: return {0.0f, 0.0f, C1};
        case 3: return {-C1, 0.0f, 0.0f};
        case 4: return {C2A * y, C2A * x, 0.0f};
        case 5: return {0.0f, -C2A * z, -C2A * y};
        case 6: return {-2.0f * C2B * x, -2.0f * C2B * y, 4.0f * C2B * z};
        case 7: return {-C2A * z, 0.0f, -C2A * x};
        case 8: return {2.0f * C2C * x, -2.0f * C2C * y, 0.0f};
        case 9: return {-6.0f * C3A * x * y, -3.0f * C3A * (xx - yy), 0.0f};
        case 10: return {C3B * y * z, C3B * x * z, C3B * x * y};
        case 11: return {2.0f * C3C * x * y, -C3C * (4.0f * zz - xx - 3.0f * yy), -8.0f * C3C * y * z};
        case 12: return {-6.0f * C3D * x * z, -6.0f * C3D * y * z, C3D * (6.0f * zz - 3.0f * xx - 3.0f * yy)};
        case 13: return {-C3C * (4.0f * zz - 3.0f * xx - yy), 2.0f * C3C * x * y, -8.0f * C3C * x * z};
        case 14: return {2.0f * C3E * x * z, -2.0f * C3E * y * z, C3E * (xx - yy)};
        default: return {-3.0f * C3A * (xx - yy), 6.0f * C3A * x * y, 0.0f};
    }
}
