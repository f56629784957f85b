#include "tests/bench/relay/relay_disk.h"

#include <unistd.h>

#include <cstring>
#include <utility>

#include "protocol/types/bytes.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kFileBytes = 128u << 20;
constexpr std::size_t kChunkBytes = 1u << 20;

}  // namespace

RelayDisk::RelayDisk(const std::string& path, int synced_event) : synced_event_(synced_event) {
  RAFTMQ_CHECK(files_.Open(path, OpenMode::kCreate).has_value());
  auto file = files_.Open(path, OpenMode::kDirect);
  RAFTMQ_CHECK(file.has_value());
  file_ = std::move(*file);
  RAFTMQ_CHECK(file_->Allocate(kFileBytes).has_value());
  const RelayBlock zeros(kChunkBytes);
  std::memset(zeros.payload(), 0, kChunkBytes);
  for (std::size_t at = 0; at < kFileBytes; at += kChunkBytes)
    RAFTMQ_CHECK(file_->Write(at, {zeros.payload(), kChunkBytes}).has_value());
  RAFTMQ_CHECK(file_->Sync().has_value());
  thread_ = std::thread([this] { Run(); });
}

RelayDisk::~RelayDisk() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void RelayDisk::Put(std::shared_ptr<RelayBlock> block) {
  {
    const std::lock_guard lock(mutex_);
    gathered_.push_back(std::move(block));
  }
  wake_.notify_one();
}

void RelayDisk::Run() {
  while (true) {
    Blocks round;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_over_ || !gathered_.empty(); });
      if (gathered_.empty()) return;
      round.swap(gathered_);
    }
    for (const auto& block : round) Write(*block);
    RAFTMQ_CHECK(file_->Sync().has_value());
    synced_ += round.size();
    const std::uint64_t one = 1;
    RAFTMQ_CHECK(write(synced_event_, &one, sizeof one) == sizeof one);
  }
}

// Payloads that are not whole pages share them: the page they end in is written again.
void RelayDisk::Write(const RelayBlock& block) {
  const std::size_t bytes = block.payload_bytes();
  if (at_ + bytes > kFileBytes) at_ = 0;
  RAFTMQ_CHECK(
      file_->Write(AlignDown(at_, kPageBytes), {block.payload(), AlignUp(bytes, kPageBytes)})
          .has_value());
  at_ += bytes;
}

}  // namespace raftmq::bench
