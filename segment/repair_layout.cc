#include "segment/repair_layout.h"

#include <cstddef>

#include "protocol/types/bytes.h"
#include "segment/file_system.h"

namespace raftmq {
namespace {

// The first frames of a run, up to one that begins a page.
class RunBefore {
 public:
  explicit RunBefore(const RunToLayOut& run) {
    tight_ends_.push_back(run.begin);
    pages_.push_back(0);
    for (const std::uint64_t length : run.lengths) {
      tight_ends_.push_back(tight_ends_.back() + length);
      pages_.push_back(pages_.back() + AlignUp(length, kPageBytes));
    }
  }

  // Whether frame `count`, or what follows the run, can begin the page at `page`.
  bool MayReach(std::size_t count, std::uint64_t page) const {
    return PageBehind(count, count) <= page && page <= PageBehind(count, 0);
  }
  // REQUIRES: MayReach.
  std::vector<std::uint64_t> LayOut(std::size_t count, std::uint64_t page) const {
    std::size_t tight = count;
    while (PageBehind(count, tight) < page) --tight;
    std::vector<std::uint64_t> places(tight_ends_.begin(),
                                      tight_ends_.begin() + static_cast<std::ptrdiff_t>(tight));
    for (std::size_t i = tight; i < count; ++i) places.push_back(PageBehind(i, tight));
    return places;
  }

 private:
  // The first page behind `count` frames: so many of them stand tight, each other on its own pages.
  std::uint64_t PageBehind(std::size_t count, std::size_t tight) const {
    return AlignUp(tight_ends_[tight], kPageBytes) + pages_[count] - pages_[tight];
  }

  std::vector<std::uint64_t> tight_ends_;  // Of the first i frames.
  std::vector<std::uint64_t> pages_;       // Bytes of the pages they take, each by itself.
};

}  // namespace

std::vector<std::uint64_t> LayOutTight(std::uint64_t begin,
                                       const std::vector<std::uint64_t>& lengths) {
  std::vector<std::uint64_t> places;
  for (const std::uint64_t length : lengths) {
    places.push_back(begin);
    begin += length;
  }
  return places;
}

std::optional<std::vector<std::uint64_t>> LayOutRun(const RunToLayOut& run) {
  const RunBefore before(run);
  std::uint64_t at = run.next_at;  // Of frame `count`, from which on all stand tight.
  for (std::size_t count = run.lengths.size();; at -= run.lengths[--count]) {
    const bool is_there = count == 0 && at == run.begin;
    const bool begins_page = at % kPageBytes == 0 && before.MayReach(count, at);
    if (is_there || begins_page) {
      auto places = begins_page ? before.LayOut(count, at) : std::vector<std::uint64_t>();
      for (; count < run.lengths.size(); at += run.lengths[count++]) places.push_back(at);
      return places;
    }
    if (count == 0 || at < run.begin + run.lengths[count - 1]) return std::nullopt;
  }
}

}  // namespace raftmq
