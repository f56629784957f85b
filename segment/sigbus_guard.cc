#include "segment/sigbus_guard.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace raftmq {
namespace {

constexpr int kSlots = 16'384;
constexpr std::size_t kPathBytes = 100;
constexpr std::uintptr_t kFree = 0;
constexpr std::uintptr_t kBeingFilled = 1;

// Global, because a signal handler is called with nothing else. `begin` is written last, so that
// whoever sees an address sees its other fields.
struct Slot {
  std::atomic<std::uintptr_t> begin{kFree};
  std::atomic<std::size_t> size{0};
  char path[kPathBytes + 1] = {};
};
Slot slots[kSlots];
std::atomic<unsigned> next_slot{0};

struct sigaction previous_bus;
struct sigaction previous_segv;

// Nothing but what a signal handler may do: no allocation, no lock, no stdio.
class Line {
 public:
  void Add(const char* text) {
    while (*text != 0 && size_ < sizeof bytes_) bytes_[size_++] = *text++;
  }
  void Add(std::uintptr_t number) {
    char digits[24];
    int count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    while (count > 0 && size_ < sizeof bytes_) bytes_[size_++] = digits[--count];
  }
  void Write() const {
    if (write(STDERR_FILENO, bytes_, size_) < 0) return;
  }

 private:
  char bytes_[512];
  std::size_t size_ = 0;
};

const Slot* Find(std::uintptr_t address) {
  for (const Slot& slot : slots) {
    const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin > kBeingFilled && address >= begin && address - begin < slot.size) return &slot;
  }
  return nullptr;
}

void OnFault(int number, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (const Slot* const slot = info->si_code > 0 ? Find(address) : nullptr) {
    Line line;
    line.Add(number == SIGBUS ? "raftmqd: SIGBUS in the map of '" : "raftmqd: SIGSEGV in '");
    line.Add(slot->path);
    line.Add("' at byte ");
    line.Add(address - slot->begin.load(std::memory_order_relaxed));
    line.Add(": the disk cannot read it, or the file was cut from outside; exit 11\n");
    line.Write();
    _exit(kExitSegmentFault);
  }
  // Not ours: once the handler has returned, the same instruction faults again under the old rule;
  // a signal that somebody sent has to be sent again.
  sigaction(number, number == SIGBUS ? &previous_bus : &previous_segv, nullptr);
  if (info->si_code <= 0) raise(number);
}

}  // namespace

void InstallSigbusGuard() {
  struct sigaction action {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGBUS, &action, &previous_bus);
  sigaction(SIGSEGV, &action, &previous_segv);
}

GuardedRange::GuardedRange(const void* base, std::size_t size, std::string_view path) {
  if (size == 0) return;
  const unsigned from = next_slot.fetch_add(1, std::memory_order_relaxed);
  for (unsigned i = 0; i < kSlots && slot_ < 0; ++i) {
    const auto candidate = static_cast<int>((from + i) % kSlots);
    std::uintptr_t expected = kFree;
    if (slots[candidate].begin.compare_exchange_strong(expected, kBeingFilled)) slot_ = candidate;
  }
  if (slot_ < 0) return;
  Slot& slot = slots[slot_];
  path.remove_prefix(path.size() - std::min(path.size(), kPathBytes));
  std::memcpy(slot.path, path.data(), path.size());
  slot.path[path.size()] = 0;
  slot.size.store(size, std::memory_order_relaxed);
  slot.begin.store(reinterpret_cast<std::uintptr_t>(base), std::memory_order_release);
}

GuardedRange::~GuardedRange() {
  if (slot_ >= 0) slots[slot_].begin.store(kFree, std::memory_order_release);
}

}  // namespace raftmq
