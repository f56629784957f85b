#include "segment/node_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/hash.h"
#include "segment/byte_codec.h"
#include "segment/fatal_io.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kManifestMagic = 0x52514D52;  // "RMQR".
constexpr std::uint16_t kManifestVersion = 1;
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kReplicaBytes = 32;
constexpr std::size_t kGrowBytes = 64u << 10;  // Space is taken in such steps.
constexpr std::size_t kFileBytesMax = 1u << 30;

Result<std::unique_ptr<File>> MakeEmpty(FileSystem& files, const std::string& path) {
  if (const auto removed = files.Remove(path);
      !removed && removed.error().code != ErrorCode::kNotFound)
    return Fail(removed.error());
  return files.Open(path, OpenMode::kCreate);
}

}  // namespace

NodeManifest::NodeManifest(Files files, Content content, std::function<void(const Error&)> on_fatal)
    : files_(std::move(files)),
      on_fatal_(std::move(on_fatal)),
      content_(std::move(content)),
      saved_counter_(content_.save_counter) {}

Status NodeManifest::Create(FileSystem& files, const std::string& directory) {
  for (const char* const name : {kName, kCopyName}) {
    RAFTMQ_TRY_ASSIGN(const auto file, MakeEmpty(files, directory + "/" + name));
    RAFTMQ_TRY(WriteCopy(*file, Encode({.save_counter = 1, .replicas = {}})));
  }
  return Ok();
}

Result<std::unique_ptr<NodeManifest>> NodeManifest::Open(
    FileSystem& files, const std::string& directory, std::vector<std::string>* notes,
    std::function<void(const Error&)> on_fatal) {
  const std::string paths[] = {directory + "/" + kName, directory + "/" + kCopyName};
  const Result<Content> copies[] = {ReadCopy(files, paths[0]), ReadCopy(files, paths[1])};
  RAFTMQ_TRY_ASSIGN(const int chosen, ChooseCopy(copies));
  Content content = *copies[chosen];
  std::unique_ptr<File> opened[2];
  for (int i = 0; i < 2; ++i) {
    const bool is_good = copies[i] && copies[i]->save_counter == content.save_counter;
    if (!copies[i]) {
      RAFTMQ_TRY_ASSIGN(opened[i], MakeEmpty(files, paths[i]));
      notes->push_back(fmt::format("made {} again from its twin", paths[i]));
    } else {
      RAFTMQ_TRY_ASSIGN(opened[i], files.Open(paths[i], OpenMode::kWrite));
    }
    // What could be read need not be durable yet, unless it is written again.
    RAFTMQ_TRY(is_good ? opened[i]->Sync() : WriteCopy(*opened[i], Encode(content)));
  }
  RAFTMQ_TRY(files.SyncDirectory(directory));
  return std::unique_ptr<NodeManifest>(
      new NodeManifest({files, directory, std::move(opened[0]), std::move(opened[1])},
                       std::move(content), std::move(on_fatal)));
}

// The first is written first, so it is the higher one if they differ and both are whole.
Result<int> NodeManifest::ChooseCopy(const Result<Content> (&copies)[2]) {
  for (const Result<Content>& copy : copies) {
    if (!copy && copy.error().code != ErrorCode::kDataCorrupt) return Fail(copy.error());
  }
  if (!copies[0] && !copies[1]) return Fail(copies[0].error());
  const bool takes_first =
      copies[0] && (!copies[1] || copies[0]->save_counter >= copies[1]->save_counter);
  return takes_first ? 0 : 1;
}

Result<std::map<GroupId, ReplicaNumber>> NodeManifest::Check(FileSystem& files,
                                                             const std::string& directory,
                                                             std::vector<std::string>* faults) {
  const Result<Content> copies[] = {ReadCopy(files, directory + "/" + kName),
                                    ReadCopy(files, directory + "/" + kCopyName)};
  RAFTMQ_TRY_ASSIGN(const int chosen, ChooseCopy(copies));
  for (const Result<Content>& copy : copies) {
    if (!copy) faults->push_back(copy.error().message);
  }
  return copies[chosen]->replicas;
}

std::optional<ReplicaNumber> NodeManifest::Find(const GroupId& group) const {
  const std::lock_guard lock(mutex_);
  const auto found = content_.replicas.find(group);
  if (found == content_.replicas.end()) return std::nullopt;
  return found->second;
}

std::vector<GroupId> NodeManifest::groups() const {
  const std::lock_guard lock(mutex_);
  std::vector<GroupId> groups;
  for (const auto& [group, replica] : content_.replicas) groups.push_back(group);
  return groups;
}

Status NodeManifest::Add(const GroupId& group, ReplicaNumber replica) {
  std::unique_lock lock(mutex_);
  const auto known = content_.replicas.find(group);
  const auto before = known == content_.replicas.end() ? ReplicaNumber() : known->second;
  content_.replicas[group] = replica;
  Status saved = Save(lock);
  if (!saved && before == ReplicaNumber()) content_.replicas.erase(group);
  if (!saved && before != ReplicaNumber()) content_.replicas[group] = before;
  return saved;
}

Status NodeManifest::Remove(const GroupId& group) {
  std::unique_lock lock(mutex_);
  if (content_.replicas.erase(group) == 0) return Ok();
  return Save(lock);
}

