// Runs the threads of a block as fibers on one processor thread. See emulator.h.
//
// Threads that never wait for each other run one after the other on the same stack: a stack is taken only when a
// fiber has to keep one while others run. What is wrong in the kernel ends the launch with a sentence for Python.
#include "emulator.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stacks.h"
#include "watch.h"

extern "C" {
extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));
}

namespace emulator {

Index thread_index, block_index, block_size, grid_size;
unsigned thread_number;
constexpr int GUARD = 1024;  // watched bytes behind the block's dynamic shared memory
alignas(128) char dynamic_shared[232448 + GUARD];  // what a block may have on compute 9.0

namespace {

constexpr int MAX_THREADS = 1024, LANES = 32;

struct Fiber {
    Index index;
    unsigned number;
    Stack* stack;  // null until it first runs
    uint64_t result;
};

// Lanes of a warp that have arrived with the same mask.
struct Meeting {
    unsigned mask, arrived;
    Place place;
};

struct Warp {
    unsigned live;
    int meetings;
    Meeting meeting[LANES];
    uint64_t value[LANES];
    unsigned argument[LANES];
};

Fiber fibers[MAX_THREADS];
Warp warps[MAX_THREADS / LANES];
StackPool<MAX_THREADS> pool;

Fiber* ready[MAX_THREADS];  // a ring
unsigned ready_first, ready_count;
Fiber* current;
unsigned threads, live_threads;

// The block's barrier.
unsigned at_barrier, barrier_true;
Place barrier_place;
Fiber* barrier_fiber[MAX_THREADS];

Context launcher;
const Entry* entry;
void** arguments;
const Launch* launch;
char* message;
size_t message_size;
bool failed;
volatile bool in_block;  // a fiber runs: the timer may leave it
uint64_t random_state;

unsigned random_below(unsigned count) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 32) * count >> 32);
}

void make_ready(Fiber* fiber) { ready[(ready_first + ready_count++) % MAX_THREADS] = fiber; }

bool is_eager() { return launch->order == EAGER_ASCENDING || launch->order == EAGER_DESCENDING; }

// Whether threads are made ready from the last to the first. Eager ones are taken from the end of the ring.
bool is_backward() { return launch->order == DESCENDING || launch->order == EAGER_ASCENDING; }

Fiber* next_ready() {
    if (!ready_count) return nullptr;
    if (is_eager()) return ready[(ready_first + --ready_count) % MAX_THREADS];
    if (launch->order == SHUFFLED) {
        Fiber*& chosen = ready[(ready_first + random_below(ready_count)) % MAX_THREADS];
        Fiber* const taken = ready[ready_first];
        ready[ready_first] = chosen;
        chosen = taken;
    }
    Fiber* const fiber = ready[ready_first];
    ready_first = (ready_first + 1) % MAX_THREADS;
    --ready_count;
    return fiber;
}

void make_current(Fiber* fiber) {
    current = fiber;
    thread_index = fiber->index;
    thread_number = fiber->number;
}

void describe_deadlock();
void run_fibers();

// Nobody can run: the block has ended, or its threads wait for each other.
[[noreturn]] void stop() {
    if (live_threads) describe_deadlock();
    leave_for(&launcher);
}

void start(Fiber* fiber) {
    fiber->stack = pool.take();
    start_context(&fiber->stack->context, fiber->stack->low, fiber->stack->bytes, run_fibers);
}

// The current fiber has to wait: go on with another one.
void wait() {
    Stack* const here = current->stack;
    Fiber* const next = next_ready();
    if (!next) stop();
    if (next == current) return;
    if (!next->stack) start(next);
    make_current(next);
    exchange(&here->context, &next->stack->context);
}

uint64_t ballot_of(const Warp& warp, unsigned lanes, uint64_t value) {
    uint64_t result = 0;
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        const int lane = __builtin_ctz(rest);
        if (warp.value[lane] == value) result |= 1u << lane;
    }
    return result;
}

// All lanes of a meeting are there: give each its result, in the order in which they shall run on.
void conclude(unsigned warp_number, int which) {
    Warp& warp = warps[warp_number];
    const Meeting meeting = warp.meeting[which];
    warp.meeting[which] = warp.meeting[--warp.meetings];
    const unsigned lanes = meeting.arrived;
    const uint64_t ballot = meeting.place.kind == BALLOT ? ballot_of(warp, lanes, 1) : 0;
    for (int step = 0; step < LANES; ++step) {
        const int lane = is_backward() ? LANES - 1 - step : step;
        if (!((lanes >> lane) & 1u)) continue;
        Fiber* const fiber = &fibers[warp_number * LANES + lane];
        const unsigned source = warp.argument[lane];
        switch (meeting.place.kind) {
            case WARP_BARRIER: break;
            case SHUFFLE: fiber->result = source < LANES && ((lanes >> source) & 1u) ? warp.value[source] : ~0ull; break;
            case BALLOT: fiber->result = ballot; break;
            case MATCH: fiber->result = ballot_of(warp, lanes, warp.value[lane]); break;
        }
        make_ready(fiber);
    }
}

