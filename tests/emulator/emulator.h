// The emulator's side that kernels call: one block at a time, every CUDA thread a fiber with its own stack.
// A fiber runs until it needs the others (a barrier, a shuffle) and then hands the processor to the next one.
#pragma once
#include <stdint.h>

namespace emulator {

struct Index {
    unsigned x, y, z;
};

// What a warp's lanes do together, and where in the source: lanes that meet must be at the same place.
enum Kind { WARP_BARRIER, SHUFFLE, BALLOT, MATCH };

struct Place {
    Kind kind;
    const char* word;
    const char* file;
    int line;
};

extern Index thread_index, block_index, block_size, grid_size;
extern unsigned thread_number;  // within the block; the warp is this over 32
extern char dynamic_shared[];

// Wait for all lanes of the mask. SHUFFLE: the value of the lane `argument`; a lane that does not take part has all
// bits set (not a number). BALLOT: bits of the lanes whose value is not 0. MATCH: bits of the lanes of equal value.
uint64_t together(Kind kind, unsigned mask, uint64_t value, unsigned argument, const char* word, const char* file,
                  int line);

enum Vote { COUNT, AND, OR };

// Wait for all threads of the block that have not returned, and count those whose predicate holds.
int block_barrier(int predicate, Vote vote, const char* word, const char* file, int line);

[[noreturn]] void fail(const char* format, ...);

// A kernel's parameter as the launcher checks it. letter: p pointer, i u f b number, s struct.
struct Parameter {
    char letter;
    int size, align;
    char pointee;  // of a pointer: letter of what it points to; ' ' for none
    int pointee_size, pointee_align, writable;
};

struct Entry {
    const char* name;
    int count;
    const Parameter* parameters;
    void (*invoke)(void** arguments);
};

// In which order threads run that could. Eager: a warp runs on as far as it can before another one has its turn.
enum Order { ASCENDING, DESCENDING, EAGER_ASCENDING, EAGER_DESCENDING, SHUFFLED };

struct Launch {
    unsigned grid[3], block[3], shared_bytes;
    int order;
    uint64_t seed;
    double seconds;  // a launch that takes longer is stopped: it spins
};

}  // namespace emulator