Status NodeManifest::Rewrite() {
  std::unique_lock lock(mutex_);
  may_be_missing_ = true;
  return Save(lock);
}

// One thread writes for all who came while the one before it wrote.
Status NodeManifest::Save(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t wanted = ++content_.save_counter;
  while (saved_counter_ < wanted) {
    if (failed_) return Fail(*failed_);
    if (is_saving_) {
      saved_.wait(lock);
      continue;
    }
    is_saving_ = true;
    const std::uint64_t counter = content_.save_counter;
    const std::vector<std::byte> bytes = Encode(content_);
    const bool may_be_missing = std::exchange(may_be_missing_, false);
    lock.unlock();
    Status written = may_be_missing ? OpenMissing() : Ok();
    if (written) written = WriteCopies(bytes);
    const bool is_fatal = !written && written.error().code != ErrorCode::kDiskFull;
    if (is_fatal) on_fatal_(written.error());
    lock.lock();
    is_saving_ = false;
    if (is_fatal) failed_ = written.error();
    if (written) saved_counter_ = std::max(saved_counter_, counter);
    saved_.notify_all();
    if (!written) return written;
  }
  return Ok();
}

// What is written to a file without a name is gone with the process.
Status NodeManifest::OpenMissing() {
  for (const bool is_first : {true, false}) {
    const std::string path = files_.directory + "/" + (is_first ? kName : kCopyName);
    const auto found = files_.system.Inspect(path);
    if (found) continue;
    if (found.error().code != ErrorCode::kNotFound) return Fail(found.error());
    RAFTMQ_TRY_ASSIGN((is_first ? files_.first : files_.second),
                      files_.system.Open(path, OpenMode::kCreate));
  }
  return files_.system.SyncDirectory(files_.directory);
}

Status NodeManifest::WriteCopies(const std::vector<std::byte>& bytes) {
  RAFTMQ_TRY(WriteCopy(*files_.first, bytes));
  return WriteCopy(*files_.second, bytes);
}

// Space first: after that a write cannot fail for the lack of it.
Status NodeManifest::WriteCopy(File& file, const std::vector<std::byte>& bytes) {
  RAFTMQ_TRY(file.Allocate((bytes.size() + kGrowBytes - 1) / kGrowBytes * kGrowBytes));
  RAFTMQ_TRY(file.Write(0, bytes));
  return file.Sync();
}

std::vector<std::byte> NodeManifest::Encode(const Content& content) {
  ByteWriter out;
  out.Put(kManifestMagic);
  out.Put(kManifestVersion);
  out.Put(std::uint16_t{0});
  out.Put(content.save_counter);
  out.Put(static_cast<std::uint64_t>(content.replicas.size()));
  for (const auto& [group, replica] : content.replicas) {
    out.Put(group.topic.high);
    out.Put(group.topic.low);
    out.Put(group.partition.value());
    out.Put(std::uint32_t{0});
    out.Put(replica.value());
  }
  out.Put(Hash64(out.bytes()));
  return out.bytes();
}

Result<NodeManifest::Content> NodeManifest::Decode(const std::string& path, ByteSpan bytes) {
  const auto damaged = [&path](std::string_view what) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("{} is damaged: {}; without it nobody knows which replicas this node "
                            "has founded: restore it from a copy",
                            path, what));
  };
  ByteReader in(bytes);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  in.Get<std::uint16_t>();
  Content content{.save_counter = in.Get<std::uint64_t>(), .replicas = {}};
  const auto count = in.Get<std::uint64_t>();
  if (!in.ok() || magic != kManifestMagic) return damaged("it does not begin with RMQR");
  if (count > in.left() / kReplicaBytes) return damaged("it is too short");
  const ByteSpan hashed = bytes.first(kHeaderBytes + count * kReplicaBytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    GroupId group;
    group.topic.high = in.Get<std::uint64_t>();
    group.topic.low = in.Get<std::uint64_t>();
    group.partition = PartitionNumber(in.Get<std::uint32_t>());
    in.Get<std::uint32_t>();
    content.replicas[group] = ReplicaNumber(in.Get<std::uint64_t>());
  }
  if (in.Get<std::uint64_t>() != Hash64(hashed) || !in.ok())
    return damaged("its hash does not hold");
  if (version != kManifestVersion) {
    return Fail(
        ErrorCode::kUnknownFormat,
        fmt::format("{} has format {}, this program knows {}: run the version that wrote it", path,
                    version, kManifestVersion));
  }
  return content;
}

Result<NodeManifest::Content> NodeManifest::ReadCopy(FileSystem& files, const std::string& path) {
  const auto file = files.Open(path, OpenMode::kRead);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kDataCorrupt,
                fmt::format("{} is missing: without it nobody knows which replicas this node has "
                            "founded: restore it from a copy",
                            path));
  }
  if (!file) return Fail(file.error());
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, (*file)->Size());
  ByteBuffer bytes(std::min<std::size_t>(size, kFileBytesMax));
  RAFTMQ_TRY((*file)->Read(0, bytes.span()));
  return Decode(path, bytes.span());
}

}  // namespace raftmq
