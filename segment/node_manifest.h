// Which replicas a node has founded: a listed replica without its directory is lost. It must never
// be founded anew, because it may have voted and acked before (DESIGN.md section 5, Identity).
//
//   1. the replica's directory is made durable
//   2. it is listed here, durable in both copies
//   3. only then it votes or acks
//
// Two files with the same bytes, `manifest` and `manifest.copy`; FORMAT.md draws them. The first is
// written and synced, then the second; a start takes the higher whole one and rewrites the other.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/fatal_io.h"
#include "segment/file_system.h"

namespace raftmq {

// Thread-safe. A failed write or sync ends the process (segment/fatal_io.h).
class NodeManifest {
 public:
  static constexpr const char* kName = "manifest";
  static constexpr const char* kCopyName = "manifest.copy";

  // Writes an empty one; the caller syncs the directory. What an interrupted call left is replaced.
  static Status Create(FileSystem& files, const std::string& directory);
  // What was repaired is added to `notes`. `on_fatal` is for simulators: told of a failed write, it
  // may return, and then nothing is written any more. Errors: kDataCorrupt if both copies are bad
  // or missing, kUnknownFormat, kIoError.
  static Result<std::unique_ptr<NodeManifest>> Open(
      FileSystem& files, const std::string& directory, std::vector<std::string>* notes,
      std::function<void(const Error&)> on_fatal = DieOfFailedWrite);

  // For offline tools: what a start would find listed, with what is wrong with either copy added to
  // `faults`. Changes nothing. Errors: as Open.
  static Result<std::map<GroupId, ReplicaNumber>> Check(FileSystem& files,
                                                        const std::string& directory,
                                                        std::vector<std::string>* faults);

  std::optional<ReplicaNumber> Find(const GroupId& group) const;
  std::vector<GroupId> groups() const;
  // Durable on return; calls of several threads share their syncs. Errors: kDiskFull, then the
  // replica is not listed.
  Status Add(const GroupId& group, ReplicaNumber replica);
  Status Remove(const GroupId& group);
  // Writes both copies anew, because one of them was found damaged or missing. As Add.
  Status Rewrite();

 private:
  using Replicas = std::map<GroupId, ReplicaNumber>;
  struct Content {
    std::uint64_t save_counter = 0;
    Replicas replicas;
  };

  struct Files {
    FileSystem& system;
    std::string directory;
    std::unique_ptr<File> first, second;
  };

  NodeManifest(Files files, Content content, std::function<void(const Error&)> on_fatal);
  static std::vector<std::byte> Encode(const Content& content);
  static Result<Content> Decode(const std::string& path, ByteSpan bytes);
  static Result<Content> ReadCopy(FileSystem& files, const std::string& path);
  static Result<int> ChooseCopy(const Result<Content> (&copies)[2]);
  static Status WriteCopy(File& file, const std::vector<std::byte>& bytes);
  Status Save(std::unique_lock<std::mutex>& lock);
  Status OpenMissing();
  Status WriteCopies(const std::vector<std::byte>& bytes);

  Files files_;
  const std::function<void(const Error&)> on_fatal_;
  mutable std::mutex mutex_;
  std::condition_variable saved_;
  Content content_;              // As it is to be.
  std::uint64_t saved_counter_;  // As it is on disk.
  bool may_be_missing_ = false;  // A copy's name may be gone.
  bool is_saving_ = false;       // Some thread writes; only that one touches the files.
  std::optional<Error> failed_;  // For good.
};

}  // namespace raftmq
