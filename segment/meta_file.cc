#include "segment/meta_file.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"
#include "segment/checkpoint_fields.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kMetaMagic = 0x4D514D52;  // "RMQM".
constexpr std::uint16_t kMetaVersion = 3;
constexpr std::uint16_t kMetaVersionMin = 2;  // Without the first segment, else the same.
constexpr std::size_t kPageHeaderBytes = 20;
constexpr std::size_t kPageHashAt = kPageBytes - 8;

enum PageKind : std::uint16_t { kIdentity = 0, kHardState = 1, kMark = 2, kIntent = 3 };
constexpr std::array<const char*, 4> kPageNames{"identity", "term and vote", "durable mark",
                                                "intent"};

using Page = std::array<std::byte, kPageBytes>;

std::uint64_t PlaceOf(std::uint16_t kind, std::uint64_t copy) {
  return (kind * 2u + copy) * kPageBytes;
}

Page MakePage(std::uint16_t kind, std::uint64_t sequence, const std::vector<std::byte>& payload) {
  RAFTMQ_CHECK(kPageHeaderBytes + payload.size() <= kPageHashAt);
  ByteWriter out;
  out.Put(kMetaMagic);
  out.Put(kMetaVersion);
  out.Put(kind);
  out.Put(sequence);
  out.Put(static_cast<std::uint32_t>(payload.size()));
  out.PutBytes(payload);
  Page page{};
  std::memcpy(page.data(), out.bytes().data(), out.bytes().size());
  StoreLittleEndian(page.data() + kPageHashAt, Hash64(ByteSpan(page).first(kPageHashAt)));
  return page;
}

struct ParsedPage {
  std::uint64_t sequence = 0;
  std::vector<std::byte> payload;
};

// nullopt if the page is damaged; kUnknownFormat if it is whole but newer than this program.
Result<std::optional<ParsedPage>> ParsePage(const Page& page, std::uint16_t kind) {
  if (Hash64(ByteSpan(page).first(kPageHashAt)) !=
      LoadLittleEndian<std::uint64_t>(page.data() + kPageHashAt))
    return std::optional<ParsedPage>();
  ByteReader in(page);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  if (magic == kMetaMagic && (version < kMetaVersionMin || version > kMetaVersion))
    return Fail(ErrorCode::kUnknownFormat, fmt::format("expected meta format {} or {}, found {}",
                                                       kMetaVersionMin, kMetaVersion, version));
  const auto found_kind = in.Get<std::uint16_t>();
  ParsedPage parsed;
  parsed.sequence = in.Get<std::uint64_t>();
  const ByteSpan payload = in.GetBytes(in.Get<std::uint32_t>());
  if (magic != kMetaMagic || found_kind != kind || !in.ok()) return std::optional<ParsedPage>();
  parsed.payload.assign(payload.begin(), payload.end());
  return std::optional<ParsedPage>(std::move(parsed));
}

// nullopt if it is bad; one that cannot be read is as bad as a damaged one.
Result<std::optional<ParsedPage>> ReadCopy(const File& file, std::uint16_t kind,
                                           std::uint64_t copy) {
  Page page;
  if (!file.Read(PlaceOf(kind, copy), page)) return std::optional<ParsedPage>();
  RAFTMQ_TRY_ASSIGN(auto parsed, ParsePage(page, kind));
  if (parsed && parsed->sequence % 2 != copy) parsed.reset();
  return parsed;
}

std::vector<std::byte> Encode(const MetaIdentity& identity) {
  ByteWriter out;
  out.Put(identity.group.topic.high);
  out.Put(identity.group.topic.low);
  out.Put(identity.group.partition.value());
  out.Put(identity.replica.value());
  out.Put(identity.group_seed);
  return out.bytes();
}

MetaIdentity DecodeIdentity(ByteReader& in) {
  MetaIdentity identity;
  identity.group.topic.high = in.Get<std::uint64_t>();
  identity.group.topic.low = in.Get<std::uint64_t>();
  identity.group.partition = PartitionNumber(in.Get<std::uint32_t>());
  identity.replica = ReplicaNumber(in.Get<std::uint64_t>());
  identity.group_seed = in.Get<std::uint64_t>();
  return identity;
}

