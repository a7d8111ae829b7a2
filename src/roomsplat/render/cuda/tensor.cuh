// Products of small matrices on the tensor cores (compute 8.0 and later), to nearly float32's precision.
//
// C (16 x 8) += A (16 x 8) B (8 x 8) by one warp, operands in tf32 (11 significant bits). With group = lane / 4 and
// rank = lane % 4, a lane holds A at (group, rank), (group + 8, rank), (group, rank + 4), (group + 8, rank + 4); B at
// (rank, group), (rank + 4, group); C at (group, 2 rank), (group, 2 rank + 1) and the same of row group + 8
// (PTX ISA, section "Matrix Fragments for mma.m16n8k8").

__device__ __forceinline__ float leading(float x) { return __uint_as_float(__float_as_uint(x) & 0xffffe000u); }

#ifdef EMULATED
__device__ __forceinline__ void multiply_add(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
    emulated_mma_m16n8k8(c, a, b);
}
#else
__device__ __forceinline__ void multiply_add(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
          "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}
#endif

// A value that the compiler must keep in its register. It would rather make constants anew before each product: five moves
// and selects for each of seven.
__device__ __forceinline__ float kept(float x) {
#ifndef EMULATED
    asm volatile("" : "+f"(x));
#endif
    return x;
}

// A split into its leading 11 bits and what is left of it (the next 11 bits count): 22 bits in two products.
struct Split {
    float high[4], low[4];
};

// `upper` and `lower` are what two rows hold in columns (rank, rank + 4).
__device__ __forceinline__ Split split(float2 upper, float2 lower) {
    const float a[4] = {upper.x, lower.x, upper.y, lower.y};
    Split s;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        s.high[i] = leading(a[i]);
        s.low[i] = a[i] - s.high[i];
    }
    return s;
}
