// The baseline of everything that appends: a bare loop of direct writes and syncs, into blocks that
// were written before (the fastest kind).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "protocol/types/check.h"
#include "segment/posix_file_system.h"

namespace raftmq::bench {

inline constexpr std::size_t kBareWriteBytes = 64u << 10;
inline constexpr std::size_t kBareSyncBytes = 1u << 20;

// Not thread-safe.
class BareAppends {
 public:
  explicit BareAppends(const std::string& directory) {
    const std::string path = directory + "/bare";
    RAFTMQ_CHECK(files_.Open(path, OpenMode::kCreate).has_value());
    auto file = files_.Open(path, OpenMode::kDirect);
    RAFTMQ_CHECK(file.has_value());
    file_ = std::move(*file);
    RAFTMQ_CHECK((*file_).Allocate(kFileBytes).has_value());
    std::memset(block_.get(), 'x', kBareWriteBytes);
    for (std::size_t i = 0; i < kFileBytes / kBareSyncBytes; ++i) AppendAndSync();
  }
  // kBareSyncBytes bytes in writes of kBareWriteBytes, then a sync; round and round in the file.
  std::uint64_t AppendAndSync() {
    for (std::size_t done = 0; done < kBareSyncBytes; done += kBareWriteBytes) {
      RAFTMQ_CHECK(file_->Write(at_, {block_.get(), kBareWriteBytes}).has_value());
      at_ = (at_ + kBareWriteBytes) % kFileBytes;
    }
    RAFTMQ_CHECK(file_->Sync().has_value());
    return kBareSyncBytes;
  }

 private:
  static constexpr std::size_t kFileBytes = 128u << 20;
  struct Free {
    void operator()(std::byte* block) const { std::free(block); }
  };
  PosixFileSystem files_;
  std::unique_ptr<File> file_;
  std::unique_ptr<std::byte, Free> block_{
      static_cast<std::byte*>(std::aligned_alloc(kPageBytes, kBareWriteBytes))};
  std::uint64_t at_ = 0;
};

}  // namespace raftmq::bench
