#include "cli/read_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/interrupt.h"

namespace raftmq::cli {
namespace {

constexpr std::size_t kChunkBytes = 256u << 10;

Error Stopped(const std::string& path) {
  return {ErrorCode::kCancelled, fmt::format("stopped reading '{}'", path)};
}

// REQUIRES: errno is that of the call that failed.
Error ErrorOfCall(const char* what, const std::string& path) {
  if (errno == EINTR) return Stopped(path);
  const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIoError;
  return {code, fmt::format("cannot {} '{}': {}", what, path, std::strerror(errno))};
}

Result<std::string> ReadToEnd(int descriptor, const std::string& path, std::size_t bytes_max) {
  std::string bytes;
  while (bytes.size() <= bytes_max) {
    const std::size_t at = bytes.size();
    if (!WaitForInput(descriptor)) return Fail(Stopped(path));
    // One byte more than allowed tells a file that is too large from one that just fits.
    bytes.resize(at + std::min(kChunkBytes, bytes_max + 1 - at));
    const ssize_t got = ::read(descriptor, bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno != EINTR) return Fail(ErrorOfCall("read", path));
    bytes.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
  }
  return Fail(
      ErrorCode::kBatchTooLarge,
      fmt::format("expected a file of at most {} bytes, found more in '{}'", bytes_max, path));
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, std::size_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Fail(ErrorOfCall("open", path));
  auto bytes = ReadToEnd(descriptor, path, bytes_max);
  ::close(descriptor);
  return bytes;
}

}  // namespace raftmq::cli
