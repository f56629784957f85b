// Clients that produce: unique values, sealed as the real producer seals them, sent to whoever is
// believed to lead, and again elsewhere until the outcome is known or patience ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/client/backoff.h"
#include "protocol/types/batch_builder.h"
#include "tests/sim/cluster.h"
#include "tests/sim/session_opener.h"

namespace raftmq::sim {

// One batch at a time, like a producer with one request in flight.
class SimProducer {
 public:
  SimProducer(Cluster& cluster, std::uint32_t number);

  void Start() { ThinkThenSend(); }
  // In the liveness phase: batches acked since it began, by partition.
  const std::vector<std::uint64_t>& calm_acks() const { return calm_acks_; }

 private:
  // One sending of a batch to one node.
  struct Sending {
    std::uint64_t attempt = 0;
    NodeId node;
    std::uint32_t partition = 0;
    std::uint64_t payload_hash = 0;
    bool in_memory = false;
    SharedBytes batch;
  };
  // Of one partition; a new one begins where the outcome of a batch stays unknown.
  struct Session {
    SessionId id;  // 0 = none yet.
    std::uint32_t epoch = 0;
    std::uint32_t life = 0;  // How often it had begun anew.
    std::uint32_t next_sequence = 0;
    bool is_weak =
        false;  // Something of it may be lost though it was acked: it was in memory only.
  };
  struct Answer {
    std::optional<Error> error;
    Offset base;             // Of an ack.
    bool is_repeat = false;  // Its message id may be stored with another message.
    NodeId leader;           // As the answering node believes; 0 = none.
  };

  void ThinkThenSend();
  bool MaybeTakeOver();
  void TakeOverOnDone(const SessionCatalogue::Grant& grant,
                      const std::optional<OpenedSession>& opened);
  void Seal();
  std::string DrawMessageId();
  void AppendRecords();
  SealOptions JoinSession();
  void NoteSent(const SealOptions& seal);
  void SealCommand();
  void Attempt();
  void MaybeComeLate(const Sending& sending);
  void Arrive(const Sending& sending);
  void Reply(const Sending& sending, const Result<Proposed>& proposed, bool was_there);
  void CheckAck(const Sending& sending, const Proposed& proposed, bool was_there);
  void OnAnswer(std::uint64_t attempt, const Answer& answer);
  checker::OpNumber RecordAttempt();
  void Record(const Answer& answer);
  void OnTimeout();
  void TryAgain(NodeId leader);
  void GiveUp();
  void CheckRefusal(const Error& error);
  bool IsSentHome() const;

  Cluster& cluster_;
  const std::uint32_t number_;
  const bool sends_ids_;  // Some of its messages have one.
  BatchBuilder builder_;
  internal::Backoff backoff_;
  SessionOpener opener_;
  std::vector<NodeId> leaders_;  // Believed, by partition; 0 = unknown.
  std::uint64_t counter_ = 0;    // Of values.
  std::uint64_t attempts_ = 0;   // The newest one is waited for; older answers come too late.
  std::uint32_t partition_ = 0;
  bool in_memory_ = false;
  bool is_in_session_ = false;  // The batch under way.
  std::string message_id_;      // Of that batch; empty = none.
  SharedBytes batch_;           // Under way.
  std::uint64_t payload_hash_ = 0;
  std::uint32_t records_ = 0;           // Of the batch under way.
  std::uint32_t session_life_ = 0;      // Of its session.
  std::vector<Session> sessions_;       // By partition.
  std::vector<std::string> given_up_;   // Message ids of batches that were given up, likewise.
  std::vector<checker::Value> values_;  // Of the batch; none of a command.
  checker::OpNumber op_;                // The newest attempt in the history.
  std::vector<std::uint64_t> calm_acks_;
};

}  // namespace raftmq::sim
