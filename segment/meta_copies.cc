#include "segment/meta_copies.h"

#include <fmt/format.h>

#include <tuple>
#include <vector>

namespace raftmq {
namespace {

using AllPages = std::array<std::array<std::optional<MetaPage>, 2>, kMetaKinds>;

// What one copy of the identity says, and how many pages of the other kinds go with it.
struct Candidate {
  MetaIdentity identity;
  const MetaPage* page = nullptr;
  int fits = 0;

  bool is_old() const { return page->version < kMetaVersion; }
  auto rank() const { return std::tuple(fits, page->version, page->sequence); }
};

// One that cannot be read is as bad as a damaged one.
Result<std::optional<MetaPage>> ReadCopy(const File& file, MetaKind kind, std::uint64_t copy) {
  MetaPageBytes bytes;
  if (!file.Read(PlaceOf(kind, copy), bytes)) return std::optional<MetaPage>();
  RAFTMQ_TRY_ASSIGN(auto page, ParseMetaPage(bytes, kind));
  if (page && page->sequence % 2 != copy) page.reset();
  return page;
}

bool Fits(MetaKind kind, const MetaPage& page, const Candidate& candidate) {
  const bool is_old = page.version < kMetaVersion;
  if (kind == kIdentity && page.payload != candidate.page->payload) return false;
  if (is_old) return candidate.is_old();
  return page.owner == OwnerOf(kind, candidate.identity);
}

std::optional<Candidate> CandidateOf(const MetaPage& page, const AllPages& pages) {
  ByteReader in(page.payload);
  Candidate candidate{DecodeIdentity(in), &page};
  if (!in.ok() || in.left() != 0 || !Fits(kIdentity, page, candidate)) return std::nullopt;
  for (const MetaKind kind : {kHardState, kMark, kIntent}) {
    for (const auto& other : pages[kind]) candidate.fits += other && Fits(kind, *other, candidate);
  }
  return candidate;
}

// The copies of the identity may be of two replicas, one of them in the wrong place.
Result<Candidate> FindIdentity(const AllPages& pages, const std::optional<GroupId>& group,
                               const std::string& path) {
  std::optional<Candidate> best, foreign;
  for (const auto& page : pages[kIdentity]) {
    const auto candidate = page ? CandidateOf(*page, pages) : std::nullopt;
    if (!candidate) continue;
    auto& place = group && candidate->identity.group != *group ? foreign : best;
    if (!place || place->rank() < candidate->rank()) place = candidate;
  }
  if (best) return *best;
  if (foreign)
    return Fail(
        ErrorCode::kForeignDirectory,
        fmt::format("expected '{}' to be of group {}, found {}: put each partition's own directory "
                    "back; if it is gone, move this one away",
                    path, group->ToString(), foreign->identity.group.ToString()));
  return Fail(ErrorCode::kDataCorrupt,
              fmt::format("both copies of the {} in '{}' are damaged: this replica is lost",
                          NameOf(kIdentity), path));
}

}  // namespace

std::uint64_t PlaceOf(MetaKind kind, std::uint64_t copy) { return (kind * 2u + copy) * kPageBytes; }

Result<MetaCopies> ReadMetaCopies(const File& file, const std::optional<GroupId>& group) {
  AllPages pages;
  for (const MetaKind kind : {kIdentity, kHardState, kMark, kIntent}) {
    for (std::uint64_t copy = 0; copy < 2; ++copy) {
      RAFTMQ_TRY_ASSIGN(pages[kind][copy], ReadCopy(file, kind, copy));
    }
  }
  RAFTMQ_TRY_ASSIGN(const Candidate own, FindIdentity(pages, group, file.path()));
  MetaCopies copies{.identity = own.identity, .is_old = own.is_old(), .pages = {}};
  for (const MetaKind kind : {kIdentity, kHardState, kMark, kIntent}) {
    for (std::uint64_t copy = 0; copy < 2; ++copy) {
      const auto& page = pages[kind][copy];
      if (page && Fits(kind, *page, own)) copies.pages[kind][copy] = page;
    }
  }
  return copies;
}

Result<std::optional<MetaPage>> ReadOwnCopy(const File& file, MetaKind kind, std::uint64_t copy,
                                            const MetaIdentity& identity) {
  RAFTMQ_TRY_ASSIGN(auto page, ReadCopy(file, kind, copy));
  if (!page) return page;
  const bool is_own = page->version == kMetaVersion && page->owner == OwnerOf(kind, identity);
  const bool is_of_another = kind == kIdentity && page->payload != EncodeMeta(identity);
  if (!is_own || is_of_another) page.reset();
  return page;
}

}  // namespace raftmq
