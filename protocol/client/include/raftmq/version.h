// The version of the client library.
#pragma once

#include <string_view>

namespace raftmq {

// "MAJOR.MINOR.PATCH", of the library that is linked, not of the header.
std::string_view Version();

}  // namespace raftmq
