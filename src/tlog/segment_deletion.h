// Deleting old entries: whole segments, oldest first. What then stands for them are their hashes alone.
#pragma once

#include <cstdint>
#include <filesystem>

#include "zephyr/foundation/result.h"

namespace zephyr::tlog {

// Removes the segments whose entries all lie below `first_kept`, never the last one; a writer asks for no
// more than what stands before the segment it writes. How many. Fails with log_damaged, and removes
// nothing, when a segment does not agree with the hashes that would remain. Throws StorageFault.
Result<std::size_t> delete_segments(std::filesystem::path const& log, std::uint64_t first_kept);

// The first entry that delete_segments would leave. Throws StorageFault.
std::uint64_t first_after_deletion(std::filesystem::path const& log, std::uint64_t first_kept);

}  // namespace zephyr::tlog
