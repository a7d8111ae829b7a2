// A picture at another size: one pass along one axis (ACROSS 1 or 0), in whole numbers, see resampling.py.
//
// A thread makes one new pixel: at a half of 1076x1915 that is 13 bytes read across and 13 down for each, from cache.
// Once per picture and level, so nothing more is done for speed.

#define FRACTION_BITS 22

// Grid: new pixels of a row, new rows, channels. `firsts` and `weights` (`taps` each) go with the axis's new places.
extern "C" __global__ void resample(
    const uchar* __restrict__ planes, const int* __restrict__ firsts, const int* __restrict__ weights, int taps,
    int old_width, int old_height, int width, uchar* __restrict__ out
) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y, channel = blockIdx.z;
    if (x >= width) return;
#if ACROSS
    int place = x, step = 1, start = (channel * old_height + y) * old_width + firsts[x];
#else
    int place = y, step = old_width, start = (channel * old_height + firsts[y]) * old_width + x;
#endif
    int sum = 1 << (FRACTION_BITS - 1);
    for (int tap = 0; tap < taps; tap++) sum += weights[place * taps + tap] * (int)planes[start + tap * step];
    out[(channel * gridDim.y + y) * width + x] = (uchar)min(max(sum >> FRACTION_BITS, 0), 255);
}
