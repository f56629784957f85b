// RAFTMQ_CHECK: assertions against programmer errors, on in every build. Never used on input.
#pragma once

namespace raftmq {

// Prints the failed expression with its place on stderr and aborts.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace raftmq

#define RAFTMQ_CHECK(expression)                              \
  do {                                                        \
    if (!(expression)) [[unlikely]] {                         \
      ::raftmq::CheckFailed(#expression, __FILE__, __LINE__); \
    }                                                         \
  } while (false)