void open_barrier() {
    for (unsigned step = 0; step < threads; ++step) {
        const unsigned number = is_backward() ? threads - 1 - step : step;
        if (!barrier_fiber[number]) continue;
        barrier_fiber[number]->result = barrier_true | ((uint64_t)at_barrier << 32);
        make_ready(barrier_fiber[number]);
        barrier_fiber[number] = nullptr;
    }
    at_barrier = barrier_true = 0;
}

void end_current() {
    Warp& warp = warps[current->number / LANES];
    warp.live &= ~(1u << (current->number % LANES));
    --live_threads;
    for (int which = warp.meetings - 1; which >= 0; --which)
        if (warp.meeting[which].arrived == (warp.meeting[which].mask & warp.live))
            conclude(current->number / LANES, which);
    if (at_barrier && at_barrier == live_threads) open_barrier();
}

// What runs on a stack: fibers that have not begun, until one that has must go on elsewhere.
void run_fibers() {
    Stack* const stack = current->stack;
    for (;;) {
        entry->invoke(arguments);
        end_current();
        stack->check(entry->name);
        Fiber* const next = next_ready();
        if (!next) stop();
        make_current(next);
        if (next->stack) break;
        next->stack = stack;
    }
    pool.give_back(stack);
    leave_for(&current->stack->context);
}

void begin_block() {
    const size_t fixed = (size_t)(__stop_emulated_shared - __start_emulated_shared);
    if (fixed) memset(__start_emulated_shared, 0xff, fixed);
    memset(dynamic_shared, 0xff, launch->shared_bytes + GUARD);
    threads = live_threads = launch->block[0] * launch->block[1] * launch->block[2];
    for (unsigned number = 0; number < threads; number += LANES) {
        Warp& warp = warps[number / LANES];
        const unsigned lanes = threads - number < LANES ? threads - number : LANES;
        warp.live = lanes == LANES ? ~0u : (1u << lanes) - 1;
        warp.meetings = 0;
    }
    // The last fiber of a block leaves without giving its stack back, and so do those of a launch that failed.
    pool.take_all_back();
    ready_first = ready_count = 0;
    at_barrier = barrier_true = 0;
    for (unsigned step = 0; step < threads; ++step) {
        const unsigned number = is_backward() ? threads - 1 - step : step;
        Fiber& fiber = fibers[number];
        fiber.number = number;
        fiber.index = {number % block_size.x, number / block_size.x % block_size.y,
                       number / (block_size.x * block_size.y)};
        fiber.stack = nullptr;
        barrier_fiber[number] = nullptr;
        make_ready(&fiber);
    }
}

int say(char* text, size_t size, const char* format, va_list values) {
    const int length = vsnprintf(text, size, format, values);
    return length < 0 ? 0 : ((size_t)length < size ? length : (int)size - 1);
}

int say(char* text, size_t size, const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int length = say(text, size, format, values);
    va_end(values);
    return length;
}

// Behind the sentence of that length: who was running. The launch ends.
[[noreturn]] void stop_here(int length) {
    say(message + length, message_size - (size_t)length, " (kernel %s, block %u,%u,%u, thread %u,%u,%u)", entry->name,
        block_index.x, block_index.y, block_index.z, thread_index.x, thread_index.y, thread_index.z);
    failed = true;
    leave_for(&launcher);
}

void describe_deadlock() {
    size_t used = say(message, message_size, "%s, block %u,%u,%u: threads wait for each other for ever:", entry->name,
                      block_index.x, block_index.y, block_index.z);
    for (unsigned number = 0; number < threads; number += LANES) {
        const Warp& warp = warps[number / LANES];
        for (int which = 0; which < warp.meetings; ++which) {
            const Meeting& meeting = warp.meeting[which];
            used += say(message + used, message_size - used, " [warp %u: lanes %08x at %s %s:%d with mask %08x]",
                        number / LANES, meeting.arrived, meeting.place.word, meeting.place.file, meeting.place.line,
                        meeting.mask);
        }
    }
    if (at_barrier)
        used += say(message + used, message_size - used, " [%u of %u live threads at %s %s:%d]", at_barrier,
                    live_threads, barrier_place.word, barrier_place.file, barrier_place.line);
    failed = true;
}

