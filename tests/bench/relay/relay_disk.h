// One replica's disk thread: writes what has gathered, directly, then one sync for all of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "segment/posix_file_system.h"
#include "tests/bench/relay/relay_frame.h"

namespace raftmq::bench {

// Put from one thread.
class RelayDisk {
 public:
  // Into a file of blocks that were written once before, like a segment that is reused or zeroed
  // ahead; round and round. `synced_event` (an eventfd) is told after each sync.
  RelayDisk(const std::string& path, int synced_event);
  ~RelayDisk();
  RelayDisk(const RelayDisk&) = delete;
  RelayDisk& operator=(const RelayDisk&) = delete;

  void Put(std::shared_ptr<RelayBlock> block);
  // Blocks that are synced so far. Any thread.
  std::uint64_t synced() const { return synced_; }

 private:
  using Blocks = std::vector<std::shared_ptr<RelayBlock>>;

  void Run();
  void Write(const RelayBlock& block);

  PosixFileSystem files_;
  std::unique_ptr<File> file_;
  const int synced_event_;
  std::uint64_t at_ = 0;
  std::atomic<std::uint64_t> synced_ = 0;
  std::mutex mutex_;  // Guards the two below.
  std::condition_variable wake_;
  Blocks gathered_;
  bool is_over_ = false;
  std::thread thread_;  // Last: it uses all others.
};

}  // namespace raftmq::bench
