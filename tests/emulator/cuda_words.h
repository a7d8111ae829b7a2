// The CUDA words that kernels may use, for g++. A word that is missing here: add it, in the same style.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "emulator.h"

#define EMULATED 1
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __ldg(pointer) (*(pointer))
// Static storage in a section of its own, which is filled with not-a-number before every block.
#define __shared__ static __attribute__((section("emulated_shared")))

#define threadIdx emulator::thread_index
#define blockIdx emulator::block_index
#define blockDim emulator::block_size
#define gridDim emulator::grid_size
static const int warpSize = 32;

// ------------------------------------------------------------------------------------------------------- vectors

#define EMULATED_VECTOR(T, name, bytes1, bytes2, bytes4)                                  \
    struct name##1 { T x; };                                                                 \
    struct __align__(bytes2) name##2 { T x, y; };                                             \
    struct name##3 { T x, y, z; };                                                            \
    struct __align__(bytes4) name##4 { T x, y, z, w; };                                       \
    inline name##1 make_##name##1(T x) { return {x}; }                                        \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                        \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMULATED_VECTOR(float, float, 4, 8, 16)
EMULATED_VECTOR(int, int, 4, 8, 16)
EMULATED_VECTOR(unsigned, uint, 4, 8, 16)
EMULATED_VECTOR(unsigned char, uchar, 1, 2, 4)
EMULATED_VECTOR(signed char, char, 1, 2, 4)
EMULATED_VECTOR(unsigned short, ushort, 2, 4, 8)
EMULATED_VECTOR(short, short, 2, 4, 8)
EMULATED_VECTOR(double, double, 8, 16, 16)
EMULATED_VECTOR(unsigned long long, ulonglong, 8, 16, 16)
EMULATED_VECTOR(long long, longlong, 8, 16, 16)

// ------------------------------------------------------------------------------------------------------- numbers

template <class To, class From>
inline To emulated_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "");
    To to;
    memcpy(&to, &from, sizeof(to));
    return to;
}
inline unsigned __float_as_uint(float x) { return emulated_bits<unsigned>(x); }
inline int __float_as_int(float x) { return emulated_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return emulated_bits<float>(x); }
inline float __int_as_float(int x) { return emulated_bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulated_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulated_bits<double>(x); }

inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float a) { return expf(a); }
inline float __logf(float a) { return logf(a); }
inline float __log2f(float a) { return log2f(a); }
inline float __powf(float a, float b) { return powf(a, b); }
inline float __saturatef(float a) { return a > 0.0f ? (a < 1.0f ? a : 1.0f) : 0.0f; }
inline float rsqrtf(float a) { return 1.0f / sqrtf(a); }
inline double rsqrt(double a) { return 1.0 / sqrt(a); }
inline int __float2int_rn(float a) { return (int)rintf(a); }
inline int __float2int_rd(float a) { return (int)floorf(a); }
inline int __float2int_ru(float a) { return (int)ceilf(a); }
inline int __float2int_rz(float a) { return (int)a; }
inline unsigned __float2uint_rn(float a) { return (unsigned)rintf(a); }
inline float __int2float_rn(int a) { return (float)a; }
inline float __uint2float_rn(unsigned a) { return (float)a; }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int bit = 0; bit < 32; ++bit) reversed |= ((x >> bit) & 1u) << (31 - bit);
    return reversed;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return (unsigned)((((uint64_t)high << 32) | low) >> (shift & 31));
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    const uint64_t both = ((uint64_t)b << 32) | a;
    unsigned result = 0;
    for (int byte = 0; byte < 4; ++byte)
        result |= (unsigned)((both >> (8 * ((selector >> (4 * byte)) & 7))) & 255u) << (8 * byte);
    return result;
}

#define EMULATED_MIN_MAX(T)                             \
    inline T min(T a, T b) { return b < a ? b : a; } \
    inline T max(T a, T b) { return a < b ? b : a; }
EMULATED_MIN_MAX(int)
EMULATED_MIN_MAX(unsigned)
EMULATED_MIN_MAX(long long)
EMULATED_MIN_MAX(unsigned long long)
inline unsigned min(int a, unsigned b) { return min((unsigned)a, b); }
inline unsigned min(unsigned a, int b) { return min(a, (unsigned)b); }
inline unsigned max(int a, unsigned b) { return max((unsigned)a, b); }
inline unsigned max(unsigned a, int b) { return max(a, (unsigned)b); }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// -------------------------------------------------------------------------------------- threads among themselves

