#include "zephyr/passwords/breach_filter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "passwords/breach_filter_format.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::passwords {

struct BreachFilter::File {
    int descriptor = -1;
    std::uint64_t entries = 0;

    File() = default;
    File(File const&) = delete;
    File& operator=(File const&) = delete;
    ~File() {
        if (descriptor >= 0) ::close(descriptor);
    }

    // False at the end of the file and on a read error.
    bool read(std::span<std::byte> out, std::uint64_t offset) const {
        while (!out.empty()) {
            auto const got = ::pread(descriptor, out.data(), out.size(), static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return false;
            out = out.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
        return true;
    }
};

BreachFilter::BreachFilter(std::unique_ptr<File> file) : file_{std::move(file)} {}
BreachFilter::BreachFilter(BreachFilter&&) noexcept = default;
BreachFilter& BreachFilter::operator=(BreachFilter&&) noexcept = default;
BreachFilter::~BreachFilter() = default;

Result<BreachFilter> BreachFilter::open(std::string const& path) {
    auto file = std::make_unique<File>();
    file->descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file->descriptor < 0) return Error{errors::breach_filter_missing, path};
    struct stat status {};
    if (::fstat(file->descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return Error{errors::breach_filter_missing, path};

    Bytes header(breach::header_bytes);
    if (!file->read(header, 0)) return Error{errors::breach_filter_damaged, path + ": shorter than its header"};
    auto const parts = breach::parse_header(header);
    if (!parts) return Error{errors::breach_filter_damaged, path + ": not a breach filter of version 1"};
    auto const size = static_cast<std::uint64_t>(status.st_size);
    // Divided, not multiplied: a forged count must not wrap around.
    if ((size - breach::header_bytes) % breach::entry_bytes != 0 ||
        (size - breach::header_bytes) / breach::entry_bytes != parts->entries)
        return Error{errors::breach_filter_damaged, path + ": its length does not fit its header"};
    file->entries = parts->entries;

    breach::Checksum checksum;
    std::optional<std::uint64_t> before;
    Bytes block;
    for (std::uint64_t done = 0; done < file->entries;) {
        auto const count = std::min<std::uint64_t>(file->entries - done, breach::entries_per_block);
        block.resize(static_cast<std::size_t>(count) * breach::entry_bytes);
        if (!file->read(block, breach::header_bytes + done * breach::entry_bytes))
            return Error{errors::breach_filter_damaged, path + ": unreadable"};
        checksum.add_block(block);
        for (std::size_t i = 0; i < count; ++i) {
            auto const entry = breach::load_big_endian(ByteView{block}.subspan(i * breach::entry_bytes));
            if (before && entry <= *before) return Error{errors::breach_filter_damaged, path + ": not in order"};
            before = entry;
        }
        done += count;
    }
    if (checksum.finish() != parts->checksum) return Error{errors::breach_filter_damaged, path + ": wrong checksum"};
    return BreachFilter{std::move(file)};
}

bool BreachFilter::contains(std::string_view password) const {
    auto const wanted = breach::load_big_endian(crypto::sha1(as_bytes(password)));
    std::uint64_t low = 0;
    std::uint64_t high = file_->entries;
    while (low < high) {
        auto const middle = low + (high - low) / 2;
        std::byte bytes[breach::entry_bytes];
        if (!file_->read(bytes, breach::header_bytes + middle * breach::entry_bytes))
            throw StorageFault{"the breach filter can no longer be read"};
        auto const entry = breach::load_big_endian(bytes);
        if (entry == wanted) return true;
        if (entry < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

std::uint64_t BreachFilter::size() const {
    return file_->entries;
}

}  // namespace zephyr::passwords
