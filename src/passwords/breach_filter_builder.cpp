#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "passwords/breach_filter_format.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/text.h"
#include "zephyr/passwords/breach_filter.h"

namespace zephyr::passwords {

namespace {

constexpr std::size_t lines_in_memory = 16 * 1024 * 1024;
constexpr std::size_t longest_line = 64;

// Writes entries beside the target; the target appears whole, on commit(), or not at all.
class FilterFile {
public:
    explicit FilterFile(std::string const& path) : path_{path}, temporary_{path + ".new"} {
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        failed_ = descriptor_ < 0;
        put(Bytes(breach::header_bytes));  // the real one comes last
    }
    FilterFile(FilterFile const&) = delete;
    FilterFile& operator=(FilterFile const&) = delete;
    ~FilterFile() {
        if (descriptor_ < 0) return;
        ::close(descriptor_);
        ::unlink(temporary_.c_str());
    }

    void add(std::uint64_t entry) {
        breach::append_big_endian(block_, entry, 8);
        ++entries_;
        if (block_.size() == breach::entries_per_block * breach::entry_bytes) flush();
    }

    bool commit() {
        flush();
        auto const header = breach::make_header({.entries = entries_, .checksum = checksum_.finish()});
        failed_ = failed_ || ::lseek(descriptor_, 0, SEEK_SET) != 0;
        put(header);
        failed_ = failed_ || ::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0;
        if (failed_) return false;
        ::close(descriptor_);
        descriptor_ = -1;
        return true;
    }

    bool failed() const { return failed_; }
    std::uint64_t entries() const { return entries_; }

private:
    void flush() {
        if (block_.empty()) return;
        checksum_.add_block(block_);
        put(block_);
        block_.clear();
    }

    void put(ByteView bytes) {
        while (!failed_ && !bytes.empty()) {
            auto const written = ::write(descriptor_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            failed_ = written <= 0;
            if (!failed_) bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }

    std::string path_;
    std::string temporary_;
    int descriptor_ = -1;
    bool failed_ = false;
    std::uint64_t entries_ = 0;
    Bytes block_;
    breach::Checksum checksum_;
};

// "<40 hex digits>[:count]".
std::optional<std::uint64_t> parse_line(std::string_view line) {
    if (line.size() > longest_line) return std::nullopt;
    auto const colon = line.find(':');
    if (colon != std::string_view::npos && !parse_integer(line.substr(colon + 1))) return std::nullopt;
    auto const digest = encoding::hex_decode(line.substr(0, colon));
    if (!digest.ok() || digest.value().size() != 20) return std::nullopt;
    return breach::load_big_endian(digest.value());
}

Error malformed(std::uint64_t line, std::string_view why) {
    return Error{errors::breach_list_malformed, "line " + std::to_string(line) + ": " + std::string{why}};
}

}  // namespace

Result<BreachFilterReport> build_breach_filter(std::istream& hashes, std::string const& path) {
    FilterFile file{path};
    BreachFilterReport report;
    std::vector<std::uint64_t> pending;
    std::optional<std::uint64_t> last;  // written
    auto const write_pending = [&] {
        for (auto const entry : pending) {
            if (last == entry) continue;
            file.add(entry);
            last = entry;
        }
        pending.clear();
    };

    std::string line;
    std::uint64_t number = 0;
    while (!file.failed() && std::getline(hashes, line)) {
        ++number;
        auto const text = trim(line);
        if (text.empty()) continue;
        auto const entry = parse_line(text);
        if (!entry) return malformed(number, "expected 40 hexadecimal digits");
        // Once a part is on disk, what follows must come behind it.
        if (last && *entry < *last) return malformed(number, "not in order: sort the list first");
        pending.push_back(*entry);
        ++report.lines;
        if (pending.size() == lines_in_memory) {
            if (!std::is_sorted(pending.begin(), pending.end()))
                return malformed(number, "a list this long must be in order: sort it first");
            write_pending();
        }
    }
    if (hashes.bad()) return malformed(number, "unreadable");
    if (last && !std::is_sorted(pending.begin(), pending.end()))
        return malformed(number, "a list this long must be in order: sort it first");
    std::sort(pending.begin(), pending.end());
    write_pending();
    report.entries = file.entries();
    if (!file.commit()) return Error{errors::breach_filter_unwritable, path + ": " + std::strerror(errno)};
    return report;
}

}  // namespace zephyr::passwords
