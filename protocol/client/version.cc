#include "raftmq/version.h"

namespace raftmq {

std::string_view Version() { return RAFTMQ_VERSION; }

}  // namespace raftmq
