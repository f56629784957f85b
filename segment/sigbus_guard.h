// The end of a process that touched a mapped segment which the disk could not deliver, or which
// somebody cut from outside: the kernel answers with SIGBUS, and C++ cannot go on from there.
#pragma once

#include <cstddef>
#include <string_view>

namespace raftmq {

inline constexpr int kExitSegmentFault = 11;

// Makes SIGBUS and SIGSEGV inside a GuardedRange write one line to stderr (which file, which byte)
// and end the process with kExitSegmentFault. Faults anywhere else take the way they took before.
// Call once, early in main.
void InstallSigbusGuard();

// A mapping that the handler knows by name, for as long as this lives. The table is fixed, because
// a signal handler can neither lock nor allocate; mappings beyond its 16,384 places go unnamed.
// Thread-safe, lock-free.
class GuardedRange {
 public:
  // Of the path the last 100 bytes are kept.
  GuardedRange(const void* base, std::size_t size, std::string_view path);
  ~GuardedRange();
  GuardedRange(const GuardedRange&) = delete;
  GuardedRange& operator=(const GuardedRange&) = delete;

 private:
  int slot_ = -1;  // -1: unnamed.
};

}  // namespace raftmq
