// One file and its mapping on the real disk.
#pragma once

#include <string>

#include "segment/file_system.h"

namespace raftmq {

// Used by one thread at a time.
class PosixFile final : public File {
 public:
  struct Options {
    bool is_direct = false;
    bool syncs = true;  // See Syncing.
  };
  // Takes over the descriptor.
  PosixFile(int descriptor, Options options, std::string path)
      : descriptor_(descriptor), options_(options), path_(std::move(path)) {}
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Status Write(std::uint64_t at, ByteSpan bytes) override;
  Status Read(std::uint64_t at, MutableByteSpan into) const override;
  Status Sync() override;
  Status Allocate(std::uint64_t size) override;
  Status Zero(std::uint64_t at, std::uint64_t count) override;
  Result<std::uint64_t> Size() const override;
  Result<std::unique_ptr<FileMap>> Map() const override;
  bool IsDirect() const override { return options_.is_direct; }
  const std::string& path() const override { return path_; }

 private:
  Status WriteZeros(std::uint64_t at, std::uint64_t count);

  const int descriptor_;
  const Options options_;
  const std::string path_;
};

}  // namespace raftmq
