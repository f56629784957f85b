#include "broker/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

namespace raftmq::broker {
namespace {

constexpr std::chrono::seconds kRepeatInterval{10};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// The fields that a line of either format shows; the text arrives escaped.
std::string JsonPattern(NodeId node) {
  return fmt::format(R"({{"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","node":{},%v}})", node.value());
}

// A pipe that poll calls writable takes 4096 bytes (PIPE_BUF) without blocking.
constexpr std::size_t kTextBytesMax = 4096 - 256;

bool WouldBlock() {
  pollfd stderr_poll{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&stderr_poll, 1, 0) == 0;
}

}  // namespace

struct Log::Impl {
  struct Repeats {
    std::chrono::steady_clock::time_point last;
    std::uint64_t left_out = 0;
  };
  bool json = false;
  std::atomic<std::uint64_t> left_out{0};  // Lines since stderr was last writable.
  std::unique_ptr<spdlog::logger> logger;
  std::mutex mutex;  // Guards repeats.
  std::map<std::string, Repeats, std::less<>> repeats;
};

Log::Log(const LogOptions& options) : impl_(std::make_unique<Impl>()) {
  impl_->json = options.format == LogFormat::kJson ||
                (options.format == LogFormat::kAuto && isatty(STDERR_FILENO) == 0);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  impl_->logger = std::make_unique<spdlog::logger>("raftmqd", std::move(sink));
  impl_->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      impl_->json ? JsonPattern(options.node) : "%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v",
      impl_->json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local));
  impl_->logger->flush_on(spdlog::level::debug);
  // A log that cannot be written (closed stderr) must not stop the broker.
  impl_->logger->set_error_handler([](const std::string&) {});
  SetLevel(options.level);
}

Log::~Log() = default;

void Log::SetLevel(LogLevel level) { impl_->logger->set_level(ToSpdlog(level)); }

void Log::Write(LogLevel level, std::string_view component, std::string_view text) {
  if (WouldBlock()) {
    impl_->left_out.fetch_add(1);
    return;
  }
  if (const std::uint64_t left_out = impl_->left_out.exchange(0); left_out > 0) {
    WriteLine(LogLevel::kWarn, "log",
              fmt::format("{} lines were left out: nobody read stderr", left_out));
  }
  WriteLine(level, component, text);
}

void Log::WriteLine(LogLevel level, std::string_view component, std::string_view text) {
  const std::string escaped = EscapeForLog(text, kTextBytesMax);
  const std::string line = impl_->json
                               ? fmt::format(R"("component":"{}","msg":"{}")", component, escaped)
                               : fmt::format("{:<9} {}", component, escaped);
  impl_->logger->log(ToSpdlog(level), spdlog::string_view_t(line));
}

void Log::WarnLimited(std::string_view component, std::string_view kind, std::string_view text) {
  std::uint64_t left_out = 0;
  {
    std::lock_guard lock(impl_->mutex);
    const auto now = std::chrono::steady_clock::now();
    auto [entry, is_new] = impl_->repeats.try_emplace(std::string(kind));
    if (!is_new && now - entry->second.last < kRepeatInterval) {
      ++entry->second.left_out;
      return;
    }
    left_out = std::exchange(entry->second.left_out, 0);
    entry->second.last = now;
  }
  Warn(component, left_out == 0 ? std::string(text)
                                : fmt::format("{} ({} more like it left out)", text, left_out));
}

std::string EscapeForLog(std::string_view text, std::size_t bytes_max) {
  std::string out;
  out.reserve(std::min(text.size(), bytes_max));
  for (const char c : text) {
    if (out.size() >= bytes_max) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace raftmq::broker
