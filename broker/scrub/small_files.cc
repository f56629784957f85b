#include "broker/scrub/small_files.h"

#include <chrono>
#include <thread>
#include <utility>

#include "segment/meta_file.h"
#include "segment/node_directory.h"

namespace raftmq::broker {
namespace {

constexpr std::chrono::milliseconds kPatience{80};
constexpr std::chrono::milliseconds kLookAgainAfter{20};

// What `look` still finds at its last look: "" once nothing is wrong.
template <class Look>
std::string LookAgain(Look look, std::chrono::milliseconds patience = kPatience) {
  std::string bad = look();
  for (auto spent = kLookAgainAfter; spent <= patience && !bad.empty(); spent += kLookAgainAfter) {
    std::this_thread::sleep_for(kLookAgainAfter);  // On a thread of the work pool.
    bad = look();
  }
  return bad;
}

std::string Joined(const std::vector<std::string>& faults) {
  std::string text;
  for (const std::string& fault : faults) text += (text.empty() ? "" : "; ") + fault;
  return text;
}

// Repairs once by `repair` what `look` finds.
template <class Look, class Repair>
SmallFileCheck CheckAndRepair(std::string path, Look look, Repair repair) {
  SmallFileCheck check{.path = std::move(path), .bad = LookAgain(look)};
  if (check.bad.empty()) return check;
  const Status repaired = repair();
  if (!repaired) {
    check.bad += "; it could not be made again: " + repaired.error().ToString();
    return check;
  }
  check.is_repaired = LookAgain(look).empty();
  return check;
}

}  // namespace

std::vector<SmallFileCheck> CheckNodeFiles(FileSystem& files, const std::string& directory,
                                           NodeManifest& manifest, SaveCounter& counter) {
  const auto look_at_node = [&files, &directory]() -> std::string {
    const auto is_whole = IsNodeFileWhole(files, directory);
    if (!is_whole) return is_whole.error().message;
    return *is_whole ? "" : "one of its two copies is damaged";
  };
  const auto look_at_manifest = [&files, &directory]() -> std::string {
    std::vector<std::string> faults;
    const auto listed = NodeManifest::Check(files, directory, &faults);
    return listed ? Joined(faults) : listed.error().message;
  };
  const auto look_at_counter = [&files, &directory]() -> std::string {
    const auto is_whole = SaveCounter::IsWhole(files, directory);
    if (!is_whole) return is_whole.error().message;
    return *is_whole ? "" : "one of its two copies is damaged";
  };
  return {CheckAndRepair(directory + "/node", look_at_node,
                         [&files, &directory] { return RepairNodeFile(files, directory); }),
          CheckAndRepair(directory + "/" + NodeManifest::kName, look_at_manifest,
                         [&manifest] { return manifest.Rewrite(); }),
          CheckAndRepair(directory + "/" + SaveCounter::kName, look_at_counter,
                         [&counter] { return counter.Rewrite(); })};
}

SmallFileCheck CheckMetaFile(FileSystem& files, const std::string& directory,
                             std::chrono::milliseconds patience) {
  const std::string path = directory + "/meta";
  const auto look = [&files, &path]() -> std::string {
    std::vector<std::string> bad_copies;
    const auto meta = MetaFile::OpenToRead(files, path, &bad_copies);
    if (meta) return Joined(bad_copies);
    // Its partition is being deleted.
    return meta.error().code == ErrorCode::kNotFound ? "" : meta.error().message;
  };
  return {.path = path, .bad = LookAgain(look, patience)};
}

}  // namespace raftmq::broker
