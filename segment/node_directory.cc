#include "segment/node_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kNodeMagic = 0x4E514D52;  // "RMQN".
constexpr std::uint16_t kNodeVersion = 1;
constexpr std::size_t kNodeFixedBytes = 24;
constexpr std::size_t kNodeFileBytesMax = 2 * (kNodeFixedBytes + 0xFFFF + 8);

constexpr const char* kLockName = "LOCK";
constexpr const char* kNodeName = "node";
constexpr const char* kUnfinishedName = "node.new";
constexpr const char* kPartitionsName = "partitions";

std::string PathOf(const NodeDirectoryOptions& options, const char* name) {
  return options.path + "/" + name;
}

std::vector<std::byte> Encode(const NodeIdentity& identity) {
  RAFTMQ_CHECK(identity.cluster_id.size() <= 0xFFFF);
  ByteWriter out;
  out.Put(kNodeMagic);
  out.Put(kNodeVersion);
  out.Put(static_cast<std::uint16_t>(identity.cluster_id.size()));
  out.Put(identity.node.value());
  out.Put(std::uint32_t{0});
  out.Put(identity.incarnation);
  out.PutBytes(AsBytes(identity.cluster_id));
  out.Put(Hash64(out.bytes()));
  return out.bytes();
}

Result<NodeIdentity> Decode(const std::string& path, ByteSpan bytes) {
  const auto damaged = [&path](std::string_view what) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("{} is damaged: {}; restore it from a copy", path, what));
  };
  if (bytes.size() < kNodeFixedBytes + 8) return damaged("it is too short");
  ByteReader in(bytes);
  if (in.Get<std::uint32_t>() != kNodeMagic) return damaged("it does not begin with RMQN");
  const auto version = in.Get<std::uint16_t>();
  const ByteSpan hashed = bytes.first(bytes.size() - 8);
  if (Hash64(hashed) != LoadLittleEndian<std::uint64_t>(bytes.data() + hashed.size())) {
    return damaged("its hash does not hold");
  }
  if (version != kNodeVersion) {
    return Fail(
        ErrorCode::kUnknownFormat,
        fmt::format("{} has format {}, this program knows {}: run the version that wrote it", path,
                    version, kNodeVersion));
  }
  const auto cluster_bytes = in.Get<std::uint16_t>();
  NodeIdentity identity;
  identity.node = NodeId(in.Get<std::uint32_t>());
  in.Get<std::uint32_t>();
  identity.incarnation = in.Get<std::uint64_t>();
  identity.cluster_id = AsText(in.GetBytes(cluster_bytes));
  if (!in.ok() || in.left() != 8) return damaged("its lengths do not add up");
  return identity;
}

struct ReadNode {
  NodeIdentity identity;
  bool one_copy_is_damaged = false;
};

Result<ReadNode> ReadIdentity(FileSystem& files, const NodeDirectoryOptions& options) {
  const std::string path = PathOf(options, kNodeName);
  RAFTMQ_TRY_ASSIGN(const auto file, files.Open(path, OpenMode::kRead));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  ByteBuffer bytes(std::min<std::size_t>(size, kNodeFileBytesMax));
  RAFTMQ_TRY(file->Read(0, bytes.span()));
  const auto first = Decode(path, bytes.span().first(bytes.size() / 2));
  const auto second = Decode(path, bytes.span().subspan(bytes.size() / 2));
  for (const auto* const copy : {&first, &second}) {
    if (!*copy && copy->error().code == ErrorCode::kUnknownFormat) return Fail(copy->error());
  }
  if (!first && !second) return Fail(first.error());
  if (first && second && !(*first == *second))
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("the two copies in {} differ; restore it from a copy", path));
  return ReadNode{first ? *first : *second, !first || !second};
}

Status CheckIdentity(const NodeIdentity& found, const NodeDirectoryOptions& options) {
  if (found.cluster_id == options.cluster_id && found.node == options.node) return Ok();
  return Fail(ErrorCode::kForeignDirectory,
              fmt::format("{} belongs to node {} of cluster '{}', this is node {} of cluster '{}': "
                          "check --data-dir, --node-id and --cluster-id",
                          options.path, found.node.value(), found.cluster_id, options.node.value(),
                          options.cluster_id));
}

