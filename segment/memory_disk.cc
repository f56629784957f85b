#include "segment/memory_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

constexpr MemoryDisk::InodeNumber kRoot = 1;

// "/a//b/" -> {"a", "b"}.
std::vector<std::string> PartsOf(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace

MemoryDisk::MemoryDisk(std::uint64_t capacity_bytes) {
  SetCapacity(capacity_bytes);
  nodes_[kRoot].type = FileType::kDirectory;
}

Result<MemoryDisk::InodeNumber> MemoryDisk::Find(const std::string& path) const {
  InodeNumber at = kRoot;
  for (const std::string& part : PartsOf(path)) {
    const Node& node = nodes_.at(at);
    if (node.type != FileType::kDirectory)
      return Fail(ErrorCode::kForeignDirectory,
                  fmt::format("expected a directory on the way to '{}', found a file", path));
    const auto found = node.seen.find(part);
    if (found == node.seen.end())
      return Fail(ErrorCode::kNotFound, fmt::format("there is no '{}'", path));
    at = found->second;
  }
  return at;
}

Result<MemoryDisk::Place> MemoryDisk::PlaceOf(const std::string& path) const {
  std::vector<std::string> parts = PartsOf(path);
  if (parts.empty())
    return Fail(ErrorCode::kForeignDirectory, fmt::format("'{}' names no file", path));
  Place place{.name = std::move(parts.back())};
  parts.pop_back();
  std::string parent;
  for (const std::string& part : parts) parent += "/" + part;
  RAFTMQ_TRY_ASSIGN(place.directory, Find(parent));
  if (TypeOf(place.directory) != FileType::kDirectory)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a directory at '{}', found a file", parent));
  return place;
}

Result<MemoryDisk::InodeNumber> MemoryDisk::Create(const std::string& path, FileType type) {
  RAFTMQ_TRY_ASSIGN(Place place, PlaceOf(path));
  if (nodes_.at(place.directory).seen.contains(place.name))
    return Fail(ErrorCode::kAlreadyExists, fmt::format("'{}' is there already", path));
  const InodeNumber number = ++last_number_;
  nodes_[number].type = type;
  Change({.to = std::move(place), .node = number});
  return number;
}

Status MemoryDisk::Remove(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(Place place, PlaceOf(path));
  RAFTMQ_TRY_ASSIGN(const InodeNumber number, Find(path));
  if (!nodes_.at(number).seen.empty())
    return Fail(ErrorCode::kIoError, fmt::format("cannot remove '{}': it is not empty", path));
  Change({.from = std::move(place), .node = number});
  DropUnreachable();
  return Ok();
}

Status MemoryDisk::Rename(const std::string& from, const std::string& to) {
  RAFTMQ_TRY_ASSIGN(const InodeNumber number, Find(from));
  RAFTMQ_TRY_ASSIGN(Place source, PlaceOf(from));
  RAFTMQ_TRY_ASSIGN(Place target, PlaceOf(to));
  const auto replaced = Find(to);
  if (replaced && *replaced == number) return Ok();
  if (replaced && TypeOf(*replaced) == FileType::kDirectory)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("cannot rename '{}' over the directory '{}'", from, to));
  Change({.from = std::move(source), .to = std::move(target), .node = number});
  DropUnreachable();
  return Ok();
}

void MemoryDisk::Change(NameChange change) {
  change.unit = units_.Next();
  Apply(change, &Node::seen, &nodes_);
  unsynced_names_.push_back(std::move(change));
}

// A directory that was lost itself takes what was changed in it along.
void MemoryDisk::Apply(const NameChange& change, Names Node::*view,
                       std::map<InodeNumber, Node>* nodes) {
  const auto from = nodes->find(change.from.directory);
  if (from != nodes->end()) (from->second.*view).erase(change.from.name);
  const auto to = nodes->find(change.to.directory);
  if (to != nodes->end()) (to->second.*view)[change.to.name] = change.node;
}

Status MemoryDisk::SyncDirectory(const std::string& path) {
  RAFTMQ_TRY_ASSIGN(const InodeNumber directory, Find(path));
  if (TypeOf(directory) != FileType::kDirectory)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a directory at '{}', found a file", path));
  std::vector<NameChange> others;
  for (NameChange& change : unsynced_names_) {
    if (change.from.directory == directory || change.to.directory == directory) {
      Apply(change, &Node::durable, &nodes_);
      units_.Synced(change.unit);
    } else {
      others.push_back(std::move(change));
    }
  }
  unsynced_names_ = std::move(others);
  DropUnreachable();
  return Ok();
}

