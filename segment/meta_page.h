// One page of `meta`, as FORMAT.md draws it: a head, a payload of one kind, whose page it is, and a
// hash over all of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/meta_fields.h"

namespace raftmq {

enum MetaKind : std::uint16_t { kIdentity = 0, kHardState = 1, kMark = 2, kIntent = 3 };
inline constexpr std::uint16_t kMetaKinds = 4;
const char* NameOf(MetaKind kind);

using MetaPageBytes = std::array<std::byte, kPageBytes>;

// Pages of version 2 lack the log's first segment, those before 4 whose they are, and the node.
inline constexpr std::uint16_t kMetaVersion = 4;
inline constexpr std::uint16_t kMetaVersionMin = 2;

struct MetaPage {
  std::uint16_t version = kMetaVersion;
  std::uint64_t sequence = 0;  // Save counter: of two copies the higher one holds.
  std::uint64_t owner = 0;     // See OwnerOf; 0 before version 4.
  std::vector<std::byte> payload;
};

// What stands in the pages of one replica, and in no others: a disk may write a page to the wrong
// place, whole. Of the identity it tells the group only, as the page itself says the rest.
std::uint64_t OwnerOf(MetaKind kind, const MetaIdentity& identity);

// REQUIRES: of the newest version.
MetaPageBytes MakeMetaPage(MetaKind kind, const MetaPage& page);
// nullopt if the page is damaged. Errors: kUnknownFormat if it is whole but newer than this
// program.
Result<std::optional<MetaPage>> ParseMetaPage(const MetaPageBytes& bytes, MetaKind kind);

}  // namespace raftmq
