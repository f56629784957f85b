// Topics and producers' sessions as the shards ask for them; the catalogue answers.
#pragma once

#include <functional>
#include <string>

#include "broker/catalogue_state.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"
#include "raftmq/result.h"

namespace raftmq::broker {

class Shard;

// Callable from every shard's loop; `done` runs on that loop, exactly once, when every shard of
// this node knows of the change.
class TopicService {
 public:
  virtual ~TopicService() = default;
  // Errors: kBadName, kBadRequest, kTopicExists, kLimitExceeded, those of Group::Propose,
  // kDiskFull.
  virtual void CreateTopic(Shard& from, wire::CreateTopicRequest request,
                           std::function<void(Result<TopicId>)> done) = 0;
  // Errors: kTopicNotFound, those of Group::Propose.
  virtual void DeleteTopic(Shard& from, std::string name, std::function<void(Status)> done) = 0;
  // A session for a producer; no name, no successor. Errors: kBadName, kLimitExceeded, those of
  // Group::Propose. After an unknown outcome it may be asked again: what was allotted then is never
  // used.
  virtual void AllotSession(Shard& from, std::string name,
                            std::function<void(Result<AllottedSession>)> done) = 0;
  // The node's data directory is gone for good. Errors: kInvalidArgument, those of Group::Propose.
  virtual void ReplaceNode(Shard& from, NodeId node, std::function<void(Status)> done) = 0;
  // The replica here of that number is lost: it is to be replaced by another one here.
  virtual void ReportLost(const GroupId& group, ReplicaNumber number) = 0;
  // Who leads the catalogue, as this node knows it; 0 = none. Any thread.
  virtual NodeId metadata_leader() const = 0;
};

}  // namespace raftmq::broker
