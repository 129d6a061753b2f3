// Small files that are replaced whole: whoever reads one finds the old content or the new, also after a power cut.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "zephyr/foundation/bytes.h"

namespace zephyr {

// Nothing when there is no such file. Throws StorageFault when it can't be read, is no regular file or has more than `max_bytes`.
std::optional<Bytes> read_small_file(std::filesystem::path const& path, std::size_t max_bytes);

// Writes aside, syncs, moves into place and syncs the folder; mode 0600. Durable once it returns. Throws StorageFault; then the file is
// the old or the new one, and not known to be durable.
void replace_file(std::filesystem::path const& path, ByteView content);

// What was made, renamed or removed in the folder stays so. Throws StorageFault.
void sync_folder(std::filesystem::path const& folder);

}  // namespace zephyr
