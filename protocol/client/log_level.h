// The levels of ClientConfig::log.
#pragma once

namespace raftmq::internal {

inline constexpr int kLogDebug = 0;
inline constexpr int kLogInfo = 1;
inline constexpr int kLogWarning = 2;
inline constexpr int kLogError = 3;

}  // namespace raftmq::internal
