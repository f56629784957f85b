#include "segment/log_founding.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protocol/types/hash.h"
#include "segment/segment_scan.h"

namespace raftmq {
namespace {

// What the first entry follows: nothing, in this group.
std::uint64_t ChainOf(const GroupId& group) {
  std::byte bytes[20];
  StoreLittleEndian(bytes, group.topic.high);
  StoreLittleEndian(bytes + 8, group.topic.low);
  StoreLittleEndian(bytes + 16, group.partition.value());
  return Hash64(bytes);
}

// The founding checkpoint, stamped: index 1, term 0, offset 0. A pure function of its arguments, so
// that founding replicas write the same bytes.
std::vector<SharedBytes> FoundingFrames(const LogOptions& options, const LogFounding& founding,
                                        std::uint64_t segment_bytes) {
  Checkpoint checkpoint{.group = options.group,
                        .group_seed = founding.group_seed,
                        .membership = founding.membership,
                        .segment_bytes = segment_bytes};
  checkpoint.before.chain = ChainOf(options.group);
  checkpoint.state_machine = ByteBuffer(founding.state_machine.size());
  std::ranges::copy(founding.state_machine.span(), checkpoint.state_machine.data());
  std::vector<SharedBytes> frames;
  Index index(1);
  std::uint64_t chain = checkpoint.before.chain;
  for (const ByteBuffer& part : EncodeCheckpoint(checkpoint)) {
    ByteBuffer frame = MakeControlEntry(EntryKind::kCheckpoint, part.span());
    chain = StampBatch(frame.span(), {.index = index, .chain = chain}, founding.group_seed);
    index = index.Next();
    frames.push_back(SharedBytes(std::move(frame)));
  }
  return frames;
}

}  // namespace

Result<RecoveredLog> FoundLog(FileSystem& files, const LogOptions& options,
                              const LogFounding& founding) {
  const std::string parent = options.directory.substr(0, options.directory.rfind('/'));
  Segment segment;
  segment.name = {Index(1), Offset(0)};
  segment.path = options.directory + "/" + segment.name.LogFile();
  segment.allocated_bytes = AlignUp(options.segment_bytes_first, kPageBytes);
  RAFTMQ_TRY(CheckLeavesKept(files, parent, segment.allocated_bytes, options.space));
  RAFTMQ_TRY(files.CreateDirectory(options.directory));
  RAFTMQ_TRY(files.SyncDirectory(parent));
  {
    RAFTMQ_TRY_ASSIGN(const auto file, files.Open(segment.path, OpenMode::kCreate));
    RAFTMQ_TRY(file->Allocate(segment.allocated_bytes));
    RAFTMQ_TRY(file->Sync());
  }
  const auto frames = FoundingFrames(options, founding, segment.allocated_bytes);
  RecoveredLog log;
  for (const SharedBytes& frame : frames) {
    RAFTMQ_TRY_ASSIGN(const BatchHeader header, ParseBatchHeader(frame.view()));
    segment.index.Add(header, segment.staged_end);
    segment.staged_end += frame.size();
    segment.tail = TailAfter(header);
  }
  log.tail = segment.tail;
  log.mark = {.tail = log.tail,
              .segment_first = segment.name.first,
              .position = segment.staged_end,
              .committed = log.tail.index};
  log.identity = {options.group, founding.replica, founding.group_seed, options.self};
  auto disk_without_meta = std::make_shared<LogDisk>(files, options.directory, nullptr);
  RAFTMQ_TRY(disk_without_meta->OpenActive(segment.name, 0));
  RAFTMQ_TRY(disk_without_meta->Append(frames, false));
  RAFTMQ_TRY(disk_without_meta->SyncActive());
  RAFTMQ_TRY(files.SyncDirectory(options.directory));
  RAFTMQ_TRY_ASSIGN(auto meta, MetaFile::Create(files, options.directory + "/meta.tmp",
                                                log.identity, log.mark, segment.name));
  log.first = segment.name;
  RAFTMQ_TRY(files.Rename(options.directory + "/meta.tmp", options.directory + "/meta"));
  RAFTMQ_TRY(files.SyncDirectory(options.directory));
  log.disk = std::make_shared<LogDisk>(files, options.directory, std::move(meta));
  RAFTMQ_TRY(log.disk->OpenActive(segment.name, segment.staged_end));
  RAFTMQ_TRY_ASSIGN(segment.view.map, log.disk->MapOf(segment.name));
  segment.view.end = segment.staged_end;
  segment.view.page_at = AlignDown(segment.staged_end, kPageBytes);
  segment.view.page = log.disk->UnfinishedPage();
  segment.view.map->AdviseSequential(false);
  log.segments.push_back(std::move(segment));
  return log;
}

}  // namespace raftmq
