// Switching between stacks, and the floating-point mode. By hand on x86-64 (2 ns); elsewhere ucontext, which makes a
// system call at each switch.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(EMULATOR_UCONTEXT)
#define EMULATOR_BY_HAND 1
#else
#include <ucontext.h>
#endif

namespace emulator {

#ifdef EMULATOR_BY_HAND

struct Context {
    void* stack_pointer;
};

extern "C" void emulator_exchange(void** keep, void* take);
// Callee-saved registers go to the stack; the rest is the caller's business.
asm(R"(
.text
.local emulator_exchange
.type emulator_exchange, @function
emulator_exchange:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_exchange, .-emulator_exchange
)");

inline void exchange(Context* keep, const Context* take) {
    emulator_exchange(&keep->stack_pointer, take->stack_pointer);
}
[[noreturn]] inline void leave_for(const Context* take) {
    void* ignored;
    emulator_exchange(&ignored, take->stack_pointer);
    __builtin_unreachable();
}
inline void start_context(Context* context, char* low, size_t bytes, void (*run)()) {
    uintptr_t top = ((uintptr_t)low + bytes) & ~(uintptr_t)15;
    void** frame = (void**)top - 8;  // six registers, where to return to, and a word that aligns the stack
    for (int word = 0; word < 8; ++word) frame[word] = nullptr;
    frame[6] = (void*)run;
    context->stack_pointer = frame;
}

#else

struct Context {
    ucontext_t state;
};
inline void exchange(Context* keep, const Context* take) { swapcontext(&keep->state, &take->state); }
[[noreturn]] inline void leave_for(const Context* take) {
    setcontext(&take->state);
    __builtin_unreachable();
}
inline void start_context(Context* context, char* low, size_t bytes, void (*run)()) {
    getcontext(&context->state);
    context->state.uc_stack.ss_sp = low + 16;
    context->state.uc_stack.ss_size = bytes - 16;
    context->state.uc_link = nullptr;
    makecontext(&context->state, run, 0);
}

#endif

// Kernels are compiled with --ftz=true; so are numbers below 2^-126 here.
#if defined(__x86_64__)
inline unsigned flush_denormals() {
    const unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040u);
    return before;
}
inline void restore_denormals(unsigned before) { __builtin_ia32_ldmxcsr(before); }
#else
inline unsigned flush_denormals() { return 0; }
inline void restore_denormals(unsigned) {}
#endif

}  // namespace emulator
