// From a kernel's own type to a function that takes pointers to its arguments; device.py writes the table of a source's kernels.
#pragma once
#include "emulator.h"

namespace emulator {

template <class T> struct Letter { static constexpr char value = 's'; };
template <> struct Letter<float> { static constexpr char value = 'f'; };
template <> struct Letter<double> { static constexpr char value = 'f'; };
template <> struct Letter<bool> { static constexpr char value = 'b'; };
template <> struct Letter<char> { static constexpr char value = 'i'; };
template <> struct Letter<signed char> { static constexpr char value = 'i'; };
template <> struct Letter<short> { static constexpr char value = 'i'; };
template <> struct Letter<int> { static constexpr char value = 'i'; };
template <> struct Letter<long> { static constexpr char value = 'i'; };
template <> struct Letter<long long> { static constexpr char value = 'i'; };
template <> struct Letter<unsigned char> { static constexpr char value = 'u'; };
template <> struct Letter<unsigned short> { static constexpr char value = 'u'; };
template <> struct Letter<unsigned> { static constexpr char value = 'u'; };
template <> struct Letter<unsigned long> { static constexpr char value = 'u'; };
template <> struct Letter<unsigned long long> { static constexpr char value = 'u'; };

template <class T> struct Plain { typedef T type; static constexpr int writable = 1; };
template <class T> struct Plain<const T> { typedef T type; static constexpr int writable = 0; };
template <class T> struct Plain<volatile T> { typedef T type; static constexpr int writable = 1; };
template <class T> struct Plain<const volatile T> { typedef T type; static constexpr int writable = 0; };

template <class T> struct Described {
    typedef typename Plain<T>::type type;
    static constexpr Parameter value = {Letter<type>::value, sizeof(type), alignof(type), ' ', 0, 1, 0};
};
template <class T> struct DescribedPointer {
    typedef typename Plain<T>::type type;
    static constexpr Parameter value = {'p', 8, 8, Letter<type>::value, sizeof(type), alignof(type), Plain<T>::writable};
};
template <class T> struct Described<T*> : DescribedPointer<T> {};
template <class T> struct Described<T* const> : DescribedPointer<T> {};

template <int... I> struct Numbers {};
template <class... A> struct Call {
    static constexpr Parameter parameters[sizeof...(A) + 1] = {Described<A>::value...,
                                                               {' ', 0, 1, ' ', 0, 1, 0}};
    template <int... I>
    static void with(void (*kernel)(A...), void** arguments, Numbers<I...>) {
        kernel(*static_cast<typename Plain<A>::type*>(arguments[I])...);
    }
};

template <class... A>
constexpr int count_of(void (*)(A...)) { return sizeof...(A); }
template <class... A>
constexpr const Parameter* parameters_of(void (*)(A...)) { return Call<A...>::parameters; }
template <class... A>
inline void invoke(void (*kernel)(A...), void** arguments) {
    Call<A...>::with(kernel, arguments, Numbers<__integer_pack(sizeof...(A))...>());
}

}  // namespace emulator