std::vector<std::byte> Encode(const HardState& state) {
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

void Put(ByteWriter& out, const LogMark& mark) {
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

void Put(ByteWriter& out, const LogBase& base) {
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

std::vector<std::byte> Encode(const LogIntent& intent) {
  ByteWriter out;
  out.Put(static_cast<std::uint8_t>(intent.pending));
  Put(out, intent.after);
  if (intent.base) Put(out, *intent.base);
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

}  // namespace

std::vector<std::byte> MetaFile::EncodeMarkPage() const {
  ByteWriter out;
  Put(out, mark_);
  out.Put(first_segment_.first.value());
  out.Put(first_segment_.first_offset.value());
  return out.bytes();
}

Status MetaFile::WritePages(std::uint16_t kind, const std::vector<std::byte>& payload, int copies) {
  for (int i = 0; i < copies; ++i) {
    const std::uint64_t sequence = ++sequences_[kind];
    RAFTMQ_TRY(file_->Write(PlaceOf(kind, sequence % 2), MakePage(kind, sequence, payload)));
    if (copies > 1) RAFTMQ_TRY(Sync());
  }
  return Ok();
}

Result<std::vector<std::byte>> MetaFile::ReadPages(std::uint16_t kind, Bad bad,
                                                   std::vector<std::string>* notes) {
  std::optional<ParsedPage> newest;
  int valid = 0;
  bool are_twins = true;
  for (std::uint64_t copy = 0; copy < 2; ++copy) {
    RAFTMQ_TRY_ASSIGN(auto parsed, ReadCopy(*file_, kind, copy));
    if (!parsed) continue;
    ++valid;
    if (newest) are_twins = newest->payload == parsed->payload;
    if (!newest || parsed->sequence > newest->sequence) newest = std::move(parsed);
  }
  if (!newest)
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("both copies of the {} in '{}' are damaged: this replica is lost",
                            kPageNames[kind], file_->path()));
  sequences_[kind] = newest->sequence;
  // A death between two copies leaves the second one old: what is about to be believed must not
  // hang on one page. Marks take turns, and an old one is as true.
  const bool is_behind = valid == 2 && kind != kMark && !are_twins;
  if (valid == 2 && !is_behind) return newest->payload;
  if (!is_behind)
    notes->push_back(fmt::format("{} one of two copies of the {} in '{}'",
                                 bad == Bad::kRepair ? "repaired" : "damaged:", kPageNames[kind],
                                 file_->path()));
  if (bad == Bad::kOnlyNote) return newest->payload;
  RAFTMQ_TRY(WritePages(kind, newest->payload, 1));
  RAFTMQ_TRY(Sync());
  return newest->payload;
}

Result<std::unique_ptr<MetaFile>> MetaFile::Create(FileSystem& files, const std::string& path,
                                                   const MetaIdentity& identity,
                                                   const LogMark& mark,
                                                   const SegmentName& first_segment) {
  RAFTMQ_TRY_ASSIGN(auto file, files.Open(path, OpenMode::kCreate));
  RAFTMQ_TRY(file->Allocate(8 * kPageBytes));
  std::unique_ptr<MetaFile> meta(new MetaFile(std::move(file)));
  meta->identity_ = identity;
  meta->mark_ = mark;
  meta->first_segment_ = first_segment;
  RAFTMQ_TRY(meta->WritePages(kIdentity, Encode(identity), 2));
  RAFTMQ_TRY(meta->WritePages(kHardState, Encode(meta->hard_state_), 2));
  RAFTMQ_TRY(meta->WritePages(kMark, meta->EncodeMarkPage(), 2));
  RAFTMQ_TRY(meta->WritePages(kIntent, Encode(meta->intent_), 2));
  return meta;
}

Result<std::unique_ptr<MetaFile>> MetaFile::Open(FileSystem& files, const std::string& path,
                                                 std::vector<std::string>* notes) {
  return OpenAs(files, path, Bad::kRepair, notes);
}

Result<std::unique_ptr<MetaFile>> MetaFile::OpenToRead(FileSystem& files, const std::string& path,
                                                       std::vector<std::string>* bad_copies) {
  return OpenAs(files, path, Bad::kOnlyNote, bad_copies);
}

Result<std::unique_ptr<MetaFile>> MetaFile::OpenAs(FileSystem& files, const std::string& path,
                                                   Bad bad, std::vector<std::string>* notes) {
  RAFTMQ_TRY_ASSIGN(auto file,
                    files.Open(path, bad == Bad::kRepair ? OpenMode::kWrite : OpenMode::kRead));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  if (size != 8 * kPageBytes) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("expected '{}' to have {} bytes, found {}: this replica is lost", path,
                            8 * kPageBytes, size));
  }
  // A killed process may have left a mark in the disk's cache only. The next one goes over the
  // other copy: one power cut must not find both half written.
  if (bad == Bad::kRepair) RAFTMQ_TRY(file->Sync());
  std::unique_ptr<MetaFile> meta(new MetaFile(std::move(file)));
  std::array<std::vector<std::byte>, 4> payloads;
  for (std::uint16_t kind = 0; kind < payloads.size(); ++kind) {
    RAFTMQ_TRY_ASSIGN(payloads[kind], meta->ReadPages(kind, bad, notes));
  }
  std::array<ByteReader, 4> in{ByteReader(payloads[0]), ByteReader(payloads[1]),
                               ByteReader(payloads[2]), ByteReader(payloads[3])};
  meta->identity_ = DecodeIdentity(in[kIdentity]);
  meta->hard_state_ = DecodeHardState(in[kHardState]);
  meta->mark_ = DecodeMark(in[kMark]);
  if (in[kMark].left() > 0) {  // Format 3.
    meta->first_segment_.first = Index(in[kMark].Get<std::uint64_t>());
    meta->first_segment_.first_offset = Offset(in[kMark].Get<std::uint64_t>());
  }
  meta->intent_ = DecodeIntent(in[kIntent]);
  for (std::uint16_t kind = 0; kind < in.size(); ++kind) {
    if (!in[kind].ok() || in[kind].left() != 0)
      return Fail(
          ErrorCode::kDataCorrupt,
          fmt::format("the {} in '{}' has another length than expected", kPageNames[kind], path));
  }
  return meta;
}

