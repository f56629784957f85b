// The pages of one `meta` file that are whole and its own.
//
// A disk may write a page to the wrong place. So a page of format 4 bears whose it is, and one that
// another replica's file should hold is taken for none. Pages of older formats do not: they count
// only as long as the identity is of an older format, too, which is written last when a file is
// brought to this format.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocol/types/ids.h"
#include "raftmq/result.h"
#include "segment/file_system.h"
#include "segment/meta_fields.h"
#include "segment/meta_page.h"

namespace raftmq {

struct MetaCopies {
  MetaIdentity identity;
  bool is_old = false;  // Of a format before 4: it has to be written anew.
  std::array<std::array<std::optional<MetaPage>, 2>, kMetaKinds> pages;
};

std::uint64_t PlaceOf(MetaKind kind, std::uint64_t copy);

// Whosever file it is, if no group is given. Errors: kDataCorrupt if no identity is whole,
// kForeignDirectory if that of another group is, kUnknownFormat.
Result<MetaCopies> ReadMetaCopies(const File& file, const std::optional<GroupId>& group);

// One copy, of this format; nullopt if it is bad.
Result<std::optional<MetaPage>> ReadOwnCopy(const File& file, MetaKind kind, std::uint64_t copy,
                                            const MetaIdentity& identity);

}  // namespace raftmq
