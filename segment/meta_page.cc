#include "segment/meta_page.h"

#include <fmt/format.h>

#include <cstring>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kMetaMagic = 0x4D514D52;  // "RMQM".
constexpr std::uint16_t kFirstVersionWithOwner = 4;
constexpr std::size_t kPageHeaderBytes = 20;
constexpr std::size_t kPageOwnerAt = kPageBytes - 16;
constexpr std::size_t kPageHashAt = kPageBytes - 8;

constexpr std::array<const char*, kMetaKinds> kKindNames{"identity", "term and vote",
                                                         "durable mark", "intent"};

}  // namespace

const char* NameOf(MetaKind kind) { return kKindNames[kind]; }

std::uint64_t OwnerOf(MetaKind kind, const MetaIdentity& identity) {
  ByteWriter out;
  out.Put(identity.group.topic.high);
  out.Put(identity.group.topic.low);
  out.Put(identity.group.partition.value());
  if (kind != kIdentity) {
    out.Put(identity.replica.value());
    out.Put(identity.group_seed);
  }
  return Hash64(out.bytes());
}

MetaPageBytes MakeMetaPage(MetaKind kind, const MetaPage& page) {
  RAFTMQ_CHECK(page.version == kMetaVersion);
  RAFTMQ_CHECK(kPageHeaderBytes + page.payload.size() <= kPageOwnerAt);
  ByteWriter out;
  out.Put(kMetaMagic);
  out.Put(page.version);
  out.Put(static_cast<std::uint16_t>(kind));
  out.Put(page.sequence);
  out.Put(static_cast<std::uint32_t>(page.payload.size()));
  out.PutBytes(page.payload);
  MetaPageBytes bytes{};
  std::memcpy(bytes.data(), out.bytes().data(), out.bytes().size());
  StoreLittleEndian(bytes.data() + kPageOwnerAt, page.owner);
  StoreLittleEndian(bytes.data() + kPageHashAt, Hash64(ByteSpan(bytes).first(kPageHashAt)));
  return bytes;
}

Result<std::optional<MetaPage>> ParseMetaPage(const MetaPageBytes& bytes, MetaKind kind) {
  if (Hash64(ByteSpan(bytes).first(kPageHashAt)) !=
      LoadLittleEndian<std::uint64_t>(bytes.data() + kPageHashAt))
    return std::optional<MetaPage>();
  ByteReader in(bytes);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  if (magic == kMetaMagic && (version < kMetaVersionMin || version > kMetaVersion))
    return Fail(ErrorCode::kUnknownFormat, fmt::format("expected meta format {} to {}, found {}",
                                                       kMetaVersionMin, kMetaVersion, version));
  const auto found_kind = in.Get<std::uint16_t>();
  MetaPage page;
  page.version = version;
  page.sequence = in.Get<std::uint64_t>();
  const ByteSpan payload = in.GetBytes(in.Get<std::uint32_t>());
  if (magic != kMetaMagic || found_kind != kind || !in.ok()) return std::optional<MetaPage>();
  if (version >= kFirstVersionWithOwner)
    page.owner = LoadLittleEndian<std::uint64_t>(bytes.data() + kPageOwnerAt);
  page.payload.assign(payload.begin(), payload.end());
  return std::optional<MetaPage>(std::move(page));
}

}  // namespace raftmq
