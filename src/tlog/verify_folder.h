// What may stand in a log's folder, by name and kind. Everything else could hide data, or lead out of the folder.
#pragma once

#include <filesystem>

#include "tlog/verify_findings.h"

namespace zephyr::tlog {

// False when nothing can be read safely. Throws StorageFault when the folder cannot be listed. `stopped`: nobody writes the log now.
bool check_folder(std::filesystem::path const& folder, bool stopped, Findings& findings);

}  // namespace zephyr::tlog
