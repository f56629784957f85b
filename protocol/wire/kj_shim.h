// Cap'n Proto 0.9.2 under clang 16 and newer: in C++20 mode its headers leave the reversed
// comparisons with kj::StringPtr to the compiler, which no longer finds them. Include this before
// any capnp header; it does nothing for other compilers.
#pragma once

#include <kj/string.h>

#if defined(__clang__) && __clang_major__ >= 16
namespace kj {
inline bool operator==(const char* a, const StringPtr& b) { return b.operator==(StringPtr(a)); }
inline bool operator!=(const char* a, const StringPtr& b) { return !(a == b); }
}  // namespace kj
#endif
