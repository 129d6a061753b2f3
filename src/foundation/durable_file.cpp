#include "zephyr/foundation/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include "zephyr/foundation/fault.h"

namespace zephyr {

namespace {

class Descriptor {
public:
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor const&) = delete;
    Descriptor& operator=(Descriptor const&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

[[noreturn]] void fail(std::filesystem::path const& path, char const* step) {
    throw StorageFault{path.string() + ": " + step + ": " + std::strerror(errno)};
}

void write_all(int file, ByteView content, std::filesystem::path const& path) {
    while (!content.empty()) {
        auto const put = ::write(file, content.data(), content.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) fail(path, "write");
        content = content.subspan(static_cast<std::size_t>(put));
    }
}

std::filesystem::path folder_of(std::filesystem::path const& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

// No two writers, in this process or another, share a name.
std::filesystem::path aside_of(std::filesystem::path const& path) {
    static std::atomic<unsigned> count{0};
    auto const name = "." + path.filename().string() + "." + std::to_string(::getpid()) + "-" + std::to_string(count.fetch_add(1)) + ".new";
    return folder_of(path) / name;
}

}  // namespace

std::optional<Bytes> read_small_file(std::filesystem::path const& path, std::size_t max_bytes) {
    // O_NONBLOCK: a FIFO in its place must not hang.
    Descriptor const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.get() < 0 && errno == ENOENT) return std::nullopt;
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) fail(path, "open");
    if (!S_ISREG(status.st_mode)) throw StorageFault{path.string() + ": no regular file"};
    Bytes content;
    std::byte block[4096];
    for (;;) {
        auto const got = ::read(file.get(), block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path, "read");
        if (got == 0) return content;
        content.insert(content.end(), block, block + got);
        if (content.size() > max_bytes) throw StorageFault{path.string() + ": too large"};
    }
}

void replace_file(std::filesystem::path const& path, ByteView content) {
    auto const aside = aside_of(path);
    try {
        Descriptor const file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (file.get() < 0) fail(aside, "create");
        write_all(file.get(), content, aside);
        if (::fsync(file.get()) != 0) fail(aside, "sync");
        if (::rename(aside.c_str(), path.c_str()) != 0) fail(path, "rename");
    } catch (StorageFault const&) {
        ::unlink(aside.c_str());
        throw;
    }
    sync_folder(folder_of(path));
}

void sync_folder(std::filesystem::path const& folder) {
    Descriptor const opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (opened.get() < 0 || ::fsync(opened.get()) != 0) fail(folder, "sync");
}

}  // namespace zephyr
