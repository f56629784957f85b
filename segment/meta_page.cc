#include "segment/meta_page.h"

#include <fmt/format.h>

#include <cstring>

#include "protocol/types/check.h"
#include "protocol/types/hash.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::uint32_t kMetaMagic = 0x4D514D52;  // "RMQM".
constexpr std::uint16_t kMetaVersion = 3;
constexpr std::uint16_t kMetaVersionMin = 2;  // Without the first segment, else the same.
constexpr std::size_t kPageHeaderBytes = 20;
constexpr std::size_t kPageHashAt = kPageBytes - 8;

constexpr std::array<const char*, kMetaKinds> kKindNames{"identity", "term and vote",
                                                         "durable mark", "intent"};

}  // namespace

const char* NameOf(MetaKind kind) { return kKindNames[kind]; }

MetaPageBytes MakeMetaPage(MetaKind kind, const MetaPage& page) {
  RAFTMQ_CHECK(kPageHeaderBytes + page.payload.size() <= kPageHashAt);
  ByteWriter out;
  out.Put(kMetaMagic);
  out.Put(kMetaVersion);
  out.Put(static_cast<std::uint16_t>(kind));
  out.Put(page.sequence);
  out.Put(static_cast<std::uint32_t>(page.payload.size()));
  out.PutBytes(page.payload);
  MetaPageBytes bytes{};
  std::memcpy(bytes.data(), out.bytes().data(), out.bytes().size());
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
    return Fail(ErrorCode::kUnknownFormat, fmt::format("expected meta format {} or {}, found {}",
                                                       kMetaVersionMin, kMetaVersion, version));
  const auto found_kind = in.Get<std::uint16_t>();
  MetaPage page;
  page.sequence = in.Get<std::uint64_t>();
  const ByteSpan payload = in.GetBytes(in.Get<std::uint32_t>());
  if (magic != kMetaMagic || found_kind != kind || !in.ok()) return std::optional<MetaPage>();
  page.payload.assign(payload.begin(), payload.end());
  return std::optional<MetaPage>(std::move(page));
}

}  // namespace raftmq
