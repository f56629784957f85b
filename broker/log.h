// What the broker tells its operator, on stderr: text on a terminal, one JSON object per line
// otherwise. Whatever came from outside is escaped, so that nobody can forge a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "broker/config/settings.h"
#include "protocol/types/ids.h"

namespace raftmq::broker {

struct LogOptions {
  NodeId node;
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;
};

// Thread-safe. Lines are written by the calling thread; when nobody reads stderr and its pipe is
// full they are left out and counted, so that no shard ever waits for it.
class Log {
 public:
  explicit Log(const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `component` is a fixed word: "broker", "shard", "acceptor", "catalogue", "storage".
  void Write(LogLevel level, std::string_view component, std::string_view text);
  void Info(std::string_view component, std::string_view text) {
    Write(LogLevel::kInfo, component, text);
  }
  void Warn(std::string_view component, std::string_view text) {
    Write(LogLevel::kWarn, component, text);
  }
  void Fault(std::string_view component, std::string_view text) {
    Write(LogLevel::kError, component, text);
  }
  // At most one line per `kind` in ten seconds; the next one says how many were left out.
  // `kind` is a fixed word, never text from outside.
  void WarnLimited(std::string_view component, std::string_view kind, std::string_view text);
  void SetLevel(LogLevel level);

 private:
  void WriteLine(LogLevel level, std::string_view component, std::string_view text);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Control characters, quotes and bytes outside ASCII as escapes: fit for one line of a log. What
// would make more than about `bytes_max` bytes ends in "...".
std::string EscapeForLog(std::string_view text, std::size_t bytes_max = SIZE_MAX);

}  // namespace raftmq::broker
