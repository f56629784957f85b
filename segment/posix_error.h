// errno as an Error: which code, and a message that names the operation, the file and the reason.
#pragma once

#include <string>

#include "raftmq/result.h"

namespace raftmq {

// kDiskFull for ENOSPC and EDQUOT, kNotFound, kAlreadyExists, kForeignDirectory for a symbolic link
// or a wrong file type, kIoError for all else.
tl::unexpected<Error> PosixFailure(const char* operation, const std::string& path, int number);

}  // namespace raftmq
