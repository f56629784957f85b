// UTF-8: the encoding of every text on the wire.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace raftmq::wire {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);

// Valid UTF-8 of at most bytes_max bytes: bad bytes become '?', the cut never splits a character.
std::string BoundedUtf8(std::string_view text, std::size_t bytes_max);

}  // namespace raftmq::wire