Result<std::vector<DirectoryEntry>> MemoryDisk::List(const std::string& path) const {
  RAFTMQ_TRY_ASSIGN(const InodeNumber directory, Find(path));
  if (TypeOf(directory) != FileType::kDirectory)
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a directory at '{}', found a file", path));
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, number] : nodes_.at(directory).seen)
    entries.push_back({name, TypeOf(number)});
  return entries;
}

void MemoryDisk::Release(InodeNumber number) {
  RAFTMQ_CHECK(nodes_.at(number).held > 0);
  if (--nodes_.at(number).held == 0) DropUnreachable();
}

Status MemoryDisk::TakeRoom(std::uint64_t pages) {
  if (pages == 0) return Ok();
  if (pages * kPageBytes > FreeBytes())
    return Fail(ErrorCode::kDiskFull, fmt::format("no space: expected {} bytes free, found {}",
                                                  pages * kPageBytes, FreeBytes()));
  return Ok();
}

Status MemoryDisk::Write(InodeNumber number, std::uint64_t at, ByteSpan bytes) {
  MemoryInode& content = nodes_.at(number).content;
  RAFTMQ_TRY(TakeRoom(content.MissingPages(at, bytes.size())));
  content.Write(at, bytes, &units_);
  return Ok();
}

Status MemoryDisk::Zero(InodeNumber number, std::uint64_t at, std::uint64_t count) {
  MemoryInode& content = nodes_.at(number).content;
  RAFTMQ_TRY(TakeRoom(content.MissingPages(at, count)));
  content.Zero(at, count, &units_);
  return Ok();
}

Status MemoryDisk::Allocate(InodeNumber number, std::uint64_t size) {
  MemoryInode& content = nodes_.at(number).content;
  RAFTMQ_TRY(TakeRoom(content.MissingPages(0, size)));
  content.Allocate(size, &units_);
  return Ok();
}

void MemoryDisk::Sync(InodeNumber number) { nodes_.at(number).content.Sync(&units_); }

void MemoryDisk::Damage(InodeNumber number, std::uint64_t at, std::byte flips) {
  nodes_.at(number).content.Damage(at, flips);
}

std::uint64_t MemoryDisk::FreeBytes() const {
  std::uint64_t used = 0;
  for (const auto& [number, node] : nodes_) used += node.content.allocated_pages();
  return (capacity_pages_ - std::min(used, capacity_pages_)) * kPageBytes;
}

std::size_t MemoryDisk::unsynced_units() const {
  std::size_t units = unsynced_names_.size();
  for (const auto& [number, node] : nodes_) units += node.content.unsynced_units();
  return units;
}

MemoryDisk MemoryDisk::AfterPowerCut(CrashChooser& chooser) const {
  MemoryDisk left(capacity_pages_ * kPageBytes);
  left.last_number_ = last_number_;
  for (const auto& [number, node] : nodes_) {
    Node& copy = left.nodes_[number];
    copy.type = node.type;
    copy.durable = node.durable;
    copy.content = node.content.AfterPowerCut(chooser);
  }
  for (const NameChange& change : unsynced_names_)
    if (chooser.Keeps(change.unit)) Apply(change, &Node::durable, &left.nodes_);
  for (auto& [number, node] : left.nodes_) node.seen = node.durable;
  left.DropUnreachable();
  return left;
}

// Forgets what has neither a name, now or after some power cut, nor an open handle.
void MemoryDisk::DropUnreachable() {
  std::set<InodeNumber> named;
  do {  // Again, because a directory that goes takes names along.
    named = {kRoot};
    for (const auto& [number, node] : nodes_) {
      for (const Names* const view : {&node.seen, &node.durable})
        for (const auto& entry : *view) named.insert(entry.second);
      if (node.held > 0) named.insert(number);
    }
    for (const NameChange& change : unsynced_names_) named.insert(change.node);
  } while (std::erase_if(nodes_, [&](const auto& entry) { return !named.contains(entry.first); }) >
           0);
}

}  // namespace raftmq
