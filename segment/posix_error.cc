#include "segment/posix_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace raftmq {
namespace {

ErrorCode CodeOf(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kDiskFull;
    case ENOENT:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ELOOP:
    case EISDIR:
    case ENOTDIR:
      return ErrorCode::kForeignDirectory;
    default:
      return ErrorCode::kIoError;
  }
}

}  // namespace

tl::unexpected<Error> PosixFailure(const char* operation, const std::string& path, int number) {
  return Fail(CodeOf(number),
              fmt::format("cannot {} '{}': {}", operation, path, std::strerror(number)));
}

}  // namespace raftmq
