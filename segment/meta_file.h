// `meta`: the small state of one replica that is not in its log. FORMAT.md draws the pages.
//
// Eight pages of 4096 bytes, each with a hash over all of it: identity, hard state, durable mark
// and intent, each in two copies. A start takes the higher valid copy and rewrites the other. A
// page that another replica's file should hold is as bad as a damaged one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/meta_copies.h"
#include "segment/meta_fields.h"
#include "segment/meta_page.h"
#include "segment/segment_name.h"

namespace raftmq {

// Disk-thread-affine after opening. Every failed write or sync is returned and final.
class MetaFile {
 public:
  // Writes and syncs a new file, all pages (the caller syncs the directory).
  static Result<std::unique_ptr<MetaFile>> Create(FileSystem& files, const std::string& path,
                                                  const MetaIdentity& identity, const LogMark& mark,
                                                  const SegmentName& first_segment = {});
  // The file of node `self`'s replica of the group. What was repaired (one bad copy rewritten from
  // the other, synced) is added to `notes`. A file of an older format is written anew in this one,
  // and gets the node. Errors: kDataCorrupt if both copies of a page are bad, kForeignDirectory if
  // it is another group's or node's, kUnknownFormat, kNotFound, kIoError.
  static Result<std::unique_ptr<MetaFile>> Open(FileSystem& files, const std::string& path,
                                                const GroupId& group, NodeId self,
                                                std::vector<std::string>* notes);

  // The same for the offline tools, whosever it is: repairs nothing, and `bad_copies` names what it
  // would have.
  static Result<std::unique_ptr<MetaFile>> OpenToRead(FileSystem& files, const std::string& path,
                                                      std::vector<std::string>* bad_copies);

  const MetaIdentity& identity() const { return identity_; }
  const HardState& hard_state() const { return hard_state_; }
  const LogMark& mark() const { return mark_; }
  // The log's first segment, whether its file is there or not; stands beside the mark. Index 0: not
  // known, because the last mark was written in format 2.
  const SegmentName& first_segment() const { return first_segment_; }
  const LogIntent& intent() const { return intent_; }

  // Durable on return: the first copy is synced before the second is written.
  Status SaveHardState(const HardState& state);
  // Alternates between the two copies; durable after the next Sync. It may lag, so one copy is
  // enough.
  Status WriteMark(const LogMark& mark);
  // Durable on return, in both copies: a lowered mark must not be outlived by the higher one.
  Status SaveIntent(const LogIntent& intent);
  Status LowerMark(const LogMark& mark);
  // Both at once.
  Status LowerMark(const LogMark& mark, const SegmentName& first_segment);
  // Durable on return, in both copies, so that neither names a segment whose file may go now.
  Status SaveFirstSegment(const SegmentName& first) { return LowerMark(mark_, first); }
  Status Sync();
  // Makes every bad copy again from what is known here, durable on return; whole ones stay as they
  // are. Both copies of a page may be bad.
  Status RewriteBadCopies();

 private:
  enum class Bad { kRepair, kOnlyNote };  // What is done about a bad copy with a good twin.
  explicit MetaFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  static Result<std::unique_ptr<File>> OpenFile(FileSystem& files, const std::string& path,
                                                Bad bad);
  Status Take(const MetaCopies& copies, Bad bad, std::vector<std::string>* notes);
  Status Decode(const std::array<std::vector<std::byte>, kMetaKinds>& payloads);
  Result<std::vector<std::byte>> TakeNewest(MetaKind kind, const MetaCopies& copies, Bad bad,
                                            std::vector<std::string>* notes);
  Status WriteInNewFormat(NodeId self);
  // Writes a page; with `copies` 2 each copy is synced before the next is touched.
  Status WritePages(MetaKind kind, const std::vector<std::byte>& payload, int copies);
  std::vector<std::byte> PayloadOf(MetaKind kind) const;
  std::vector<std::byte> EncodeMarkPage() const;

  std::unique_ptr<File> file_;
  std::uint64_t sequences_[kMetaKinds] =
      {};  // Of the newest copy of each kind; a page with a higher one is newer.
  MetaIdentity identity_;
  HardState hard_state_;
  bool mark_is_unsynced_ = false;
  LogMark mark_;
  SegmentName first_segment_;
  LogIntent intent_;
};

}  // namespace raftmq
