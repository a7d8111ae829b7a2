// The camera's gradient: the blocks' partial sums (update.cu) added in float64, in an order that never changes.
#define TERMS 7  // a twist and the focal length's logarithm
#define LANES 32  // of each term

extern "C" __global__ void __launch_bounds__(TERMS * LANES) sum_camera(
    const float* __restrict__ partials, int blocks, double* __restrict__ camera) {
    __shared__ double shared[TERMS * LANES];
    const int thread = threadIdx.x, term = thread % TERMS;
    double total = 0.0;
    for (int block = thread / TERMS; block < blocks; block += LANES) total += partials[block * TERMS + term];
    shared[thread] = total;
    for (int half = LANES / 2; half; half >>= 1) {
        __syncthreads();
        if (thread < half * TERMS) shared[thread] += shared[thread + half * TERMS];
    }
    if (thread < TERMS) camera[thread] = shared[thread];
}
