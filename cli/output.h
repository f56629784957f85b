// How the tool writes: tables and sizes for people, errors on stderr, and a buffered stdout that
// ends the program quietly when its reader has gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "raftmq/error.h"

namespace raftmq::cli {

// Writes to stdout through a buffer of 64 KiB. A closed pipe ends the program quietly (exit 0), any
// other failure ends it with a message and exit 1. Thread-safe only by the caller's lock.
class Output {
 public:
  ~Output() { Flush(); }
  void Write(std::string_view text);
  void Flush();

 private:
  std::string buffer_;
};

// "raftmq: WHAT: ERROR" on stderr; returns the exit code for it.
int ReportError(std::string_view what, const Error& error);

// Left-aligned columns, two spaces apart, header first. Cells are plain text.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void AddRow(std::vector<std::string> row);  // REQUIRES: as many cells as the header.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string HumanBytes(std::uint64_t bytes);  // "1.5 MiB".

// True if progress may be drawn on stderr: a terminal, and neither TERM=dumb nor NO_COLOR forbids
// it.
bool IsProgressWanted();
// Redraws one line on stderr; an empty text clears it.
void DrawProgress(std::string_view text);

// Asks on the terminal and takes "y"/"yes"; without a terminal explains that --yes is needed.
bool Confirm(const std::string& question, bool yes);

}  // namespace raftmq::cli
