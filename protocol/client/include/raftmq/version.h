// The version of the client library.
#pragma once

#include <string_view>

#include "raftmq/export.h"

namespace raftmq {

// "MAJOR.MINOR.PATCH", of the library that is linked, not of the header.
RAFTMQ_EXPORT std::string_view Version();

}  // namespace raftmq