Status MetaFile::SaveHardState(const HardState& state) {
  hard_state_ = state;
  return WritePages(kHardState, Encode(state), 2);
}

Status MetaFile::WriteMark(const LogMark& mark) {
  // Until the last one is synced the same copy is written again: the other copy must stay whole.
  if (mark_is_unsynced_) ++sequences_[kMark];
  mark_ = mark;
  mark_is_unsynced_ = true;
  return WritePages(kMark, EncodeMarkPage(), 1);
}

Status MetaFile::Sync() {
  RAFTMQ_TRY(file_->Sync());
  mark_is_unsynced_ = false;
  return Ok();
}

// What is whole may not be synced yet, and must be before its twin is written.
Status MetaFile::RewriteBadCopies() {
  for (std::uint16_t kind = 0; kind < kPageNames.size(); ++kind) {
    RAFTMQ_TRY_ASSIGN(const auto first, ReadCopy(*file_, kind, 0));
    RAFTMQ_TRY_ASSIGN(const auto second, ReadCopy(*file_, kind, 1));
    if (first && second) continue;
    RAFTMQ_TRY(Sync());
    const std::uint64_t bad = first ? 1 : 0;
    if (sequences_[kind] % 2 == bad) ++sequences_[kind];
    RAFTMQ_TRY(WritePages(kind, PayloadOf(kind), first || second ? 1 : 2));
    RAFTMQ_TRY(Sync());
  }
  return Ok();
}

std::vector<std::byte> MetaFile::PayloadOf(std::uint16_t kind) const {
  switch (kind) {
    case kIdentity:
      return Encode(identity_);
    case kHardState:
      return Encode(hard_state_);
    case kMark:
      return EncodeMarkPage();
    default:
      return Encode(intent_);
  }
}

Status MetaFile::LowerMark(const LogMark& mark) { return LowerMark(mark, first_segment_); }

Status MetaFile::LowerMark(const LogMark& mark, const SegmentName& first_segment) {
  // The other copy must stay whole until the last one is synced.
  if (mark_is_unsynced_) RAFTMQ_TRY(Sync());
  mark_ = mark;
  first_segment_ = first_segment;
  return WritePages(kMark, EncodeMarkPage(), 2);
}

Status MetaFile::SaveIntent(const LogIntent& intent) {
  intent_ = intent;
  return WritePages(kIntent, Encode(intent), 2);
}

}  // namespace raftmq
