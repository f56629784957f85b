// One page of `meta`, as FORMAT.md draws it: a head, a payload of one kind, a hash over all of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq {

enum MetaKind : std::uint16_t { kIdentity = 0, kHardState = 1, kMark = 2, kIntent = 3 };
inline constexpr std::uint16_t kMetaKinds = 4;
const char* NameOf(MetaKind kind);

using MetaPageBytes = std::array<std::byte, kPageBytes>;

struct MetaPage {
  std::uint64_t sequence = 0;  // Save counter: of two copies the higher one holds.
  std::vector<std::byte> payload;
};

MetaPageBytes MakeMetaPage(MetaKind kind, const MetaPage& page);
// nullopt if the page is damaged. Errors: kUnknownFormat if it is whole but newer than this
// program.
Result<std::optional<MetaPage>> ParseMetaPage(const MetaPageBytes& bytes, MetaKind kind);

}  // namespace raftmq
