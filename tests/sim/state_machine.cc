#include "tests/sim/state_machine.h"

#include <algorithm>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq::sim {
namespace {

constexpr std::size_t kKept = 8;
constexpr std::size_t kKeptBytes = 200;  // Of each.

}  // namespace

void StateMachine::Apply(Index index, ByteSpan payload) {
  const Index before = std::exchange(last_, index);
  hash_ = Hash64(payload, hash_ ^ index.value());
  const ByteSpan kept = payload.first(std::min(payload.size(), kKeptBytes));
  newest_.emplace_back(kept.begin(), kept.end());
  if (newest_.size() > kKept) newest_.pop_front();
  steps_.push_back({.before = before, .index = index, .hash = Hash64(Capture().span())});
}

ByteBuffer StateMachine::Capture() const {
  ByteWriter out;
  out.Put(last_.value());
  out.Put(hash_);
  for (const std::vector<std::byte>& command : newest_) {
    out.Put(static_cast<std::uint32_t>(command.size()));
    out.PutBytes(command);
  }
  ByteBuffer bytes(out.bytes().size());
  std::ranges::copy(out.bytes(), bytes.data());
  return bytes;
}

void StateMachine::Restore(ByteSpan state) {
  *this = StateMachine();
  if (state.empty()) return;
  ByteReader in(state);
  last_ = Index(in.Get<std::uint64_t>());
  hash_ = in.Get<std::uint64_t>();
  while (in.ok() && in.left() > 0) {
    const ByteSpan command = in.GetBytes(in.Get<std::uint32_t>());
    newest_.emplace_back(command.begin(), command.end());
  }
  RAFTMQ_CHECK(in.ok());
  steps_.push_back({.index = last_, .hash = Hash64(state), .is_restored = true});
}

}  // namespace raftmq::sim
