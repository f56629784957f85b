// What a connection still has to write: shared runs of bytes, gathered without copying.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

#include "protocol/types/bytes.h"

namespace raftmq {

// Not thread-safe.
class WriteQueue {
 public:
  void Push(SharedBytes bytes);
  // Fills `to` with the front of the queue; returns how many entries it used.
  std::size_t Gather(std::span<iovec> to) const;
  // The first `count` bytes have been written; their owners are let go. REQUIRES: count <= bytes().
  void Consume(std::size_t count);
  void Clear();
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

 private:
  std::vector<SharedBytes> runs_;  // None is empty. Those before first_ have been let go.
  std::size_t first_ = 0;
  std::size_t written_of_first_ = 0;  // Bytes of runs_[first_] that were written already.
  std::size_t bytes_ = 0;             // Of all runs, less written_of_first_.
};

}  // namespace raftmq
