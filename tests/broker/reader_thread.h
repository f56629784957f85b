// Reads one partition along, while others write to it and brokers fail, and records it
// (cluster_history.h).
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "raftmq/client.h"
#include "tests/broker/cluster_history.h"
#include "tests/checker/history_recorder.h"

namespace raftmq::testing {

// Reads from a thread of its own, from the start, until it is told to end or a poll fails.
class ReaderThread {
 public:
  struct Options {
    RecordedReader::Options reads;
    bool trims = false;  // Has everything removed that it has read.
  };
  // `history` outlives it.
  ReaderThread(const Client& client, checker::HistoryRecorder& history, const Options& options);
  ~ReaderThread();
  ReaderThread(const ReaderThread&) = delete;
  ReaderThread& operator=(const ReaderThread&) = delete;

  // Reads no more. The error that a poll brought: one that the client does not overcome by itself;
  // empty if there was none.
  std::string Finish();

 private:
  void Run();

  Client client_;
  const Options options_;
  RecordedReader reader_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace raftmq::testing
