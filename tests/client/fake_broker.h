// A small broker in memory, for the tests of the clients: real sockets and frames, no disk, no
// Raft, and faults on demand.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/net/connection.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/message_id.h"
#include "protocol/wire/messages.h"
#include "tests/client/fake_sessions.h"

namespace raftmq::testing {

class FakeSession;

// Thread-safe: everything runs on the broker's own loop, and calls wait for it.
class FakeBroker {
 public:
  // What becomes of a request.
  struct Verdict {
    enum class What {
      kHandle,
      kDropBefore,  // The connection breaks; the request has no effect.
      kDropAfter,   // The request takes effect; the connection breaks instead of the reply.
      kHold,        // Waits for Release.
      kIgnore,      // No effect, no reply.
      kFail,        // No effect; the reply is `error`.
    } what = What::kHandle;
    wire::ErrorReply error;
  };
  using Hook = std::function<Verdict(const wire::Message&)>;  // On the broker's thread.

  explicit FakeBroker(std::uint32_t node = 1);
  ~FakeBroker();

  const Address& address() const { return address_; }
  std::string bootstrap() const { return address_.ToString(); }

  void AddTopic(const std::string& name, std::uint32_t partitions);
  void RemoveTopic(const std::string& name);
  // Metadata names this node as the leader of everything from now on; requests for data are then
  // refused with kNotLeader unless it is this one.
  void SetLeader(std::uint32_t node, const Address& address);
  void SetHook(Hook hook);  // Empty: everything is handled.
  void Release();           // What was held is handled, in order; nothing is held any more.
  std::size_t held();
  void DropConnections();
  std::size_t connections();

  // Appends one batch of these values, as if a producer had sent it.
  void Append(const std::string& topic, std::uint32_t partition,
              const std::vector<std::string>& values, Codec codec = Codec::kNone,
              std::int64_t timestamp_ms = 1000);
  void Trim(const std::string& topic, std::uint32_t partition, std::uint64_t log_start);
  // The sessions of a partition: see FakeSessions.
  void ForgetSessions(const std::string& topic, std::uint32_t partition);
  void TakeAnySequence(const std::string& topic, std::uint32_t partition);
  // As when a producer of that name asked for its session and opened it there.
  std::uint32_t TakeOver(const std::string& name, const std::string& topic,
                         std::uint32_t partition);
  void SetTerm(Term term);  // Of the batches that are appended from now on.
  // Produced batches are answered and forgotten from now on: for measuring clients.
  void Discard();
  // The next `count` fetched attachments have a flipped bit.
  void DamageFetches(int count);

  std::vector<std::string> Values(const std::string& topic, std::uint32_t partition);
  std::vector<BatchHeader> Headers(const std::string& topic, std::uint32_t partition);
  std::vector<std::uint32_t> BatchSizes(const std::string& topic, std::uint32_t partition);
  std::size_t largest_unreturned_credit();  // Most bytes ever sent ahead on one stream.

 private:
  friend class FakeSession;
  struct Log {
    std::vector<SharedBytes> batches;  // Padded frames, stamped.
    std::vector<std::uint64_t> bases;
    std::uint64_t log_start = 0;
    std::uint64_t end = 0;
    FakeSessions sessions;
    std::map<MessageId, std::uint64_t> ids;

    // Where the batch goes: the end, or the place of the one that came first with its message id.
    std::uint64_t OffsetFor(const BatchHeader& header, ByteSpan frame);
  };
  struct Topic {
    TopicId id;
    std::vector<Log> partitions;
  };

  void OnLoop(const std::function<void()>& task);
  // The same at every broker, until one has removed a topic.
  TopicId NewId(const std::string& name) const;
  bool Remove(const std::string& name);
  Log* Find(GroupId group);
  wire::InitProducerReply Allot(const std::string& name);
  void Store(Log& log, ByteBuffer frame);
  void WakeStreams();
  void Forget(FakeSession* session);

  const std::uint32_t node_;
  EventLoop loop_;
  Address address_;
  std::unique_ptr<Listener> listener_;
  // All below belongs to the loop.
  std::map<std::string, Topic> topics_;
  std::uint64_t topics_removed_ = 0;
  std::uint32_t leader_;
  Address leader_address_;
  std::uint64_t sessions_allotted_ = 0;
  std::map<std::string, wire::InitProducerReply> names_;
  Hook hook_;
  int damage_ = 0;
  bool discards_ = false;
  Term term_{1};
  std::size_t credit_used_max_ = 0;
  std::vector<std::unique_ptr<FakeSession>> sessions_;
  std::vector<std::function<void()>> held_;
  std::thread thread_;
};

}  // namespace raftmq::testing
