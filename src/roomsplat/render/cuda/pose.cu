// The camera's gradient: the blocks' partial sums (update.cu) added in float64, in an order that never changes.
#define TWIST 6
#define LANES 32  // of each term

extern "C" __global__ void __launch_bounds__(TWIST * LANES) sum_pose(
    const float* __restrict__ partials, int blocks, double* __restrict__ pose) {
    __shared__ double shared[TWIST * LANES];
    const int thread = threadIdx.x, term = thread % TWIST;
    double total = 0.0;
    for (int block = thread / TWIST; block < blocks; block += LANES) total += partials[block * TWIST + term];
    shared[thread] = total;
    for (int half = LANES / 2; half; half >>= 1) {
        __syncthreads();
        if (thread < half * TWIST) shared[thread] += shared[thread + half * TWIST];
    }
    if (thread < TWIST) pose[thread] = shared[thread];
}
