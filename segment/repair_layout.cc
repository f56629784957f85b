#include "segment/repair_layout.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "protocol/types/bytes.h"
#include "segment/file_system.h"

namespace raftmq {
namespace {

constexpr std::size_t kPlacesMax = 1u << 20;  // Looked at in all.

// Where a frame may begin -> where its predecessor began, on the way there.
using Places = std::map<std::uint64_t, std::uint64_t>;

// What is left is laid out between these: all of it tight, or each frame and the last place with
// almost a page before it.
struct Rest {
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  bool MayReach(std::uint64_t from, std::uint64_t to) const {
    return from + bytes <= to && to <= from + bytes + (frames + 1) * kPageBytes;
  }
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
  const std::size_t count = run.lengths.size();
  Rest rest{std::accumulate(run.lengths.begin(), run.lengths.end(), std::uint64_t{0}), count};
  // places[i]: of frame i; the last: of the frame behind the run.
  std::vector<Places> places(count + 1);
  std::size_t looked_at = 0;
  const auto reach = [&](std::size_t i, std::uint64_t end, std::uint64_t from) {
    for (const std::uint64_t at : {end, AlignUp(end, kPageBytes)}) {
      if (rest.MayReach(at, run.next_at)) places[i].emplace(at, from);
    }
  };
  reach(0, run.begin, 0);
  for (std::size_t i = 0; i < count; ++i) {
    looked_at += places[i].size();
    if (looked_at > kPlacesMax) return std::nullopt;
    rest.bytes -= run.lengths[i];
    --rest.frames;
    for (const auto& [at, from] : places[i]) reach(i + 1, at + run.lengths[i], at);
  }
  auto place = places[count].find(run.next_at);
  if (place == places[count].end()) return std::nullopt;
  std::vector<std::uint64_t> found(count);
  for (std::size_t i = count; i-- > 0;) {
    found[i] = place->second;
    place = places[i].find(found[i]);
  }
  return found;
}

}  // namespace raftmq
