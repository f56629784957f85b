#include "protocol/net/write_queue.h"

#include <utility>

#include "protocol/types/check.h"

namespace raftmq {

void WriteQueue::Push(SharedBytes bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  runs_.push_back(std::move(bytes));
}

std::size_t WriteQueue::Gather(std::span<iovec> to) const {
  std::size_t used = 0;
  std::size_t skip = written_of_first_;
  for (std::size_t i = first_; i < runs_.size() && used < to.size(); ++i) {
    const ByteSpan run = runs_[i].view().subspan(skip);
    skip = 0;
    // iovec knows no const; sendmsg only reads.
    to[used++] = {const_cast<std::byte*>(run.data()), run.size()};
  }
  return used;
}

void WriteQueue::Consume(std::size_t count) {
  RAFTMQ_CHECK(count <= bytes_);
  bytes_ -= count;
  count += written_of_first_;
  while (first_ < runs_.size() && count >= runs_[first_].size()) {
    count -= runs_[first_].size();
    runs_[first_++] = SharedBytes();
  }
  written_of_first_ = count;
  if (first_ == runs_.size()) {
    runs_.clear();
    first_ = 0;
  } else if (first_ >= 64 && first_ * 2 >= runs_.size()) {
    runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void WriteQueue::Clear() {
  runs_.clear();
  first_ = written_of_first_ = bytes_ = 0;
}

}  // namespace raftmq
