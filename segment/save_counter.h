// How far a data directory has shown itself to other nodes, and how far theirs have shown
// themselves to it: what tells a directory that was rolled back (a backup or snapshot in its place)
// from one that went on (DESIGN.md section 5, Identity).
//
//   1. a number is made durable here
//   2. only then it is told to other nodes
//   3. they remember it: a directory that later shows a lower one is older than what it promised
//
// It rises only while others accept this node: what was rolled back cannot count its way back.
//
// The file `counter` holds two copies of 16,384 bytes, the first written and synced before the
// second; FORMAT.md draws them. A start takes the newer whole one and rewrites the other. With none
// the number is 0, and who has seen a higher one says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/fatal_io.h"
#include "segment/file_system.h"

namespace raftmq {

// Thread-safe. A failed write or sync ends the process (segment/fatal_io.h).
class SaveCounter {
 public:
  static constexpr const char* kName = "counter";
  static constexpr std::size_t kNodesMax = 600;

  // What another node has shown of its directory.
  struct Shown {
    std::uint64_t incarnation = 0;
    std::uint64_t number = 0;
    bool operator==(const Shown&) const = default;
  };
  struct Content {
    std::uint64_t number = 0;
    bool is_rolled_back = false;  // Others have said so: this directory is not used any more.
    std::map<NodeId, Shown> others;
    bool operator==(const Content&) const = default;
  };

  // Makes the file if there is none; the caller syncs the directory. What was repaired is added to
  // `notes`. Errors: kDiskFull, kUnknownFormat, kIoError.
  static Result<std::unique_ptr<SaveCounter>> Open(
      FileSystem& files, const std::string& directory, std::vector<std::string>* notes,
      std::function<void(const Error&)> on_fatal = DieOfFailedWrite);

  // Whether both copies can be read. It must not be written meanwhile, or may look damaged. Errors:
  // kNotFound, kUnknownFormat, kIoError.
  static Result<bool> IsWhole(FileSystem& files, const std::string& directory);

  Content content() const;
  // Durable on return. Blocks. REQUIRES: at most kNodesMax others. Errors: kDiskFull.
  Status Save(const Content& content);
  // Makes both copies again. Blocks. Errors: kDiskFull.
  Status Rewrite();

 private:
  struct Copy {
    std::uint64_t save = 0;  // Rises with each save.
    Content content;
  };
  SaveCounter(std::unique_ptr<File> file, Copy newest, std::function<void(const Error&)> on_fatal);
  // REQUIRES: mutex_ is held.
  Status WriteNext(const Content& content);
  static std::vector<std::byte> Encode(const Copy& copy);
  struct Found {
    Copy newest;  // All zero if there is none.
    int whole = 0;
  };
  static Result<Found> ReadCopies(File& file, const std::string& path);
  static Result<Copy> Decode(const std::string& path, ByteSpan bytes);
  static Status Write(File& file, const Copy& copy);

  const std::unique_ptr<File> file_;
  const std::function<void(const Error&)> on_fatal_;
  mutable std::mutex mutex_;  // Also held while the file is written.
  Copy newest_;
};

}  // namespace raftmq
