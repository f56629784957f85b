#include "segment/meta_file.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "segment/byte_codec.h"
#include "segment/meta_page.h"

namespace raftmq {
namespace {

MetaKind KindOf(std::size_t i) { return static_cast<MetaKind>(i); }

Status CheckNode(const MetaIdentity& identity, NodeId self, const std::string& path) {
  if (identity.node == self) return Ok();
  return Fail(
      ErrorCode::kForeignDirectory,
      fmt::format("expected '{}' to be of the replica on node {}, found that of node {}: put each "
                  "node's own directory back; if it is gone, move this one away",
                  path, self.value(), identity.node.value()));
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
    const MetaPage page{
        .sequence = ++sequences_[kind], .owner = OwnerOf(kind, identity_), .payload = payload};
    RAFTMQ_TRY(file_->Write(PlaceOf(kind, page.sequence % 2), MakeMetaPage(kind, page)));
    if (copies > 1) RAFTMQ_TRY(Sync());
  }
  return Ok();
}

Result<std::vector<std::byte>> MetaFile::TakeNewest(MetaKind kind, const MetaCopies& copies,
                                                    Bad bad, std::vector<std::string>* notes) {
  const auto& [first, second] = copies.pages[kind];
  if (!first && !second)
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("both copies of the {} in '{}' are damaged: this replica is lost",
                            NameOf(kind), file_->path()));
  const bool is_second = !first || (second && second->sequence > first->sequence);
  const MetaPage& newest = is_second ? *second : *first;
  sequences_[kind] = newest.sequence;
  const bool are_both_whole = first && second;
  // A death between two copies leaves the second one old: what is about to be believed must not
  // hang on one page. Marks take turns, and an old one is as true.
  const bool is_behind = are_both_whole && kind != kMark && first->payload != second->payload;
  if (are_both_whole && !is_behind) return newest.payload;
  if (!is_behind)
    notes->push_back(fmt::format("{} one of two copies of the {} in '{}'",
                                 bad == Bad::kRepair ? "repaired" : "damaged:", NameOf(kind),
                                 file_->path()));
  // Of an old format all are about to be written anew.
  if (bad == Bad::kOnlyNote || copies.is_old) return newest.payload;
  RAFTMQ_TRY(WritePages(kind, newest.payload, 1));
  RAFTMQ_TRY(Sync());
  return newest.payload;
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
                                                 const GroupId& group, NodeId self,
                                                 std::vector<std::string>* notes) {
  RAFTMQ_TRY_ASSIGN(auto file, OpenFile(files, path, Bad::kRepair));
  std::unique_ptr<MetaFile> meta(new MetaFile(std::move(file)));
  RAFTMQ_TRY_ASSIGN(const MetaCopies copies, ReadMetaCopies(*meta->file_, group));
  if (!copies.is_old) RAFTMQ_TRY(CheckNode(copies.identity, self, path));
  RAFTMQ_TRY(meta->Take(copies, Bad::kRepair, notes));
  if (!copies.is_old) return meta;
  notes->push_back(fmt::format("wrote '{}' anew in format {}", path, kMetaVersion));
  RAFTMQ_TRY(meta->WriteInNewFormat(self));
  return meta;
}

Result<std::unique_ptr<MetaFile>> MetaFile::OpenToRead(FileSystem& files, const std::string& path,
                                                       std::vector<std::string>* bad_copies) {
  RAFTMQ_TRY_ASSIGN(auto file, OpenFile(files, path, Bad::kOnlyNote));
  std::unique_ptr<MetaFile> meta(new MetaFile(std::move(file)));
  RAFTMQ_TRY_ASSIGN(const MetaCopies copies, ReadMetaCopies(*meta->file_, std::nullopt));
  RAFTMQ_TRY(meta->Take(copies, Bad::kOnlyNote, bad_copies));
  return meta;
}

Result<std::unique_ptr<File>> MetaFile::OpenFile(FileSystem& files, const std::string& path,
                                                 Bad bad) {
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
  return file;
}

Status MetaFile::Take(const MetaCopies& copies, Bad bad, std::vector<std::string>* notes) {
  identity_ = copies.identity;  // Pages that are made again bear it.
  std::array<std::vector<std::byte>, kMetaKinds> payloads;
  for (std::size_t i = 0; i < kMetaKinds; ++i) {
    RAFTMQ_TRY_ASSIGN(payloads[i], TakeNewest(KindOf(i), copies, bad, notes));
  }
  return Decode(payloads);
}

Status MetaFile::Decode(const std::array<std::vector<std::byte>, kMetaKinds>& payloads) {
  std::array<ByteReader, kMetaKinds> in{ByteReader(payloads[0]), ByteReader(payloads[1]),
                                        ByteReader(payloads[2]), ByteReader(payloads[3])};
  identity_ = DecodeIdentity(in[kIdentity]);
  hard_state_ = DecodeHardState(in[kHardState]);
  mark_ = DecodeMark(in[kMark]);
  if (in[kMark].left() > 0) {  // Format 3.
    first_segment_.first = Index(in[kMark].Get<std::uint64_t>());
    first_segment_.first_offset = Offset(in[kMark].Get<std::uint64_t>());
  }
  intent_ = DecodeIntent(in[kIntent]);
  for (std::size_t i = 0; i < kMetaKinds; ++i) {
    if (!in[i].ok() || in[i].left() != 0)
      return Fail(ErrorCode::kDataCorrupt,
                  fmt::format("the {} in '{}' has another length than expected", NameOf(KindOf(i)),
                              file_->path()));
  }
  return Ok();
}

// The identity goes last: while it is of the old format, pages of both are believed, so that a
// death in between loses nothing.
Status MetaFile::WriteInNewFormat(NodeId self) {
  identity_.node = self;
  for (const MetaKind kind : {kHardState, kMark, kIntent, kIdentity})
    RAFTMQ_TRY(WritePages(kind, PayloadOf(kind), 2));
  return Ok();
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
    RAFTMQ_TRY_ASSIGN(const auto first, ReadOwnCopy(*file_, kind, 0, identity_));
    RAFTMQ_TRY_ASSIGN(const auto second, ReadOwnCopy(*file_, kind, 1, identity_));
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
