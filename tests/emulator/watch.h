// A kernel that waits in a loop for what never comes would hang the tests: a timer ends its launch.
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
    // `on_timer` is called on this thread, on a stack of its own (a fiber's is too small), when the time is over.
    Watch(double seconds, void (*on_timer)(int)) {
        static char room[64 << 10];
        stack_t stack = {};
        stack.ss_sp = room;
        stack.ss_size = sizeof(room);
        sigaltstack(&stack, &stack_before_);
        watched_ = pthread_self();
        called_ = on_timer;
        struct sigaction action = {};
        action.sa_handler = forward;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(SIGVTALRM, &action, &action_before_);
        set_timer(seconds);
    }
    ~Watch() {
        set_timer(0);
        sigaction(SIGVTALRM, &action_before_, nullptr);
        sigaltstack(&stack_before_, nullptr);
    }

private:
    // The signal goes to any thread of the process.
    static void forward(int number) {
        if (pthread_equal(pthread_self(), watched_))
            called_(number);
        else
            pthread_kill(watched_, number);
    }

    static inline pthread_t watched_;
    static inline void (*called_)(int);
    stack_t stack_before_ = {};
    struct sigaction action_before_ = {};
};

}  // namespace emulator