void check_guard() {
    for (int at = 0; at < GUARD; ++at)
        if (dynamic_shared[launch->shared_bytes + at] != '\xff') {
            failed = true;
            say(message, message_size, "%s, block %u,%u,%u wrote %d bytes beyond its %u bytes of dynamic shared memory",
                entry->name, block_index.x, block_index.y, block_index.z, at, launch->shared_bytes);
            return;
        }
}

void run_blocks() {
    for (unsigned z = 0; z < grid_size.z; ++z)
        for (unsigned y = 0; y < grid_size.y; ++y)
            for (unsigned x = 0; x < grid_size.x; ++x) {
                block_index = {x, y, z};
                begin_block();
                Fiber* const first = next_ready();
                start(first);
                make_current(first);
                in_block = true;
                exchange(&launcher, &first->stack->context);
                in_block = false;
                if (!failed) check_guard();
                if (failed) return;
            }
}

bool is_at(const Place& place, const char* word, const char* file, int line) {
    return place.line == line && (place.word == word || !strcmp(place.word, word)) &&
           (place.file == file || !strcmp(place.file, file));
}

// On the launching thread, when a launch has taken too long or has done what the processor refuses.
void give_up(int signal) {
    if (!in_block) {  // between two blocks: let the next one begin
        if (signal != SIGVTALRM) abort();
        set_timer(0.01);
        return;
    }
    const char* const what = signal == SIGVTALRM ? "a thread spins"
                             : signal == SIGFPE  ? "a thread divides an integer by zero"
                                                 : "a thread reaches far outside its arrays";
    stop_here(say(message, message_size, "%s", what));
    // The handler's own stack is left for good; the signal is not blocked (SA_NODEFER).
}

}  // namespace

void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int length = say(message, message_size, format, values);
    va_end(values);
    stop_here(length);
}

uint64_t together(Kind kind, unsigned mask, uint64_t value, unsigned argument, const char* word, const char* file,
                  int line) {
    const unsigned lane = current->number % LANES, bit = 1u << lane;
    Warp& warp = warps[current->number / LANES];
    if (!(mask & bit)) fail("%s at %s:%d: lane %u is not in its own mask %08x", word, file, line, lane, mask);
    int which = 0;
    while (which < warp.meetings && warp.meeting[which].mask != mask) ++which;
    Meeting& meeting = warp.meeting[which];
    if (which == warp.meetings) {
        ++warp.meetings;
        meeting.mask = mask;
        meeting.arrived = 0;
        meeting.place = {kind, word, file, line};
    } else if (!is_at(meeting.place, word, file, line)) {
        fail("lanes of mask %08x have parted: %s at %s:%d, but lanes %08x are at %s %s:%d", mask, word, file, line,
             meeting.arrived, meeting.place.word, meeting.place.file, meeting.place.line);
    }
    warp.value[lane] = value;
    warp.argument[lane] = argument;
    meeting.arrived |= bit;
    Fiber* const self = current;
    if (meeting.arrived == (mask & warp.live)) conclude(self->number / LANES, which);
    wait();
    return self->result;
}

int block_barrier(int predicate, Vote vote, const char* word, const char* file, int line) {
    if (!at_barrier)
        barrier_place = {WARP_BARRIER, word, file, line};
    else if (!is_at(barrier_place, word, file, line))
        fail("threads of the block are at different barriers: %s at %s:%d and %s at %s:%d", word, file, line,
             barrier_place.word, barrier_place.file, barrier_place.line);
    Fiber* const self = current;
    barrier_fiber[self->number] = self;
    barrier_true += predicate != 0;
    if (++at_barrier == live_threads) open_barrier();
    wait();
    const unsigned held = (unsigned)self->result, all = (unsigned)(self->result >> 32);
    return vote == COUNT ? (int)held : vote == AND ? held == all : held != 0;
}

}  // namespace emulator

// 0, or 1 with a sentence in `text`.
extern "C" __attribute__((visibility("default"))) int emulator_launch(const emulator::Entry* entry,
                                                                      const emulator::Launch* launch, void** arguments,
                                                                      char* text, uint64_t size) {
    using namespace emulator;
    emulator::entry = entry;
    emulator::launch = launch;
    emulator::arguments = arguments;
    message = text;
    message_size = size;
    failed = false;
    random_state = launch->seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
    if (!random_state) random_state = 1;
    grid_size = {launch->grid[0], launch->grid[1], launch->grid[2]};
    block_size = {launch->block[0], launch->block[1], launch->block[2]};
    const unsigned before = flush_denormals();
    {
        const Watch watch(launch->seconds, give_up);
        run_blocks();
    }
    restore_denormals(before);
    return failed ? 1 : 0;
}
