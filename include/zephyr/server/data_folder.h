// The data folder: who may write in it, and what belongs to it (database, master key, control socket).
#pragma once

#include <filesystem>
#include <optional>

#include "zephyr/foundation/result.h"

namespace zephyr::server {

namespace errors {
// Another process holds the folder. The command line then talks to it through the control socket.
inline constexpr Failure folder_in_use{Kind::conflict, "server.folder_in_use"};
// It can't be made, others may write in it, or it belongs to somebody else (and no server of theirs runs).
inline constexpr Failure folder_unusable{Kind::denied, "server.folder_unusable"};
}  // namespace errors

// Holds the lock of a data folder (flock on zephyr.lock) while it lives: only its holder writes. The folder is made (0700) if absent.
class DataFolder {
public:
    // Fails with folder_in_use or folder_unusable; the reason is a sentence for the operator.
    static Result<DataFolder> lock(std::filesystem::path const& named);

    DataFolder(DataFolder&& other) noexcept : path_{std::move(other.path_)}, lock_{std::exchange(other.lock_, -1)} {}
    DataFolder& operator=(DataFolder&&) = delete;
    DataFolder(DataFolder const&) = delete;
    ~DataFolder();

    std::filesystem::path const& path() const { return path_; }
    std::filesystem::path database() const { return path_ / "zephyr.db"; }

private:
    DataFolder(std::filesystem::path path, int lock) : path_{std::move(path)}, lock_{lock} {}
    std::filesystem::path path_;
    int lock_ = -1;
};

// Where the holder of the lock listens for commands: 0600, in the folder itself.
std::filesystem::path control_socket_path(std::filesystem::path const& data);

}  // namespace zephyr::server
