// A whole file in memory, for `produce --file`.
#pragma once

#include <cstddef>
#include <string>

#include "raftmq/result.h"

namespace raftmq::cli {

// Reads `path` to its end: a file, a pipe, a device. Every error counts, so what comes back is the
// whole content or nothing. Errors: kNotFound, kBatchTooLarge above `bytes_max`, kCancelled after
// Ctrl-C, else kIoError (a directory, a failing disk).
Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max);

}  // namespace raftmq::cli
