// The end of a process whose disk has failed it: a failed write or sync is final, because a later
// one that "succeeds" proves nothing about the first.
#pragma once

#include "raftmq/error.h"

namespace raftmq {

inline constexpr int kExitFailedWrite = 10;

// Writes one line to stderr that names the file and ends the process at once, without destructors.
[[noreturn]] void DieOfFailedWrite(const Error& error);

}  // namespace raftmq
