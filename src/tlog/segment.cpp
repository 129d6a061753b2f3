#include "tlog/segment.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "tlog/crc32c.h"
#include "zephyr/foundation/text.h"

namespace zephyr::tlog {

namespace {

constexpr std::string_view magic = "zephyrsg";
constexpr std::uint32_t version = 1;
constexpr std::size_t crc_at = 12;         // in the header
constexpr std::size_t record_crc_at = 4;   // in a record
constexpr std::size_t name_digits = 20;
constexpr std::string_view name_end = ".seg";

// Of everything but the four bytes that hold it.
std::uint32_t crc_around(ByteView bytes, std::size_t at) {
    return crc32c(bytes.subspan(at + 4), crc32c(bytes.first(at)));
}

}  // namespace

std::array<std::byte, segment_header_bytes> SegmentHeader::encode() const {
    std::array<std::byte, segment_header_bytes> out{};
    std::memcpy(out.data(), magic.data(), magic.size());
    store_u32(out.data() + 8, version);
    store_u64(out.data() + 16, first);
    store_u64(out.data() + 24, previous_first);
    store_u64(out.data() + 32, previous_bytes);
    store_u32(out.data() + crc_at, crc_around(out, crc_at));
    return out;
}

std::optional<SegmentHeader> SegmentHeader::decode(ByteView bytes) {
    if (bytes.size() < segment_header_bytes) return std::nullopt;
    bytes = bytes.first(segment_header_bytes);
    if (as_text(bytes.first(magic.size())) != magic || load_u32(bytes.data() + 8) != version) return std::nullopt;
    if (load_u32(bytes.data() + crc_at) != crc_around(bytes, crc_at)) return std::nullopt;
    return SegmentHeader{load_u64(bytes.data() + 16), load_u64(bytes.data() + 24), load_u64(bytes.data() + 32)};
}

void Record::append_to(Bytes& out) const {
    auto const at = out.size();
    out.resize(at + record_header_bytes);
    auto* const header = out.data() + at;
    store_u32(header, static_cast<std::uint32_t>(entry.size()));
    store_u64(header + 8, index);
    store_u64(header + 16, batch);
    store_u32(header + 24, left);
    out.insert(out.end(), entry.begin(), entry.end());
    store_u32(out.data() + at + record_crc_at, crc_around(ByteView{out}.subspan(at), record_crc_at));
}

std::optional<Record> Record::parse(ByteView bytes) {
    if (bytes.size() < record_header_bytes) return std::nullopt;
    std::size_t const length = load_u32(bytes.data());
    if (length > largest_entry_bytes || length > bytes.size() - record_header_bytes) return std::nullopt;
    bytes = bytes.first(record_header_bytes + length);
    if (load_u32(bytes.data() + record_crc_at) != crc_around(bytes, record_crc_at)) return std::nullopt;
    return Record{load_u64(bytes.data() + 8), load_u64(bytes.data() + 16), load_u32(bytes.data() + 24), bytes.subspan(record_header_bytes)};
}

std::filesystem::path segments_folder(std::filesystem::path const& log) {
    return log / "segments";
}

std::filesystem::path segment_path(std::filesystem::path const& log, std::uint64_t first) {
    auto digits = std::to_string(first);
    digits.insert(0, name_digits - digits.size(), '0');
    return segments_folder(log) / (digits + std::string{name_end});
}

std::vector<SegmentFile> list_segments(std::filesystem::path const& log) {
    std::vector<SegmentFile> out;
    std::error_code error;
    std::filesystem::directory_iterator entries{segments_folder(log), error};
    for (; !error && entries != std::filesystem::directory_iterator{}; entries.increment(error)) {
        auto const name = entries->path().filename().string();
        if (name.size() != name_digits + name_end.size() || !name.ends_with(name_end)) continue;
        auto const first = parse_integer(name.substr(0, name_digits));
        if (first && *first >= 0) out.push_back({static_cast<std::uint64_t>(*first), entries->path()});
    }
    if (error) throw StorageFault{"listing " + segments_folder(log).string() + ": " + error.message()};
    std::sort(out.begin(), out.end(), [](auto const& a, auto const& b) { return a.first < b.first; });
    return out;
}

std::optional<SegmentHeader> read_segment_header(LogFile const& file) {
    std::array<std::byte, segment_header_bytes> bytes{};
    if (file.read(0, bytes) < bytes.size()) return std::nullopt;
    return SegmentHeader::decode(bytes);
}

RecordScan::RecordScan(LogFile const& file, std::uint64_t at, std::uint64_t end, std::size_t window)
    : file_{&file}, position_{at}, end_{std::min(end, file.size())}, window_{window} {}

// At least that many bytes from the position on, unless the end comes first.
ByteView RecordScan::window(std::size_t least) {
    least = static_cast<std::size_t>(std::min<std::uint64_t>(least, end_ - position_));
    if (position_ < buffer_at_ || position_ + least > buffer_at_ + buffer_used_) {
        auto const want = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(least, window_), end_ - position_));
        if (buffer_.size() < want) buffer_.resize(want);
        buffer_at_ = position_;
        buffer_used_ = file_->read(position_, std::span{buffer_}.first(want));
    }
    auto const skip = static_cast<std::size_t>(position_ - buffer_at_);
    return ByteView{buffer_}.subspan(skip, buffer_used_ - skip);
}

std::optional<Record> RecordScan::next() {
    if (at_end()) return std::nullopt;
    auto view = window(record_header_bytes);
    if (view.size() < record_header_bytes) return std::nullopt;
    std::size_t const length = load_u32(view.data());
    if (length > largest_entry_bytes) return std::nullopt;
    if (view.size() < record_header_bytes + length) view = window(record_header_bytes + length);
    auto record = Record::parse(view);
    if (record) position_ += record->size();
    return record;
}

// An entry whose bytes happen to look like such a record would make a torn batch look like damage. That refuses to open, it loses nothing,
// and it takes raw binary entries that foresee their own index.
std::optional<std::uint64_t> later_batch_behind(LogFile const& file, std::uint64_t from, std::uint64_t index) {
    auto const end = file.size();
    if (from >= end) return std::nullopt;
    Bytes bytes(static_cast<std::size_t>(end - from));
    bytes.resize(file.read(from, bytes));
    auto const most_records = bytes.size() / record_header_bytes + 1;
    for (std::size_t at = 0; at + record_header_bytes <= bytes.size(); ++at) {
        auto const* const header = bytes.data() + at;
        auto const batch = load_u64(header + 16);
        if (batch <= index || batch - index > most_records) continue;  // most places end here
        auto const record = Record::parse(ByteView{bytes}.subspan(at));
        if (record && record->index >= batch && record->index - index <= most_records) return from + at;
    }
    return std::nullopt;
}

}  // namespace zephyr::tlog
