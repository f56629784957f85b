#include "segment/sparse_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kIndexMagic = 0x58494D52;  // "RMIX".
constexpr std::uint16_t kIndexVersion = 1;
constexpr std::size_t kLineBytes = 32;
constexpr std::size_t kRunBytes = 16;
constexpr std::size_t kHashBytes = 8;

// The last line for which `is_before` holds; the first if it holds for none. REQUIRES: lines are
// there.
template <class IsBefore>
SparseIndex::Line LastBefore(const std::vector<SparseIndex::Line>& lines, IsBefore is_before) {
  if (lines.empty()) return {};
  const auto after = std::partition_point(lines.begin(), lines.end(), is_before);
  return after == lines.begin() ? lines.front() : *std::prev(after);
}

}  // namespace

void SparseIndex::Add(const BatchHeader& header, std::uint64_t position) {
  if (lines_.empty() || position >= lines_.back().position + kSpacingBytes) {
    lines_.push_back({header.leader.index, header.leader.base_offset, max_timestamp_ms_, position});
  }
  if (runs_.empty() || runs_.back().term != header.leader.term)
    runs_.push_back({header.leader.index, header.leader.term});
  if (header.producer.kind == EntryKind::kData) {
    max_timestamp_ms_ = std::max(max_timestamp_ms_, header.producer.max_timestamp_ms);
  }
}

void SparseIndex::CutFrom(std::uint64_t position, Index index) {
  while (!runs_.empty() && runs_.back().first >= index) runs_.pop_back();
  while (!lines_.empty() && lines_.back().position >= position) lines_.pop_back();
  if (lines_.empty()) {
    max_timestamp_ms_ = kNoTime;
    is_exact_ = true;
  } else if (max_timestamp_ms_ != lines_.back().max_timestamp_ms) {
    is_exact_ = false;  // A frame that is kept may have raised it, or one that is gone.
  }
}

SparseIndex::Line SparseIndex::BeforeIndex(Index index) const {
  return LastBefore(lines_, [&](const Line& line) { return line.index <= index; });
}

SparseIndex::Line SparseIndex::BeforeOffset(Offset offset) const {
  // Control entries share the offset of the record after them: several lines may have `offset`, and
  // the first of them may lie in front of the batch, so only lines strictly before it or equal are
  // taken in order.
  return LastBefore(lines_, [&](const Line& line) { return line.offset <= offset; });
}

SparseIndex::Line SparseIndex::BeforeTime(std::int64_t timestamp_ms) const {
  return LastBefore(lines_, [&](const Line& line) { return line.max_timestamp_ms < timestamp_ms; });
}

std::optional<Term> SparseIndex::TermAt(Index index) const {
  const auto after = std::partition_point(runs_.begin(), runs_.end(),
                                          [&](const TermRun& run) { return run.first <= index; });
  if (after == runs_.begin()) return std::nullopt;
  return std::prev(after)->term;
}

std::vector<std::byte> SparseIndex::Encode(const Summary& summary) const {
  RAFTMQ_CHECK(is_exact_);
  ByteWriter out;
  out.Put(kIndexMagic);
  out.Put(kIndexVersion);
  out.Put(std::uint16_t{0});
  out.Put(static_cast<std::uint64_t>(lines_.size()));
  out.Put(static_cast<std::uint64_t>(runs_.size()));
  out.Put(max_timestamp_ms_);
  out.Put(summary.tail.index.value());
  out.Put(summary.tail.term.value());
  out.Put(summary.tail.next_offset.value());
  out.Put(summary.tail.chain);
  out.Put(summary.tail.append_time_ms);
  out.Put(summary.used_bytes);
  for (const auto& line : lines_) {
    out.Put(line.index.value());
    out.Put(line.offset.value());
    out.Put(line.max_timestamp_ms);
    out.Put(line.position);
  }
  for (const auto& run : runs_) {
    out.Put(run.first.value());
    out.Put(run.term.value());
  }
  out.Put(Hash64(out.bytes()));
  return out.bytes();
}

Result<SparseIndex> SparseIndex::Decode(ByteSpan file, Summary* summary) {
  if (file.size() < kHashBytes ||
      Hash64(file.first(file.size() - kHashBytes)) !=
          LoadLittleEndian<std::uint64_t>(file.data() + file.size() - kHashBytes)) {
    return Fail(ErrorCode::kDataCorrupt, "the hash of the index does not hold");
  }
  ByteReader in(file.first(file.size() - kHashBytes));
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  (void)in.Get<std::uint16_t>();
  if (magic != kIndexMagic) return Fail(ErrorCode::kDataCorrupt, "this is not an index");
  if (version != kIndexVersion)
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected index format {}, found {}", kIndexVersion, version));
  SparseIndex index;
  const auto lines = in.Get<std::uint64_t>();
  const auto runs = in.Get<std::uint64_t>();
  index.max_timestamp_ms_ = in.Get<std::int64_t>();
  summary->tail.index = Index(in.Get<std::uint64_t>());
  summary->tail.term = Term(in.Get<std::uint64_t>());
  summary->tail.next_offset = Offset(in.Get<std::uint64_t>());
  summary->tail.chain = in.Get<std::uint64_t>();
  summary->tail.append_time_ms = in.Get<std::int64_t>();
  summary->used_bytes = in.Get<std::uint64_t>();
  if (!in.ok() || in.left() != lines * kLineBytes + runs * kRunBytes)
    return Fail(ErrorCode::kDataCorrupt, "the index has another length than its header says");
  index.lines_.reserve(lines);
  for (std::uint64_t i = 0; i < lines; ++i) {
    Line line;
    line.index = Index(in.Get<std::uint64_t>());
    line.offset = Offset(in.Get<std::uint64_t>());
    line.max_timestamp_ms = in.Get<std::int64_t>();
    line.position = in.Get<std::uint64_t>();
    index.lines_.push_back(line);
  }
  for (std::uint64_t i = 0; i < runs; ++i) {
    const Index first(in.Get<std::uint64_t>());
    index.runs_.push_back({first, Term(in.Get<std::uint64_t>())});
  }
  return index;
}

}  // namespace raftmq
