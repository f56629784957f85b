// "Did you mean": the nearest of a list of names by edit distance. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace raftmq {

// Insertions, deletions, replacements and swaps of neighbours that turn a into b, ignoring ASCII
// case (optimal string alignment distance). Time and memory |a| * |b| and |b|.
std::size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `word` (the first of equals), or "" if none is near enough to be a
// likely slip: at most a third of the longer word differs. Words above 100 bytes match nothing.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'x'?" for the end of an error message, or "" if nothing is near.
std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace raftmq
