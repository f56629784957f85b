#include "protocol/client/client_core.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "protocol/client/log_level.h"

namespace raftmq::internal {
namespace {

// Waits this much longer than the call itself may take, so that its own error arrives.
constexpr Milliseconds kGrace{1000};

// Blocks all signals of this thread while alive; threads started meanwhile keep them blocked.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

ClientCore::ClientCore(ClientConfig config, std::vector<Address> brokers)
    : loop_(std::make_shared<ClientLoop>(std::move(config), std::move(brokers))) {
  std::promise<void> ended;
  ended_ = ended.get_future();
  const SignalsBlocked blocked;
  thread_ = std::thread([loop = loop_, ended = std::move(ended)]() mutable {
    loop->events().Run();
    loop.reset();
    ended.set_value();
  });
  thread_id_ = thread_.get_id();
}

ClientCore::~ClientCore() {
  loop_->Log(kLogDebug, "client", "closing");
  loop_->events().Post([loop = loop_] {
    loop->TearDown();
    // One turn later: what TearDown posted must still run.
    loop->events().Post([loop] { loop->events().Stop(); });
  });
  // A callback of the application that does not return must not hang the destructor for ever.
  const bool may_join = !IsOnLoopThread() &&
                        ended_.wait_for(config().destructor_timeout) == std::future_status::ready;
  if (may_join) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

Status ClientCore::CheckMayBlock() const {
  if (!IsOnLoopThread()) return Ok();
  return Fail(ErrorCode::kInvalidArgument,
              "a blocking call inside a callback would wait for itself: use another thread");
}

Result<Reply> ClientCore::CallAny(wire::Body body, RetryingCall::Options options) {
  RAFTMQ_TRY(CheckMayBlock());
  const Promise<Reply> promise;
  Post([loop = loop_.get(), body = std::move(body), options, promise] {
    loop->CallAny(body, options,
                  [promise](Result<Reply> outcome) { promise.Set(std::move(outcome)); });
  });
  return promise.future().Get(options.timeout + kGrace);
}

Result<Reply> ClientCore::CallReplica(ReplicaOf replica, ClientLoop::MakeBody make_body,
                                      RetryingCall::Options options) {
  RAFTMQ_TRY(CheckMayBlock());
  const Promise<Reply> promise;
  Post([loop = loop_.get(), replica = std::move(replica), make_body = std::move(make_body), options,
        promise] {
    loop->CallReplica(replica, make_body, options,
                      [promise](Result<Reply> outcome) { promise.Set(std::move(outcome)); });
  });
  return promise.future().Get(options.timeout + kGrace);
}

Result<std::vector<Reply>> ClientCore::CallEveryNode(wire::MetadataRequest request,
                                                     Milliseconds patience) {
  RAFTMQ_TRY(CheckMayBlock());
  const Promise<std::vector<Reply>> promise;
  Post([loop = loop_.get(), request = std::move(request), patience, promise] {
    loop->CallEveryNode(request, patience, [promise](Result<std::vector<Reply>> answers) {
      promise.Set(std::move(answers));
    });
  });
  return promise.future().Get(config().request_timeout + patience + kGrace);
}

Result<std::vector<Result<Reply>>> ClientCore::CallNodes(std::vector<Address> nodes,
                                                         wire::Body body, Milliseconds patience) {
  RAFTMQ_TRY(CheckMayBlock());
  const Promise<std::vector<Result<Reply>>> promise;
  Post([loop = loop_.get(), nodes = std::move(nodes), body = std::move(body), patience, promise] {
    loop->CallNodes(nodes, body, patience, [promise](std::vector<Result<Reply>> answers) {
      promise.Set(std::move(answers));
    });
  });
  return promise.future().Get(patience + kGrace);
}

Result<TopicSummary> ClientCore::LookUpTopic(const std::string& topic) {
  RAFTMQ_TRY(CheckMayBlock());
  const Promise<TopicSummary> promise;
  Post([loop = loop_.get(), topic, promise] {
    loop->LookUpTopic(topic, loop->config().request_timeout,
                      [promise](Result<TopicSummary> found) { promise.Set(std::move(found)); });
  });
  return promise.future().Get(config().request_timeout + kGrace);
}

}  // namespace raftmq::internal
