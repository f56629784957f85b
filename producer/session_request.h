// The two questions by which a producer comes to a session.
#pragma once

#include <functional>
#include <string>

#include "producer/session_position.h"
#include "protocol/client/client_loop.h"
#include "raftmq/result.h"

namespace raftmq::internal {

struct GrantedSession {
  SessionPosition first;          // Of the next record.
  bool may_be_forgotten = false;  // The partition may have forgotten what was stored before.
};

// Both ask on the loop's thread, try again within the client's request_timeout, and call back once.
using OnSession = std::function<void(Result<GrantedSession>)>;

// A session from any broker; under a name, the next epoch of its session. Errors: kBadName,
// kLimitExceeded, kUnsupported (an older broker), those of a request.
void AskForSession(ClientLoop& loop, const std::string& name, OnSession done);

// Makes the epoch of `session` count in a partition; the outcome's sequence is that of its next
// record there. Errors: kFenced, kUnknownSession, kLimitExceeded, those of a request.
void OpenSession(ClientLoop& loop, const ReplicaOf& leader, const SessionPosition& session,
                 OnSession done);

}  // namespace raftmq::internal
