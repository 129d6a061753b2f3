// A file of a log: reads and writes at stated places, with every failure told. What the system could not do is a StorageFault.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

class LogFile {
public:
    enum class Mode {
        read,          // must be there
        write,         // must be there; read and write
        make_or_write  // made when it is not there
    };
    LogFile() = default;
    // Throws StorageFault.
    LogFile(std::filesystem::path const& path, Mode mode);
    // Nothing when there is no such file.
    static std::optional<LogFile> if_there(std::filesystem::path const& path);
    LogFile(LogFile&& other) noexcept;
    LogFile& operator=(LogFile&& other) noexcept;
    ~LogFile();

    explicit operator bool() const { return descriptor_ >= 0; }
    std::filesystem::path const& path() const { return path_; }
    std::uint64_t size() const;
    bool unlinked() const;  // nobody will find it by name any more
    // How many bytes there were, fewer than asked for at the file's end alone.
    std::size_t read(std::uint64_t at, std::span<std::byte> into) const;
    // All of it or a StorageFault; then some of it may be there.
    void write(std::uint64_t at, ByteView bytes) const;
    void sync() const;  // fdatasync
    void truncate(std::uint64_t size) const;
    // False when another holds the lock. It goes with the file.
    bool lock() const;

private:
    LogFile(std::filesystem::path path, int descriptor) : path_{std::move(path)}, descriptor_{descriptor} {}
    [[noreturn]] void fail(std::string_view doing) const;
    std::filesystem::path path_;
    int descriptor_ = -1;
};

// Writes a file whole: under another name, synced, renamed, the folder synced. Throws StorageFault. Unlike zephyr::replace_file always under
// the same other name: after a crash opening knows what to remove, and nothing else may lie in a log's folder.
void replace_file(std::filesystem::path const& path, std::string_view content);
// Nothing when there is none. Throws StorageFault; also for more than 64 MiB.
std::optional<std::string> read_whole(std::filesystem::path const& path);

// Numbers in files are little-endian, whatever the machine.
std::uint32_t load_u32(std::byte const* at);
std::uint64_t load_u64(std::byte const* at);
void store_u32(std::byte* at, std::uint32_t value);
void store_u64(std::byte* at, std::uint64_t value);

}  // namespace zephyr::tlog
