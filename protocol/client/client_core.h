// The shared half of a client: its thread, and the door to the loop that runs there.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "protocol/client/client_loop.h"
#include "raftmq/client.h"
#include "raftmq/future.h"

namespace raftmq::internal {

// Thread-safe. Kept alive by everything made from a Client; the last to go ends the thread, waiting
// for it up to ClientConfig::destructor_timeout. If that is a callback on the thread itself, it is
// not waited for: the thread ends by itself when the callback has returned.
class ClientCore {
 public:
  // Starts the thread. All signals are blocked there: the application's handlers run on its own
  // threads, and a broken connection is an error code, not a SIGPIPE.
  ClientCore(ClientConfig config, std::vector<Address> brokers);
  ~ClientCore();
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  const ClientConfig& config() const { return loop_->config(); }
  // Runs `task` on the client's thread.
  void Post(std::function<void()> task) { loop_->events().Post(std::move(task)); }
  bool IsOnLoopThread() const { return std::this_thread::get_id() == thread_id_; }
  // Only to be used on the client's thread.
  ClientLoop& loop() { return *loop_; }

  // Blocking forms, for any other thread than the client's (kInvalidArgument there).
  Result<Reply> CallAny(wire::Body body, RetryingCall::Options options);
  // What each node answered; those that did not within `patience` are left out. At least one.
  Result<std::vector<Reply>> CallEveryNode(wire::MetadataRequest request, Milliseconds patience);
  // One answer for each node, in their order.
  Result<std::vector<Result<Reply>>> CallNodes(std::vector<Address> nodes, wire::Body body,
                                               Milliseconds patience);
  Result<Reply> CallReplica(ReplicaOf replica, ClientLoop::MakeBody make_body,
                            RetryingCall::Options options);
  // Fetches the topic's metadata; retries until request_timeout. kTopicNotFound if it is not there.
  Result<TopicSummary> LookUpTopic(const std::string& topic);

  // kInvalidArgument on the client's thread, where waiting would be for ever.
  Status CheckMayBlock() const;

 private:
  std::shared_ptr<ClientLoop> loop_;
  std::future<void> ended_;  // Ready once the thread has left its loop.
  std::thread thread_;
  std::thread::id thread_id_;
};

}  // namespace raftmq::internal