#define EMULATED_WHERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(EMULATED_WHERE) {
    emulator::block_barrier(0, emulator::COUNT, "__syncthreads", file, line);
}
inline int __syncthreads_count(int predicate, EMULATED_WHERE) {
    return emulator::block_barrier(predicate, emulator::COUNT, "__syncthreads_count", file, line);
}
inline int __syncthreads_and(int predicate, EMULATED_WHERE) {
    return emulator::block_barrier(predicate, emulator::AND, "__syncthreads_and", file, line);
}
inline int __syncthreads_or(int predicate, EMULATED_WHERE) {
    return emulator::block_barrier(predicate, emulator::OR, "__syncthreads_or", file, line);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATED_WHERE) {
    emulator::together(emulator::WARP_BARRIER, mask, 0, 0, "__syncwarp", file, line);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATED_WHERE) {
    return (unsigned)emulator::together(emulator::BALLOT, mask, predicate != 0, 0, "__ballot_sync", file, line);
}
inline int __any_sync(unsigned mask, int predicate, EMULATED_WHERE) {
    return emulator::together(emulator::BALLOT, mask, predicate != 0, 0, "__any_sync", file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EMULATED_WHERE) {
    return emulator::together(emulator::BALLOT, mask, predicate == 0, 0, "__all_sync", file, line) == 0;
}

template <class T>
inline uint64_t emulated_payload(T value) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "warps exchange numbers of 4 and 8 bytes");
    uint64_t payload = 0;
    memcpy(&payload, &value, sizeof(T));
    return payload;
}
template <class T>
inline T emulated_shuffle(unsigned mask, T value, int source, const char* word, const char* file, int line) {
    const uint64_t got = emulator::together(emulator::SHUFFLE, mask, emulated_payload(value), (unsigned)source, word,
                                            file, line);
    T result;
    memcpy(&result, &got, sizeof(T));
    return result;
}
inline int emulated_lane() { return (int)(emulator::thread_number & 31u); }

template <class T>
inline unsigned __match_any_sync(unsigned mask, T value, EMULATED_WHERE) {
    return (unsigned)emulator::together(emulator::MATCH, mask, emulated_payload(value), 0, "__match_any_sync", file,
                                        line);
}
template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATED_WHERE) {
    const int first = emulated_lane() & ~(width - 1);
    return emulated_shuffle(mask, value, first | (source & (width - 1)), "__shfl_sync", file, line);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, EMULATED_WHERE) {
    const int lane = emulated_lane(), source = lane ^ bits, last = lane | (width - 1);
    return emulated_shuffle(mask, value, source > last ? lane : source, "__shfl_xor_sync", file, line);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATED_WHERE) {
    const int lane = emulated_lane(), source = lane - (int)delta, first = lane & ~(width - 1);
    return emulated_shuffle(mask, value, source < first ? lane : source, "__shfl_up_sync", file, line);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMULATED_WHERE) {
    const int lane = emulated_lane(), source = lane + (int)delta, last = lane | (width - 1);
    return emulated_shuffle(mask, value, source > last ? lane : source, "__shfl_down_sync", file, line);
}

inline void __threadfence() { asm volatile("" ::: "memory"); }
inline void __threadfence_block() { asm volatile("" ::: "memory"); }
inline void __nanosleep(unsigned) { asm volatile("" ::: "memory"); }
[[noreturn]] inline void __trap() { emulator::fail("__trap()"); }

template <class T>
constexpr bool emulated_is_float = (T)0.5f != (T)0;
#define EMULATED_ATOMIC(name, expression)                            \
    template <class T, class V>                                     \
    inline T name(T* address, V given) {                            \
        static_assert(!emulated_is_float<T>, "no float atomics: their order shows in the result"); \
        volatile T* place = address;                                \
        const T before = *place, value = (T)given;                  \
        *place = (T)(expression);                                   \
        return before;                                              \
    }
EMULATED_ATOMIC(atomicAdd, before + value)
EMULATED_ATOMIC(atomicSub, before - value)
EMULATED_ATOMIC(atomicMin, value < before ? value : before)
EMULATED_ATOMIC(atomicMax, value > before ? value : before)
EMULATED_ATOMIC(atomicAnd, before& value)
EMULATED_ATOMIC(atomicOr, before | value)
EMULATED_ATOMIC(atomicXor, before ^ value)
EMULATED_ATOMIC(atomicExch, value)
EMULATED_ATOMIC(atomicInc, before >= value ? 0 : before + 1)
template <class T, class V, class W>
inline T atomicCAS(T* address, V expected, W wanted) {
    volatile T* place = address;
    const T before = *place;
    if (before == (T)expected) *place = (T)wanted;
    return before;
}