std::string ParentOf(const std::string& path) {
  const std::string parent =
      std::filesystem::path(path + "/").lexically_normal().parent_path().parent_path().string();
  return parent.empty() ? "." : parent;
}

bool IsOurs(const std::string& name) {
  return name == kLockName || name == kNodeName || name == kUnfinishedName ||
         name == kPartitionsName || name == NodeManifest::kName ||
         name == NodeManifest::kCopyName || name == SaveCounter::kName || name == kScrubFileName ||
         name == kScrubUnfinishedName;
}

// Names of ours must be what they say; others are left alone.
Status CheckEntries(const std::vector<DirectoryEntry>& entries, const NodeDirectoryOptions& options,
                    std::vector<std::string>* notes) {
  for (const DirectoryEntry& entry : entries) {
    if (!IsOurs(entry.name)) {
      if (entry.name != "lost+found") {
        notes->push_back(
            fmt::format("{}/{} is not ours and is left alone", options.path, entry.name));
      }
      continue;
    }
    const auto wanted = entry.name == kPartitionsName ? FileType::kDirectory : FileType::kRegular;
    if (entry.type == wanted) continue;
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected {}/{} to be a {}, found a {}", options.path, entry.name,
                            wanted == FileType::kDirectory ? "directory" : "file",
                            entry.type == FileType::kOther ? "link, fifo or device"
                                                           : "thing of the other kind"));
  }
  return Ok();
}

bool Has(const std::vector<DirectoryEntry>& entries, const char* name) {
  return std::ranges::find(entries, name, &DirectoryEntry::name) != entries.end();
}

// Whole under another name first: `node` is there with all its bytes, or not at all.
Status WriteIdentity(FileSystem& files, const NodeDirectoryOptions& options,
                     const NodeIdentity& identity) {
  const std::string unfinished = PathOf(options, kUnfinishedName);
  if (const auto removed = files.Remove(unfinished);
      !removed && removed.error().code != ErrorCode::kNotFound) {
    return removed;
  }
  {
    RAFTMQ_TRY_ASSIGN(const auto file, files.Open(unfinished, OpenMode::kCreate));
    const auto copy = Encode(identity);
    RAFTMQ_TRY(file->Write(0, copy));
    RAFTMQ_TRY(file->Write(copy.size(), copy));
    RAFTMQ_TRY(file->Sync());
  }
  RAFTMQ_TRY(files.Rename(unfinished, PathOf(options, kNodeName)));
  return files.SyncDirectory(options.path);
}

Status Found(FileSystem& files, const NodeDirectoryOptions& options,
             const std::vector<DirectoryEntry>& entries, NodeDirectory* directory) {
  if (Has(entries, kPartitionsName)) {
    return Fail(
        ErrorCode::kForeignDirectory,
        fmt::format("{} holds partitions but no file `node` that says whose they are; restore "
                    "it from a copy",
                    options.path));
  }
  if (!options.may_found) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("{} is empty and there is no cluster to join; --bootstrap founds one",
                            options.path));
  }
  // The directory's own name must not be lost after what is in it was relied on.
  RAFTMQ_TRY(files.SyncDirectory(ParentOf(options.path)));
  // Before `node`, which makes the directory one: it is never without a manifest.
  RAFTMQ_TRY(NodeManifest::Create(files, options.path));
  RAFTMQ_TRY(files.SyncDirectory(options.path));
  directory->identity = {options.cluster_id, options.node, options.incarnation};
  directory->is_new = true;
  return WriteIdentity(files, options, directory->identity);
}

// Reads only, so that nothing is touched in a directory that is refused.
Status CheckUntouched(FileSystem& files, const NodeDirectoryOptions& options) {
  const auto info = files.Inspect(options.path);
  if (!info && info.error().code == ErrorCode::kNotFound) return Ok();
  RAFTMQ_TRY(info);
  if (info->type == FileType::kRegular)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected {} to be a directory, found a file", options.path));
  RAFTMQ_TRY_ASSIGN(const auto entries, files.List(options.path));
  std::vector<std::string> notes;
  RAFTMQ_TRY(CheckEntries(entries, options, &notes));
  if (!Has(entries, kNodeName)) return Ok();
  RAFTMQ_TRY_ASSIGN(const PathInfo node, files.Inspect(PathOf(options, kNodeName)));
  if (!node.owned_by_us)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("{} belongs to another user of this machine: run raftmqd as that user",
                            PathOf(options, kNodeName)));
  RAFTMQ_TRY_ASSIGN(const ReadNode found, ReadIdentity(files, options));
  return CheckIdentity(found.identity, options);
}

