#include "zephyr/server/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace zephyr::server {

namespace {
Error unusable(std::filesystem::path const& path, std::string const& why) {
    return Error{errors::folder_unusable, path.string()}.with_reason("The data folder " + path.string() + " can't be used: " + why + ".");
}
}  // namespace

Result<DataFolder> DataFolder::lock(std::filesystem::path const& named) {
    // "data/" is the folder "data": its own last part, not its parent's, gets the mode.
    auto const path = named.has_filename() ? named : named.parent_path();
    std::error_code failed;
    std::filesystem::create_directories(path.parent_path().empty() ? "." : path.parent_path(), failed);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return unusable(path, std::strerror(errno));
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return unusable(path, std::strerror(errno));
    if (!S_ISDIR(facts.st_mode)) return unusable(path, "it is no folder");
    // Whoever may write in it may replace the database and the control socket.
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) return unusable(path, "others may write in it; say chmod go-w");

    // Root opens everybody's folder. What it made there, the server's own user could not use; so it may only ask a server that runs.
    bool const ours = facts.st_uid == ::geteuid();
    std::string const not_ours = "it belongs to another user; run this as that one, by sudo -u or runuser -u";

    auto const file = path / "zephyr.lock";
    int const lock = ::open(file.c_str(), O_RDWR | (ours ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return unusable(path, ours ? std::strerror(errno) : not_ours);
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        bool const held = errno == EWOULDBLOCK;
        auto const why = std::string{std::strerror(errno)};
        ::close(lock);
        if (held) return Error{errors::folder_in_use, path.string()}.with_reason("Another zephyr holds the data folder " + path.string() + ".");
        return unusable(path, why);
    }
    if (!ours) {
        ::close(lock);
        return unusable(path, not_ours);
    }
    return DataFolder{path, lock};
}

DataFolder::~DataFolder() {
    if (lock_ >= 0) ::close(lock_);
}

std::filesystem::path control_socket_path(std::filesystem::path const& data) { return data / "control.sock"; }

}  // namespace zephyr::server
