#include "audit/gap_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::audit {

namespace {
// Within one sector, so that a crash leaves the old line or the new one.
constexpr std::size_t line_bytes = 128;

std::string line_of(GapFile::Gap const& gap) {
    std::string line = "zephyr audit gap " + std::to_string(gap.number) + " " + std::to_string(gap.events) + " " +
                       std::to_string(to_millis(gap.first)) + " " + std::to_string(to_millis(gap.last)) + " ";
    line.resize(line_bytes - 1, ' ');
    return line + '\n';
}

GapFile::Gap read_line(std::string_view line) {
    GapFile::Gap gap;
    std::array<std::int64_t, 4> numbers{};
    constexpr std::string_view start = "zephyr audit gap ";
    if (!line.starts_with(start)) return gap;
    line.remove_prefix(start.size());
    for (auto& number : numbers) {
        auto const end = std::min(line.find(' '), line.size());
        number = parse_integer(line.substr(0, end)).value_or(0);
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return {numbers[1], from_millis(numbers[2]), from_millis(numbers[3]), numbers[0]};
}
}  // namespace

GapFile::GapFile(std::filesystem::path const& path) {
    if (path.empty()) return;
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_ < 0) throw StorageFault{"audit: cannot open " + path.string() + ": " + std::strerror(errno)};
    std::array<char, line_bytes> line{};
    auto const length = ::pread(file_, line.data(), line.size(), 0);
    if (length == static_cast<ssize_t>(line_bytes)) {
        gap_ = read_line({line.data(), line.size()});
    } else {
        write();  // takes the place on the disk
    }
}

GapFile::~GapFile() {
    if (file_ >= 0) ::close(file_);
}

void GapFile::add(TimePoint now) noexcept {
    std::lock_guard const lock{mutex_};
    if (gap_.events++ == 0) gap_.first = now;
    gap_.last = now;
    write();
}

GapFile::Gap GapFile::current() const {
    std::lock_guard const lock{mutex_};
    return gap_;
}

void GapFile::told(Gap const& gap) noexcept {
    std::lock_guard const lock{mutex_};
    gap_.events -= gap.events;
    gap_.first = gap.last;
    ++gap_.number;
    write();
}

// A disk that takes not even this keeps the count in memory; it is told when the log heals, unless we crash before.
void GapFile::write() noexcept {
    if (file_ < 0) return;
    auto const line = line_of(gap_);
    if (::pwrite(file_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size())) ::fdatasync(file_);
}

}  // namespace zephyr::audit
