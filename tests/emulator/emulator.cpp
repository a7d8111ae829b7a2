// Runs the threads of a block as fibers on one processor thread. See emulator.h.
//
// Threads that never wait for each other run one after the other on the same stack: a stack is taken only when a
// fiber has to keep one while others run. What is wrong in the kernel ends the launch with a sentence for Python.
#include "emulator.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "context.h"

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
constexpr size_t STACK_BYTES = EMULATOR_STACK_KIB << 10;
constexpr int COLOURS = 61;
constexpr uint64_t CANARY = 0x5afe57acc0ffee11ull;

struct Stack {
    char* low;
    Context context;  // of the fiber that waits on it
};

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
Stack stacks[MAX_THREADS];
int stacks_made, stacks_free;
Stack* free_stack[MAX_THREADS];

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

Fiber* next_ready() {
    if (!ready_count) return nullptr;
    if (launch->order == 2) {
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

Stack* take_stack() {
    if (stacks_free) return free_stack[--stacks_free];
    Stack* const stack = &stacks[stacks_made++];
    void* const memory = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) abort();
    // Stacks whose tops share their low address bits would all fight for the same cache sets.
    stack->low = static_cast<char*>(memory) + (stacks_made % COLOURS) * 64;
    memcpy(stack->low, &CANARY, sizeof(CANARY));
    return stack;
}

void check_stack(const Stack* stack) {
    uint64_t word;
    memcpy(&word, stack->low, sizeof(word));
    if (word != CANARY) {
        fprintf(stderr, "emulator: a thread of %s used more than %d KiB of stack\n", entry->name, EMULATOR_STACK_KIB);
        abort();  // what lay below it is destroyed
    }
}

void describe_deadlock();
void run_fibers();

// Nobody can run: the block has ended, or its threads wait for each other.
[[noreturn]] void stop() {
    if (live_threads) describe_deadlock();
    leave_for(&launcher);
}

void start(Fiber* fiber) {
    fiber->stack = take_stack();
    start_context(&fiber->stack->context, fiber->stack->low, STACK_BYTES - COLOURS * 64, run_fibers);
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
        const int lane = launch->order == 1 ? LANES - 1 - step : step;
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
        const unsigned number = launch->order == 1 ? threads - 1 - step : step;
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
        check_stack(stack);
        Fiber* const next = next_ready();
        if (!next) stop();
        make_current(next);
        if (next->stack) break;
        next->stack = stack;
    }
    free_stack[stacks_free++] = stack;
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
    stacks_free = 0;
    for (int which = stacks_made - 1; which >= 0; --which) free_stack[stacks_free++] = &stacks[which];
    ready_first = ready_count = 0;
    at_barrier = barrier_true = 0;
    for (unsigned step = 0; step < threads; ++step) {
        const unsigned number = launch->order == 1 ? threads - 1 - step : step;
        Fiber& fiber = fibers[number];
        fiber.number = number;
        fiber.index = {number % block_size.x, number / block_size.x % block_size.y,
                       number / (block_size.x * block_size.y)};
        fiber.stack = nullptr;
        barrier_fiber[number] = nullptr;
        make_ready(&fiber);
    }
}

int say(char* text, size_t size, const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int length = vsnprintf(text, size, format, values);
    va_end(values);
    return length < 0 ? 0 : ((size_t)length < size ? length : (int)size - 1);
}

void say_where(char* text, size_t size) {
    say(text, size, " (kernel %s, block %u,%u,%u, thread %u,%u,%u)", entry->name, block_index.x, block_index.y,
        block_index.z, thread_index.x, thread_index.y, thread_index.z);
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

// A kernel that waits in a loop for what never comes would hang the tests: a timer ends its launch.
pthread_t launching;

void set_timer(double seconds) {
    itimerval value = {};
    value.it_value.tv_sec = (time_t)seconds;
    value.it_value.tv_usec = (suseconds_t)((seconds - (double)value.it_value.tv_sec) * 1e6);
    setitimer(ITIMER_VIRTUAL, &value, nullptr);
}

void on_timer(int signal_number) {
    if (!pthread_equal(pthread_self(), launching)) {
        pthread_kill(launching, signal_number);
        return;
    }
    if (!in_block) {  // between two blocks of a launch that goes on: the next one gets what is left
        set_timer(0.01);
        return;
    }
    const int length = say(message, message_size, "a thread spins for %.1f s", launch->seconds);
    say_where(message + length, message_size - (size_t)length);
    failed = true;
    leave_for(&launcher);  // the handler's own stack is left for good; the signal is not blocked (SA_NODEFER)
}

void run_watched() {
    static char handler_stack[64 << 10];
    stack_t alternate = {}, alternate_before;
    alternate.ss_sp = handler_stack;
    alternate.ss_size = sizeof(handler_stack);
    struct sigaction action = {}, action_before;
    action.sa_handler = on_timer;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    launching = pthread_self();
    sigaltstack(&alternate, &alternate_before);
    sigaction(SIGVTALRM, &action, &action_before);
    set_timer(launch->seconds);
    run_blocks();
    set_timer(0);
    sigaction(SIGVTALRM, &action_before, nullptr);
    sigaltstack(&alternate_before, nullptr);
}

}  // namespace

void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int length = vsnprintf(message, message_size, format, values);
    va_end(values);
    if (length >= 0 && (size_t)length < message_size) say_where(message + length, message_size - (size_t)length);
    failed = true;
    leave_for(&launcher);
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
    } else if (meeting.place.line != line || meeting.place.word != word || meeting.place.file != file) {
        if (meeting.place.line != line || strcmp(meeting.place.word, word) || strcmp(meeting.place.file, file))
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
    else if (barrier_place.line != line || strcmp(barrier_place.word, word) || strcmp(barrier_place.file, file))
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
    run_watched();
    restore_denormals(before);
    return failed ? 1 : 0;
}
