// What travels through the relay: a head, as long as a broker's, and a payload behind it. Blocks
// are aligned for direct writes, so that a payload goes from the socket to the disk without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/check.h"
#include "segment/file_system.h"

namespace raftmq::bench {

// As much as a frame header, a produce request and a batch header take.
struct RelayHead {
  std::uint64_t bytes = 0;  // Of the payload behind it.
  std::uint64_t hash = 0;   // XXH3 of the payload.
  std::uint64_t unused[26] = {};
};
static_assert(sizeof(RelayHead) == 224);

// Sent back: frames that are synced so far.
using RelayAck = std::uint64_t;

// Head and payload in a row; the payload begins a page.
class RelayBlock {
 public:
  explicit RelayBlock(std::size_t payload_bytes_max)
      : base_(static_cast<std::byte*>(
            std::aligned_alloc(kPageBytes, kPageBytes + AlignUp(payload_bytes_max, kPageBytes)))) {
    RAFTMQ_CHECK(base_ != nullptr);
  }
  ~RelayBlock() { std::free(base_); }
  RelayBlock(const RelayBlock&) = delete;
  RelayBlock& operator=(const RelayBlock&) = delete;

  std::byte* frame() const { return payload() - sizeof(RelayHead); }
  RelayHead& head() const { return *reinterpret_cast<RelayHead*>(frame()); }
  std::byte* payload() const { return base_ + kPageBytes; }
  std::size_t payload_bytes() const { return head().bytes; }
  std::size_t frame_bytes() const { return sizeof(RelayHead) + payload_bytes(); }

 private:
  std::byte* const base_;
};

// Blocks that come back when nobody holds them: no page is faulted in twice. Thread-safe; outlives
// its blocks.
class RelayBlocks {
 public:
  explicit RelayBlocks(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}

  std::shared_ptr<RelayBlock> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) free_.push_back(std::make_unique<RelayBlock>(payload_bytes_max_));
    RelayBlock* const block = free_.back().release();
    free_.pop_back();
    return {block, [this](RelayBlock* done) {
              const std::lock_guard back(mutex_);
              free_.emplace_back(done);
            }};
  }

 private:
  const std::size_t payload_bytes_max_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<RelayBlock>> free_;
};

}  // namespace raftmq::bench
