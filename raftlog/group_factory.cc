#include "raftlog/group_factory.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "raftlog/reopening_group.h"

namespace raftmq {
namespace {

// Room in a fresh segment beside the greatest batch and the control reserve: its own header and
// checkpoint.
constexpr std::uint64_t kSegmentOverheadBytes = 64u << 10;

LogOptions LogOptionsOf(const GroupOptions& options) {
  LogOptions log = options.log;
  log.self = options.self;
  std::uint64_t least = AlignUp(
      options.batch_bytes_max + log.control_reserve_bytes + kSegmentOverheadBytes, kPageBytes);
  if (options.internal) least += AlignUp(options.state_bytes_max, kPageBytes);
  log.segment_bytes_first = std::max(log.segment_bytes_first, least);
  log.segment_bytes_max = std::max(log.segment_bytes_max, log.segment_bytes_first);
  return log;
}

// A fresh log looks like one that was recovered just after its founding.
RecoveryReport ReportOfFounding(const PartitionLog& log, const LogOptions& options,
                                const LogFounding& founding) {
  RecoveryReport report;
  report.replica = founding.replica;
  report.tail = log.tail();
  // Entry 1 is a pure function of the creating command: committed by that (DESIGN.md section 5).
  report.commit_floor = log.bounds().last;
  report.newest_checkpoint_index = log.bounds().first;
  Checkpoint& checkpoint = report.newest_checkpoint;
  checkpoint.group = options.group;
  checkpoint.group_seed = founding.group_seed;
  checkpoint.membership = founding.membership;
  checkpoint.state_machine = ByteBuffer(founding.state_machine.size());
  std::copy(founding.state_machine.span().begin(), founding.state_machine.span().end(),
            checkpoint.state_machine.data());
  return report;
}

using OpenBlocking = std::function<Result<std::unique_ptr<OpenedLog>>()>;

void MakeGroupFrom(OpenBlocking open, const GroupOptions& options, const GroupDeps& deps,
                   GroupDone done) {
  struct State {
    OpenBlocking open;
    GroupDone done;
    Result<std::unique_ptr<OpenedLog>> log;
  };
  auto state = std::make_shared<State>(State{std::move(open), std::move(done), nullptr});
  const Status queued =
      deps.work.Submit([state] { state->log = state->open(); },
                       [state, options, deps] {
                         if (!state->log) return state->done(Fail(state->log.error()));
                         state->done(MakeGroup(options, deps, std::move(*state->log)));
                       });
  if (!queued) state->done(Fail(queued.error()));
}

}  // namespace

Result<std::unique_ptr<OpenedLog>> OpenGroupLog(FileSystem& files, const GroupOptions& options) {
  RecoveryReport report;
  RAFTMQ_TRY_ASSIGN(std::unique_ptr<PartitionLog> log,
                    PartitionLog::Open(files, LogOptionsOf(options), &report));
  return ScanOpenedLog(std::move(log), std::move(report));
}

Result<std::unique_ptr<OpenedLog>> CreateGroupLog(FileSystem& files, const GroupOptions& options,
                                                  const LogFounding& founding) {
  const LogOptions log_options = LogOptionsOf(options);
  RAFTMQ_TRY_ASSIGN(std::unique_ptr<PartitionLog> log,
                    PartitionLog::Create(files, log_options, founding));
  RecoveryReport report = ReportOfFounding(*log, log_options, founding);
  return ScanOpenedLog(std::move(log), std::move(report));
}

std::unique_ptr<Group> MakeGroup(const GroupOptions& options, const GroupDeps& deps,
                                 std::unique_ptr<OpenedLog> log, ReopenLog reopen) {
  RAFTMQ_CHECK(log != nullptr);
  if (!reopen) reopen = [&files = deps.files, options] { return OpenGroupLog(files, options); };
  return std::make_unique<ReopeningGroup>(options, deps, std::move(*log), std::move(reopen));
}

void CreateGroup(const GroupOptions& options, LogFounding founding, const GroupDeps& deps,
                 GroupDone done) {
  auto shared = std::make_shared<LogFounding>(std::move(founding));
  MakeGroupFrom(
      [&files = deps.files, options, shared] { return CreateGroupLog(files, options, *shared); },
      options, deps, std::move(done));
}

void OpenGroup(const GroupOptions& options, const GroupDeps& deps, GroupDone done) {
  MakeGroupFrom([&files = deps.files, options] { return OpenGroupLog(files, options); }, options,
                deps, std::move(done));
}

}  // namespace raftmq
