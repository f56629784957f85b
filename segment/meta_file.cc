#include "segment/meta_file.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "segment/byte_codec.h"
#include "segment/meta_page.h"

namespace raftmq {
namespace {

std::uint64_t PlaceOf(MetaKind kind, std::uint64_t copy) { return (kind * 2u + copy) * kPageBytes; }

MetaKind KindOf(std::size_t i) { return static_cast<MetaKind>(i); }

// nullopt if it is bad; one that cannot be read is as bad as a damaged one.
Result<std::optional<MetaPage>> ReadCopy(const File& file, MetaKind kind, std::uint64_t copy) {
  MetaPageBytes bytes;
  if (!file.Read(PlaceOf(kind, copy), bytes)) return std::optional<MetaPage>();
  RAFTMQ_TRY_ASSIGN(auto page, ParseMetaPage(bytes, kind));
  if (page && page->sequence % 2 != copy) page.reset();
  return page;
}

}  // namespace

std::vector<std::byte> MetaFile::EncodeMarkPage() const {
  ByteWriter out;
  PutMark(out, mark_);
  out.Put(first_segment_.first.value());
  out.Put(first_segment_.first_offset.value());
  return out.bytes();
}

Status MetaFile::WritePages(MetaKind kind, const std::vector<std::byte>& payload, int copies) {
  for (int i = 0; i < copies; ++i) {
    const std::uint64_t sequence = ++sequences_[kind];
    RAFTMQ_TRY(file_->Write(PlaceOf(kind, sequence % 2), MakeMetaPage(kind, {sequence, payload})));
    if (copies > 1) RAFTMQ_TRY(Sync());
  }
  return Ok();
}

Result<std::vector<std::byte>> MetaFile::ReadPages(MetaKind kind, Bad bad,
                                                   std::vector<std::string>* notes) {
  std::optional<MetaPage> newest;
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
                            NameOf(kind), file_->path()));
  sequences_[kind] = newest->sequence;
  // A death between two copies leaves the second one old: what is about to be believed must not
  // hang on one page. Marks take turns, and an old one is as true.
  const bool is_behind = valid == 2 && kind != kMark && !are_twins;
  if (valid == 2 && !is_behind) return newest->payload;
  if (!is_behind)
    notes->push_back(fmt::format("{} one of two copies of the {} in '{}'",
                                 bad == Bad::kRepair ? "repaired" : "damaged:", NameOf(kind),
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
  RAFTMQ_TRY(meta->WritePages(kIdentity, EncodeMeta(identity), 2));
  RAFTMQ_TRY(meta->WritePages(kHardState, EncodeMeta(meta->hard_state_), 2));
  RAFTMQ_TRY(meta->WritePages(kMark, meta->EncodeMarkPage(), 2));
  RAFTMQ_TRY(meta->WritePages(kIntent, EncodeMeta(meta->intent_), 2));
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
  for (std::size_t i = 0; i < kMetaKinds; ++i) {
    const MetaKind kind = KindOf(i);
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
  for (std::size_t i = 0; i < kMetaKinds; ++i) {
    const MetaKind kind = KindOf(i);
    if (!in[kind].ok() || in[kind].left() != 0)
      return Fail(
          ErrorCode::kDataCorrupt,
          fmt::format("the {} in '{}' has another length than expected", NameOf(kind), path));
  }
  return meta;
}

Status MetaFile::SaveHardState(const HardState& state) {
  hard_state_ = state;
  return WritePages(kHardState, EncodeMeta(state), 2);
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
  for (std::size_t i = 0; i < kMetaKinds; ++i) {
    const MetaKind kind = KindOf(i);
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

std::vector<std::byte> MetaFile::PayloadOf(MetaKind kind) const {
  switch (kind) {
    case kIdentity:
      return EncodeMeta(identity_);
    case kHardState:
      return EncodeMeta(hard_state_);
    case kMark:
      return EncodeMarkPage();
    default:
      return EncodeMeta(intent_);
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
  return WritePages(kIntent, EncodeMeta(intent), 2);
}

}  // namespace raftmq
