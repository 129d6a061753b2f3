// The form of a segment file, "segments/<first index, 20 digits>.seg". All numbers are little-endian.
//
//   header   8 bytes "zephyrsg", u32 version, u32 CRC-32C of the header's other bytes, u64 first index,
//            u64 first index of the segment before it, u64 bytes of the segment before it (both 0 when this is the log's first)
//   records  u32 length, u32 CRC-32C of the record's other bytes, u64 index, u64 batch, u32 left, then the entry's bytes
//
// `batch` is the log's size when the record's batch began, `left` how many records of the batch follow. A batch is written at once and
// synced before the next begins, so a record of a later batch proves that all before it was durable, and a batch that lacks its record
// with left = 0 was never acknowledged. A batch never spans segments.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tlog/log_file.h"
#include "zephyr/foundation/bytes.h"

namespace zephyr::tlog {

constexpr std::size_t segment_header_bytes = 40;
constexpr std::size_t record_header_bytes = 28;
// No record claims more: a rotten length must not ask for the machine's memory.
constexpr std::size_t largest_entry_bytes = 16u << 20;

struct SegmentHeader {
    std::uint64_t first = 0;
    std::uint64_t previous_first = 0;
    std::uint64_t previous_bytes = 0;

    std::array<std::byte, segment_header_bytes> encode() const;
    // Nothing for bytes that are no header of this version.
    static std::optional<SegmentHeader> decode(ByteView bytes);
};

struct Record {
    std::uint64_t index = 0;
    std::uint64_t batch = 0;
    std::uint32_t left = 0;
    ByteView entry;

    std::size_t size() const { return record_header_bytes + entry.size(); }
    void append_to(Bytes& out) const;
    // The record that begins `bytes`; nothing when it is not whole or its CRC is wrong. Views the same bytes.
    static std::optional<Record> parse(ByteView bytes);
};

struct SegmentFile {
    std::uint64_t first = 0;
    std::filesystem::path path;
};
std::filesystem::path segments_folder(std::filesystem::path const& log);
std::filesystem::path segment_path(std::filesystem::path const& log, std::uint64_t first);
// By first index, as the names say. Throws StorageFault.
std::vector<SegmentFile> list_segments(std::filesystem::path const& log);
// Nothing when the file is too short or the header no header.
std::optional<SegmentHeader> read_segment_header(LogFile const& file);

// Reads records one after another.
class RecordScan {
public:
    static constexpr std::size_t long_window = 1u << 20, short_window = 16u << 10;
    // From `at` up to `end` or the file's end. Reads `window` bytes at a time, more for a record that is larger.
    RecordScan(LogFile const& file, std::uint64_t at, std::uint64_t end, std::size_t window = long_window);
    // Nothing at the end, and at bytes that are no record: at_end() tells them apart. The entry's bytes live until the next call.
    std::optional<Record> next();
    std::uint64_t position() const { return position_; }  // behind the last record
    bool at_end() const { return position_ >= end_; }

private:
    ByteView window(std::size_t least);
    LogFile const* file_;
    std::uint64_t position_;
    std::uint64_t end_;
    std::size_t window_;
    Bytes buffer_;
    std::uint64_t buffer_at_ = 0;
    std::size_t buffer_used_ = 0;
};

// The first whole record anywhere from `from` on whose batch began behind `index`.
std::optional<std::uint64_t> later_batch_behind(LogFile const& file, std::uint64_t from, std::uint64_t index);

}  // namespace zephyr::tlog
