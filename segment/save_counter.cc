#include "segment/save_counter.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kCounterMagic = 0x43514D52;  // "RMQC".
constexpr std::uint16_t kCounterVersion = 1;
constexpr std::uint16_t kRolledBackFlag = 1;
constexpr std::size_t kCopyBytes = 16'384;
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kNodeBytes = 24;
constexpr std::size_t kHashBytes = 8;

static_assert(kHeaderBytes + SaveCounter::kNodesMax * kNodeBytes + kHashBytes <= kCopyBytes);
static_assert(kCopyBytes % kPageBytes == 0);

}  // namespace

SaveCounter::SaveCounter(std::unique_ptr<File> file, Copy newest,
                         std::function<void(const Error&)> on_fatal)
    : file_(std::move(file)), on_fatal_(std::move(on_fatal)), newest_(std::move(newest)) {}

Result<std::unique_ptr<SaveCounter>> SaveCounter::Open(FileSystem& files,
                                                       const std::string& directory,
                                                       std::vector<std::string>* notes,
                                                       std::function<void(const Error&)> on_fatal) {
  const std::string path = directory + "/" + kName;
  auto file = files.Open(path, OpenMode::kWrite);
  const bool is_new = !file && file.error().code == ErrorCode::kNotFound;
  if (is_new) file = files.Open(path, OpenMode::kCreate);
  if (!file) return Fail(std::move(file).error());
  RAFTMQ_TRY((*file)->Allocate(2 * kCopyBytes));
  RAFTMQ_TRY_ASSIGN(Found found, ReadCopies(**file, path));
  if (!is_new && found.whole < 2) {
    notes->push_back(found.whole == 1
                         ? fmt::format("repaired one of two copies in {}", path)
                         : fmt::format("{} has no whole copy: counting from 0 again", path));
  }
  // What could be read need not be durable yet, unless it is written again.
  RAFTMQ_TRY(Write(**file, found.newest));
  return std::unique_ptr<SaveCounter>(
      new SaveCounter(std::move(*file), std::move(found.newest), std::move(on_fatal)));
}

Result<bool> SaveCounter::IsWhole(FileSystem& files, const std::string& directory) {
  const std::string path = directory + "/" + kName;
  RAFTMQ_TRY_ASSIGN(const auto file, files.Open(path, OpenMode::kRead));
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, file->Size());
  if (size < 2 * kCopyBytes) return false;
  RAFTMQ_TRY_ASSIGN(const Found found, ReadCopies(*file, path));
  return found.whole == 2;
}

Result<SaveCounter::Found> SaveCounter::ReadCopies(File& file, const std::string& path) {
  ByteBuffer bytes(2 * kCopyBytes);
  RAFTMQ_TRY(file.Read(0, bytes.span()));
  Found found;
  for (int i = 0; i < 2; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * kCopyBytes;
    auto copy = Decode(path, bytes.span().subspan(at, kCopyBytes));
    if (!copy && copy.error().code == ErrorCode::kUnknownFormat) return Fail(copy.error());
    if (!copy) continue;
    ++found.whole;
    if (copy->save >= found.newest.save) found.newest = std::move(*copy);
  }
  return found;
}

SaveCounter::Content SaveCounter::content() const {
  const std::lock_guard lock(mutex_);
  return newest_.content;
}

Status SaveCounter::Save(const Content& content) {
  RAFTMQ_CHECK(content.others.size() <= kNodesMax);
  const std::lock_guard lock(mutex_);
  return WriteNext(content);
}

Status SaveCounter::Rewrite() {
  const std::lock_guard lock(mutex_);
  return WriteNext(newest_.content);
}

Status SaveCounter::WriteNext(const Content& content) {
  Copy next{newest_.save + 1, content};
  const Status written = Write(*file_, next);
  if (!written && written.error().code != ErrorCode::kDiskFull) on_fatal_(written.error());
  if (written) newest_ = std::move(next);
  return written;
}

Status SaveCounter::Write(File& file, const Copy& copy) {
  const std::vector<std::byte> bytes = Encode(copy);
  RAFTMQ_TRY(file.Write(0, bytes));
  RAFTMQ_TRY(file.Sync());
  RAFTMQ_TRY(file.Write(kCopyBytes, bytes));
  return file.Sync();
}

std::vector<std::byte> SaveCounter::Encode(const Copy& copy) {
  ByteWriter out;
  out.Put(kCounterMagic);
  out.Put(kCounterVersion);
  out.Put(copy.content.is_rolled_back ? kRolledBackFlag : std::uint16_t{0});
  out.Put(copy.save);
  out.Put(copy.content.number);
  out.Put(static_cast<std::uint64_t>(copy.content.others.size()));
  for (const auto& [node, shown] : copy.content.others) {
    out.Put(node.value());
    out.Put(std::uint32_t{0});
    out.Put(shown.incarnation);
    out.Put(shown.number);
  }
  std::vector<std::byte> bytes = out.bytes();
  bytes.resize(kCopyBytes);
  const auto hash = Hash64(ByteSpan(bytes).first(kCopyBytes - kHashBytes));
  StoreLittleEndian(bytes.data() + kCopyBytes - kHashBytes, hash);
  return bytes;
}

Result<SaveCounter::Copy> SaveCounter::Decode(const std::string& path, ByteSpan bytes) {
  const ByteSpan hashed = bytes.first(kCopyBytes - kHashBytes);
  ByteReader in(hashed);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  const auto flags = in.Get<std::uint16_t>();
  Copy copy{.save = in.Get<std::uint64_t>(), .content = {}};
  copy.content.number = in.Get<std::uint64_t>();
  copy.content.is_rolled_back = (flags & kRolledBackFlag) != 0;
  const auto count = in.Get<std::uint64_t>();
  const auto hash = LoadLittleEndian<std::uint64_t>(bytes.data() + hashed.size());
  if (magic != kCounterMagic || Hash64(hashed) != hash)
    return Fail(ErrorCode::kDataCorrupt, fmt::format("{} is damaged", path));
  if (version != kCounterVersion) {
    return Fail(
        ErrorCode::kUnknownFormat,
        fmt::format("{} has format {}, this program knows {}: run the version that wrote it", path,
                    version, kCounterVersion));
  }
  if (count > kNodesMax) return Fail(ErrorCode::kDataCorrupt, fmt::format("{} is damaged", path));
  for (std::uint64_t i = 0; i < count; ++i) {
    const NodeId node(in.Get<std::uint32_t>());
    in.Get<std::uint32_t>();
    Shown& shown = copy.content.others[node];
    shown.incarnation = in.Get<std::uint64_t>();
    shown.number = in.Get<std::uint64_t>();
  }
  return copy;
}

}  // namespace raftmq
