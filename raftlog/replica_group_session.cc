// Producers' sessions: opening them.
#include "raftlog/replica_group.h"

namespace raftmq {

void ReplicaGroup::OpenSession(SessionId /*session*/, std::uint32_t /*epoch*/,
                               std::function<void(Result<OpenedSession>)> done) {
  done(Fail(ErrorCode::kUnsupported, "sessions are not kept yet"));
}

}  // namespace raftmq
