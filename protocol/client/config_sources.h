// Where settings of a client come from besides code: a section of a TOML file, the environment.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "raftmq/result.h"

namespace raftmq::internal {

using Settings = std::map<std::string, std::string>;

// The keys of [section] in the file at `path`, values as FromMap reads them; arrays are joined by
// commas. No such section is no settings. Errors: kBadConfig, with line and column where there is
// one.
Result<Settings> ReadTomlSection(const std::string& path, std::string_view section);

// The variables PREFIX_KEY of this process as "key", lower case; without those of PREFIX_OTHER_KEY
// for each `other`, and without names that hold "__", which are the broker's.
Settings ReadEnvironment(std::string_view prefix, std::initializer_list<std::string_view> others);

}  // namespace raftmq::internal
