#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "cli/exit_code.h"
#include "protocol/types/check.h"

namespace raftmq::cli {
namespace {

constexpr std::size_t kOutputBufferBytes = 64u << 10;

[[noreturn]] void EndByFailedWrite(int failure) {
  if (failure == EPIPE) _exit(kExitOk);
  fmt::print(stderr, "raftmq: cannot write to stdout: {}\n", std::strerror(failure));
  _exit(kExitFailed);
}

std::size_t WidthOf(const std::string& text) {
  // Code points, near enough to columns: continuation bytes do not count.
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

void Output::Write(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= kOutputBufferBytes) Flush();
}

void Output::Flush() {
  std::size_t at = 0;
  while (at < buffer_.size()) {
    const ssize_t written = ::write(STDOUT_FILENO, buffer_.data() + at, buffer_.size() - at);
    if (written >= 0) {
      at += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      EndByFailedWrite(errno);
    }
  }
  buffer_.clear();
}

int ReportError(std::string_view what, const Error& error) {
  fmt::print(stderr, "raftmq: {}: {} [{}]\n", what, error.message, ErrorName(error.code));
  return ExitCodeOf(error.code);
}

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::AddRow(std::vector<std::string> row) {
  RAFTMQ_CHECK(row.size() == rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string Table::ToString() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text.append(row[i]);
      const bool last = i + 1 == row.size();
      text.append(last ? "\n" : std::string(widths[i] - WidthOf(row[i]) + 2, ' '));
    }
  }
  return text;
}

std::string HumanBytes(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

bool IsProgressWanted() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(term && std::string_view(term) == "dumb");
}

void DrawProgress(std::string_view text) { fmt::print(stderr, "\r\x1b[K{}", text); }

bool Confirm(const std::string& question, bool yes) {
  if (yes) return true;
  if (!isatty(STDIN_FILENO)) {
    fmt::print(stderr,
               "raftmq: {} This cannot be undone; add --yes to do it without being asked.\n",
               question);
    return false;
  }
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

}  // namespace raftmq::cli
