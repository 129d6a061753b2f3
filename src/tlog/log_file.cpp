#include "tlog/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace zephyr::tlog {

namespace {

[[noreturn]] void fail_at(std::string_view doing, std::filesystem::path const& path, int error) {
    throw StorageFault{std::string{doing} + " " + path.string() + ": " + std::generic_category().message(error)};
}

int open_with(std::filesystem::path const& path, int flags) {
    int descriptor = -1;
    do {
        descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

int flags_of(LogFile::Mode mode) {
    switch (mode) {
        case LogFile::Mode::read: return O_RDONLY;
        case LogFile::Mode::write: return O_RDWR;
        case LogFile::Mode::make_or_write: return O_RDWR | O_CREAT;
    }
    return O_RDONLY;
}

struct stat status_of(int descriptor, std::filesystem::path const& path) {
    struct stat out {};
    if (::fstat(descriptor, &out) != 0) fail_at("looking at", path, errno);
    return out;
}

template <class T>
T load(std::byte const* at) {
    T out = 0;
    std::memcpy(&out, at, sizeof out);
    if constexpr (std::endian::native == std::endian::big) {
        T swapped = 0;
        for (std::size_t i = 0; i < sizeof out; ++i) swapped = static_cast<T>(swapped << 8 | ((out >> (8 * i)) & 0xFF));
        out = swapped;
    }
    return out;
}

template <class T>
void store(std::byte* at, T value) {
    for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace

LogFile::LogFile(std::filesystem::path const& path, Mode mode) : path_{path}, descriptor_{open_with(path, flags_of(mode))} {
    if (descriptor_ < 0) fail("opening");
}

std::optional<LogFile> LogFile::if_there(std::filesystem::path const& path) {
    int const descriptor = open_with(path, O_RDONLY);
    if (descriptor >= 0) return LogFile{path, descriptor};
    if (errno == ENOENT) return std::nullopt;
    fail_at("opening", path, errno);
}

LogFile::LogFile(LogFile&& other) noexcept
    : path_{std::move(other.path_)}, descriptor_{std::exchange(other.descriptor_, -1)} {}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

LogFile::~LogFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void LogFile::fail(std::string_view doing) const {
    fail_at(doing, path_, errno);
}

std::uint64_t LogFile::size() const {
    return static_cast<std::uint64_t>(status_of(descriptor_, path_).st_size);
}

bool LogFile::unlinked() const {
    return status_of(descriptor_, path_).st_nlink == 0;
}

std::size_t LogFile::read(std::uint64_t at, std::span<std::byte> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
        auto const got = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("reading");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

void LogFile::write(std::uint64_t at, ByteView bytes) const {
    while (!bytes.empty()) {
        auto const put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail("writing");
        // A full disk takes a part; the next call says why.
        at += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

// No second try after EINTR or any other error: a failed sync may have forgotten which pages it owed (fsync(2)).
void LogFile::sync() const {
    if (::fdatasync(descriptor_) != 0) fail("syncing");
}

void LogFile::truncate(std::uint64_t size) const {
    while (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
        if (errno != EINTR) fail("truncating");
}

bool LogFile::lock() const {
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        if (errno != EINTR) fail("locking");
    }
    return true;
}

void replace_file(std::filesystem::path const& path, std::string_view content) {
    auto const fresh = std::filesystem::path{path.string() + ".new"};
    {
        LogFile const file{fresh, LogFile::Mode::make_or_write};
        file.truncate(0);
        file.write(0, as_bytes(content));
        file.sync();
    }
    if (std::rename(fresh.c_str(), path.c_str()) != 0) fail_at("renaming", fresh, errno);
    sync_folder(path.parent_path());
}

std::optional<std::string> read_whole(std::filesystem::path const& path) {
    constexpr std::uint64_t most = 64u << 20;
    auto const file = LogFile::if_there(path);
    if (!file) return std::nullopt;
    auto const size = file->size();
    if (size > most) throw StorageFault{path.string() + " is larger than it can be"};
    std::string out(size, '\0');
    out.resize(file->read(0, std::as_writable_bytes(std::span{out})));
    return out;
}

std::uint32_t load_u32(std::byte const* at) {
    return load<std::uint32_t>(at);
}
std::uint64_t load_u64(std::byte const* at) {
    return load<std::uint64_t>(at);
}
void store_u32(std::byte* at, std::uint32_t value) {
    store(at, value);
}
void store_u64(std::byte* at, std::uint64_t value) {
    store(at, value);
}

}  // namespace zephyr::tlog
