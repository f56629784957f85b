// What main arranges for the process as a whole, before there are threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/types/clock.h"
#include "raftmq/result.h"

namespace raftmq::broker {

inline constexpr int kExitDrained = 0;
inline constexpr int kExitOther = 1;
inline constexpr int kExitBadConfig = 2;
// 11 is kExitSegmentFault of segment/sigbus_guard.h.
inline constexpr int kExitLocked = 12;
inline constexpr int kExitForeign = 13;
inline constexpr int kExitUnknownFormat = 14;

// Makes sure that descriptors 0 to 2 are taken, before anything else is opened: what is printed
// must never land in a data file.
void KeepStandardStreams();

// Files only for the owner, as many descriptors as allowed, SIGPIPE ignored, and a mapped segment
// that cannot be read, or that somebody cut, reported and ended with exit code 11.
void SetUpProcess();

// Appends what goes to stderr to the file at `path` from now on, opened anew at each call.
// kIoError, and stderr as it was, if that cannot be.
Status RedirectStderr(const std::string& path);

// How many descriptors this process may have.
std::uint64_t DescriptorLimit();

enum class ProcessSignal { kStop, kReload, kReopenLog, kDone };

// Signals as calls: blocked in every thread that is started later, and waited for by one.
class SignalWaiter {
 public:
  SignalWaiter();  // Before any other thread exists.

  // Waits for SIGTERM, SIGINT (kStop), SIGHUP (kReload), SIGUSR1 (kReopenLog) or Wake (kDone);
  // nullopt when `timeout` is over. Without a timeout for ever.
  std::optional<ProcessSignal> Wait(std::optional<Milliseconds> timeout = {});
  // Any thread: makes Wait return kDone.
  static void Wake();
};

}  // namespace raftmq::broker
