// A kernel that waits in a loop for what never comes would hang the tests, and one that reaches far outside its arrays
// would end them: a timer and handlers of the processor's own signals end its launch instead.
#pragma once
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

namespace emulator {

// Seconds of the process's own time, so that a busy machine does not matter.
inline void set_timer(double seconds) {
    itimerval value = {};
    value.it_value.tv_sec = (time_t)seconds;
    value.it_value.tv_usec = (suseconds_t)((seconds - (double)value.it_value.tv_sec) * 1e6);
    setitimer(ITIMER_VIRTUAL, &value, nullptr);
}

class Watch {
public:
    // `on_signal` is called on this thread, on a stack of its own (a fiber's is too small).
    Watch(double seconds, void (*on_signal)(int)) {
        static char room[64 << 10];
        stack_t stack = {};
        stack.ss_sp = room;
        stack.ss_size = sizeof(room);
        sigaltstack(&stack, &stack_before_);
        watched_ = pthread_self();
        called_ = on_signal;
        struct sigaction action = {};
        action.sa_handler = forward;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        for (int which = 0; which < SIGNALS; ++which) sigaction(SIGNAL[which], &action, &before_[which]);
        set_timer(seconds);
    }
    ~Watch() {
        set_timer(0);
        for (int which = 0; which < SIGNALS; ++which) sigaction(SIGNAL[which], &before_[which], nullptr);
        sigaltstack(&stack_before_, nullptr);
    }

private:
#ifdef __SANITIZE_ADDRESS__
    static constexpr int SIGNALS = 1;  // the sanitizer tells more of the others
#else
    static constexpr int SIGNALS = 4;
#endif
    static constexpr int SIGNAL[] = {SIGVTALRM, SIGSEGV, SIGBUS, SIGFPE};

    // The timer's signal goes to any thread of the process.
    static void forward(int number) {
        if (pthread_equal(pthread_self(), watched_))
            called_(number);
        else
            pthread_kill(watched_, number);
    }

    static inline pthread_t watched_;
    static inline void (*called_)(int);
    stack_t stack_before_ = {};
    struct sigaction before_[SIGNALS] = {};
};

}  // namespace emulator
