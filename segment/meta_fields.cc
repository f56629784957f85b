#include "segment/meta_fields.h"

#include "segment/checkpoint_fields.h"

namespace raftmq {
namespace {

void PutBase(ByteWriter& out, const LogBase& base) {
  PutTail(out, base.before);
  out.Put(base.checkpoint_last.value());
  PutMembership(out, base.membership);
}

LogBase DecodeBase(ByteReader& in) {
  LogBase base;
  base.before = GetTail(in);
  base.checkpoint_last = Index(in.Get<std::uint64_t>());
  base.membership = GetMembership(in);
  return base;
}

}  // namespace

std::vector<std::byte> EncodeMeta(const MetaIdentity& identity) {
  ByteWriter out;
  out.Put(identity.group.topic.high);
  out.Put(identity.group.topic.low);
  out.Put(identity.group.partition.value());
  out.Put(identity.replica.value());
  out.Put(identity.group_seed);
  out.Put(identity.node.value());
  return out.bytes();
}

MetaIdentity DecodeIdentity(ByteReader& in) {
  MetaIdentity identity;
  identity.group.topic.high = in.Get<std::uint64_t>();
  identity.group.topic.low = in.Get<std::uint64_t>();
  identity.group.partition = PartitionNumber(in.Get<std::uint32_t>());
  identity.replica = ReplicaNumber(in.Get<std::uint64_t>());
  identity.group_seed = in.Get<std::uint64_t>();
  if (in.left() > 0) identity.node = NodeId(in.Get<std::uint32_t>());  // Format 4.
  return identity;
}

std::vector<std::byte> EncodeMeta(const HardState& state) {
  ByteWriter out;
  out.Put(state.term.value());
  out.Put(state.vote.value());
  out.Put(state.promised.term.value());
  out.Put(state.promised.index.value());
  return out.bytes();
}

HardState DecodeHardState(ByteReader& in) {
  HardState state;
  state.term = Term(in.Get<std::uint64_t>());
  state.vote = NodeId(in.Get<std::uint32_t>());
  if (in.left() == 0) return state;  // Of a time when nothing was promised beyond the log's end.
  state.promised.term = Term(in.Get<std::uint64_t>());
  state.promised.index = Index(in.Get<std::uint64_t>());
  return state;
}

void PutMark(ByteWriter& out, const LogMark& mark) {
  out.Put(mark.truncations);
  PutTail(out, mark.tail);
  out.Put(mark.segment_first.value());
  out.Put(mark.position);
  out.Put(mark.committed.value());
  out.Put(mark.unproven.value());
}

LogMark DecodeMark(ByteReader& in) {
  LogMark mark;
  mark.truncations = in.Get<std::uint64_t>();
  mark.tail = GetTail(in);
  mark.segment_first = Index(in.Get<std::uint64_t>());
  mark.position = in.Get<std::uint64_t>();
  mark.committed = Index(in.Get<std::uint64_t>());
  mark.unproven = Index(in.Get<std::uint64_t>());
  return mark;
}

std::vector<std::byte> EncodeMeta(const LogIntent& intent) {
  ByteWriter out;
  out.Put(static_cast<std::uint8_t>(intent.pending));
  PutMark(out, intent.after);
  if (intent.base) PutBase(out, *intent.base);
  return out.bytes();
}

LogIntent DecodeIntent(ByteReader& in) {
  LogIntent intent;
  const auto pending = in.Get<std::uint8_t>();
  intent.pending = static_cast<LogIntent::Pending>(pending);
  intent.after = DecodeMark(in);
  if (in.left() > 0) intent.base = DecodeBase(in);
  const bool is_reset = intent.pending == LogIntent::Pending::kReset;
  if (pending > 2 || (is_reset && !intent.base)) in.GetBytes(in.left() + 1);  // Not ok.
  return intent;
}

}  // namespace raftmq