Error RolledBack(const NodeDirectoryOptions& options) {
  return {ErrorCode::kForeignDirectory,
          fmt::format("{} was rolled back: other nodes have seen a newer one of node {}. Start it "
                      "with the newer one; if that is gone for good, with an empty directory, and "
                      "run `raftmq node replace {}`",
                      options.path, options.node.value(), options.node.value())};
}

Status CreateIfMissing(FileSystem& files, const std::string& path) {
  const auto created = files.CreateDirectory(path);
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return created;
  return Ok();
}

}  // namespace

Result<NodeDirectory> OpenNodeDirectory(FileSystem& files, const NodeDirectoryOptions& options) {
  RAFTMQ_TRY(CheckUntouched(files, options));
  RAFTMQ_TRY(CreateIfMissing(files, options.path));
  NodeDirectory directory;
  RAFTMQ_TRY_ASSIGN(directory.lock, files.Lock(PathOf(options, kLockName)));
  RAFTMQ_TRY_ASSIGN(const auto entries, files.List(options.path));
  RAFTMQ_TRY(CheckEntries(entries, options, &directory.notes));
  if (Has(entries, kNodeName)) {
    RAFTMQ_TRY_ASSIGN(const ReadNode found, ReadIdentity(files, options));
    RAFTMQ_TRY(CheckIdentity(found.identity, options));
    directory.identity = found.identity;
    if (found.one_copy_is_damaged) {
      RAFTMQ_TRY(WriteIdentity(files, options, found.identity));
      directory.notes.push_back(
          fmt::format("repaired one of two copies in {}", PathOf(options, kNodeName)));
    }
    // A founding that was killed before this step may have left a name that is not durable.
    RAFTMQ_TRY(files.SyncDirectory(options.path));
  } else {
    RAFTMQ_TRY(Found(files, options, entries, &directory));
  }
  RAFTMQ_TRY_ASSIGN(directory.manifest, NodeManifest::Open(files, options.path, &directory.notes));
  RAFTMQ_TRY_ASSIGN(directory.counter, SaveCounter::Open(files, options.path, &directory.notes));
  RAFTMQ_TRY(files.SyncDirectory(options.path));
  if (directory.counter->content().is_rolled_back) return Fail(RolledBack(options));
  return directory;
}

Result<bool> IsNodeFileWhole(FileSystem& files, const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const ReadNode found, ReadIdentity(files, {.path = path}));
  return !found.one_copy_is_damaged;
}

Status RepairNodeFile(FileSystem& files, const std::string& path) {
  const NodeDirectoryOptions options{.path = path};
  RAFTMQ_TRY_ASSIGN(const ReadNode found, ReadIdentity(files, options));
  if (!found.one_copy_is_damaged) return Ok();
  return WriteIdentity(files, options, found.identity);
}

Result<NodeCheck> CheckNodeDirectory(FileSystem& files, const std::string& path) {
  const NodeDirectoryOptions options{.path = path};
  RAFTMQ_TRY_ASSIGN(const ReadNode found, ReadIdentity(files, options));
  NodeCheck check{.identity = found.identity};
  if (found.one_copy_is_damaged)
    check.faults.push_back(
        fmt::format("one of two copies in {} is damaged", PathOf(options, kNodeName)));
  const auto counter_is_whole = SaveCounter::IsWhole(files, path);
  if (counter_is_whole && !*counter_is_whole) {
    check.faults.push_back(
        fmt::format("one of two copies in {} is damaged", PathOf(options, SaveCounter::kName)));
  } else if (!counter_is_whole && counter_is_whole.error().code != ErrorCode::kNotFound) {
    check.faults.push_back(counter_is_whole.error().message);
  }
  RAFTMQ_TRY_ASSIGN(const auto listed, NodeManifest::Check(files, path, &check.faults));
  for (const auto& [group, replica] : listed) {
    const std::string directory = PathOf(options, kPartitionsName) + "/" + group.ToString();
    if (files.Inspect(directory + "/meta")) continue;
    check.faults.push_back(
        fmt::format("{} is lost: replica {} was founded here", directory, replica.value()));
  }
  return check;
}

}  // namespace raftmq
