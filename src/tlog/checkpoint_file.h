// The file "checkpoints": every checkpoint a log has signed, oldest first. Each is a signed note behind a line that says how long it is,
// "checkpoint 000312": no line of ours inside a note looks like that, so the last one is found from the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tlog/log_file.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

std::filesystem::path checkpoints_path(std::filesystem::path const& log);
// The newest checkpoint that witnesses have signed too.
std::filesystem::path cosigned_path(std::filesystem::path const& log);

struct StoredCheckpoint {
    SignedCheckpoint checkpoint;
    std::uint64_t end = 0;      // of its bytes in the file
    std::size_t begun_behind = 0;  // how many begin behind it and are not whole
};
// The last whole one; nothing when there is none. What stands behind it was torn, or is being written. Throws StorageFault.
std::optional<StoredCheckpoint> last_stored_checkpoint(LogFile const& file);

struct StoredCheckpoints {
    std::vector<SignedCheckpoint> all;
    std::uint64_t end = 0;  // bytes beyond this are no checkpoint: torn or being written when nothing whole follows
};
// From the beginning up to the first bytes that are no checkpoint. Throws StorageFault.
StoredCheckpoints read_checkpoints(LogFile const& file);

// Appends. One thread.
class CheckpointFile {
public:
    // Opens or makes it; what stands behind `end` is cut off. Throws StorageFault.
    CheckpointFile(std::filesystem::path const& log, std::uint64_t end);
    // Durable on return. After a StorageFault it is not there, as soon as repair() succeeds.
    void append(SignedCheckpoint const& checkpoint);
    // Does what a failure left undone; cheap when there was none. Throws StorageFault.
    void repair();

private:
    LogFile file_;
    std::uint64_t end_;
    bool suspect_ = false;
};

}  // namespace zephyr::tlog
