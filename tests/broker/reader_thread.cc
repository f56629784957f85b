#include "tests/broker/reader_thread.h"

namespace raftmq::testing {

ReaderThread::ReaderThread(const Client& client, checker::HistoryRecorder& history,
                           const Options& options)
    : client_(client),
      options_(options),
      reader_(client, history, options.reads),
      thread_([this] { Run(); }) {}

ReaderThread::~ReaderThread() { Finish(); }

std::string ReaderThread::Finish() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
  return reader_.error();
}

// A trim that fails ends nothing: the client looks for the next leader.
void ReaderThread::Run() {
  while (!is_over_ && reader_.Poll()) {
    if (options_.trims) (void)reader_.Trim(client_);
  }
}

}  // namespace raftmq::testing
