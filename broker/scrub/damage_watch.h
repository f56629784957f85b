// What is damaged on a shard, as far as is known: counts what comes and goes, whoever found it (the
// scrubber, a read, the start) and whoever made it good.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "segment/partition_log.h"

namespace raftmq::broker {

// For people and for `raftmq scrub status`.
struct KnownDamage {
  std::string where;  // "orders/0", or a file.
  Offset first_offset, end_offset;
  std::string what;
  bool operator==(const KnownDamage&) const = default;
};

// Not thread-safe.
class DamageWatch {
 public:
  // All that is damaged in one log now; called again and again. Ranges that overlap none of the
  // earlier ones are found, earlier ones that overlap none of these are repaired.
  void Update(const GroupId& group, const std::string& name,
              const std::vector<DamagedRange>& damage);
  // One that was found just now, and may be repaired before the next update.
  void Add(const GroupId& group, const std::string& name, const DamagedRange& range);
  // The log is not here any more: its damage is neither open nor repaired.
  void Forget(const GroupId& group);
  // Logs with damage at their last update.
  std::vector<GroupId> groups() const;

  // Small files, whose bad copy is named by its path.
  void FileIsBad(const std::string& path, const std::string& what);
  void FileIsWhole(const std::string& path);

  std::uint64_t found() const { return found_; }        // Since the start of the process.
  std::uint64_t repaired() const { return repaired_; }  // The same.
  std::vector<KnownDamage> Open() const;                // Logs first, each in order.

 private:
  struct Log {
    std::string name;
    std::vector<DamagedRange> ranges;
  };
  std::map<GroupId, Log> logs_;               // Those with damage.
  std::map<std::string, std::string> files_;  // Path -> what.
  std::uint64_t found_ = 0;
  std::uint64_t repaired_ = 0;
};

}  // namespace raftmq::broker
