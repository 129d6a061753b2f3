// The one place of this room that touches the file system and the environment.
#pragma once

#include <string>
#include <vector>

#include "zephyr/config/load.h"
#include "zephyr/foundation/result.h"

namespace zephyr::config {

namespace errors {
// The file named by --config can't be read, or is larger than 1 MiB. The detail says which and why.
inline constexpr Failure file_unreadable{Kind::not_found, "config.file_unreadable"};
}  // namespace errors

// `file` empty: no settings file. Takes the process's whole environment; load() picks what is ours.
Result<Sources> read_sources(std::string const& file, std::vector<FlagValue> flags);

}  // namespace zephyr::config
