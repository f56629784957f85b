// A directory of a benchmark's own under $TMPDIR (else /var/tmp: /tmp may be memory), removed at
// the end with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "protocol/types/check.h"

namespace raftmq::bench {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    const char* parent = std::getenv("TMPDIR");
    path_ = std::string(parent != nullptr ? parent : "/var/tmp") + "/raftmq-bench-XXXXXX";
    RAFTMQ_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace raftmq::bench
