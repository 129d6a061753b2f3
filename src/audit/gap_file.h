// A count of events that could be kept nowhere, in a file whose place on the disk was taken while there was some.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "zephyr/foundation/clock.h"

namespace zephyr::audit {

class GapFile {
public:
    struct Gap {
        std::int64_t events = 0;
        TimePoint first{};
        TimePoint last{};
        std::int64_t number = 0;  // how many gaps there were before: so that one isn't told twice
    };

    // An empty path counts in memory alone. Throws StorageFault when the file can't be made.
    explicit GapFile(std::filesystem::path const& path);
    ~GapFile();
    GapFile(GapFile const&) = delete;
    GapFile& operator=(GapFile const&) = delete;

    void add(TimePoint now) noexcept;
    Gap current() const;
    // Forgets what was told; what came meanwhile stays.
    void told(Gap const& gap) noexcept;

private:
    void write() noexcept;

    mutable std::mutex mutex_;
    int file_ = -1;
    Gap gap_;
};

}  // namespace zephyr::audit
