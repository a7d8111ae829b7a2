// The fibers' stacks: small, made once, used again.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "context.h"

namespace emulator {

constexpr size_t STACK_BYTES = EMULATOR_STACK_KIB << 10;
constexpr int COLOURS = 61;
constexpr uint64_t CANARY = 0x5afe57acc0ffee11ull;

struct Stack {
    char* low;
    size_t bytes;
    Context context;  // of the fiber that waits on it

    void check(const char* user) const {
        uint64_t word;
        memcpy(&word, low, sizeof(word));
        if (word == CANARY) return;
        fprintf(stderr, "emulator: a thread of %s used more than %d KiB of stack\n", user, EMULATOR_STACK_KIB);
        abort();  // what lay below it is destroyed
    }
};

template <int MOST>
class StackPool {
public:
    Stack* take() {
        if (free_) return unused_[--free_];
        Stack* const stack = &stacks_[made_++];
        void* const memory = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) abort();
        // Stacks whose tops share their low address bits would all fight for the same cache sets.
        stack->low = static_cast<char*>(memory) + (made_ % COLOURS) * 64;
        stack->bytes = STACK_BYTES - COLOURS * 64;
        memcpy(stack->low, &CANARY, sizeof(CANARY));
        return stack;
    }
    void give_back(Stack* stack) { unused_[free_++] = stack; }
    void take_all_back() {
        free_ = 0;
        for (int which = made_ - 1; which >= 0; --which) unused_[free_++] = &stacks_[which];
    }

private:
    Stack stacks_[MOST];
    Stack* unused_[MOST];
    int made_ = 0, free_ = 0;
};

}  // namespace emulator
