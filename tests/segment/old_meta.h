// Pages of `meta` as programs before format 4 have left them, made from those of this one.
#pragma once

#include <algorithm>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/hash.h"
#include "segment/file_system.h"

namespace raftmq {

inline constexpr std::size_t kMetaPages = 8;

inline std::vector<std::byte> MetaPageAt(FileSystem& files, const std::string& path,
                                         std::size_t page) {
  const auto file = files.Open(path, OpenMode::kRead);
  std::vector<std::byte> bytes(kPageBytes);
  (void)(*file)->Read(page * kPageBytes, bytes);
  return bytes;
}

inline void PutMetaPage(FileSystem& files, const std::string& path, std::size_t page,
                        const std::vector<std::byte>& bytes) {
  const auto file = files.Open(path, OpenMode::kWrite);
  (void)(*file)->Write(page * kPageBytes, bytes);
  (void)(*file)->Sync();
}

// Without its last bytes, those of `payload_bytes` left.
inline void ShortenPayload(std::vector<std::byte>& page, std::uint32_t payload_bytes) {
  StoreLittleEndian(page.data() + 16, payload_bytes);
  std::fill(page.begin() + 20 + payload_bytes, page.end(), std::byte{0});
}

// Format 3 has no node in the identity and no owners, format 2 no first segment beside the mark.
inline std::vector<std::byte> OldMetaPage(std::vector<std::byte> page, std::uint16_t version) {
  constexpr std::size_t kHashAt = kPageBytes - 8, kOwnerAt = kPageBytes - 16;
  const auto kind = LoadLittleEndian<std::uint16_t>(page.data() + 6);
  StoreLittleEndian(page.data() + 4, version);
  StoreLittleEndian(page.data() + kOwnerAt, std::uint64_t{0});
  if (kind == 0) ShortenPayload(page, 36);
  if (kind == 2 && version == 2) ShortenPayload(page, 80);
  StoreLittleEndian(page.data() + kHashAt, Hash64(ByteSpan(page).first(kHashAt)));
  return page;
}

inline void MakeMetaOld(FileSystem& files, const std::string& path, std::uint16_t version) {
  for (std::size_t page = 0; page < kMetaPages; ++page)
    PutMetaPage(files, path, page, OldMetaPage(MetaPageAt(files, path, page), version));
}

}  // namespace raftmq
