#include <gtest/gtest.h>

#include "tlog/crc32c.h"
#include "tlog/segment.h"

namespace zephyr::tlog {
namespace {

TEST(Crc32c, AgreesWithTheExamplesOfRfc3720) {  // appendix B.4
    std::string rising, falling;
    for (int i = 0; i < 32; ++i) rising += static_cast<char>(i), falling += static_cast<char>(31 - i);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8a9136aau);
    EXPECT_EQ(crc32c(as_bytes(std::string(32, '\xff'))), 0x62a8ab43u);
    EXPECT_EQ(crc32c(as_bytes(rising)), 0x46dd794eu);
    EXPECT_EQ(crc32c(as_bytes(falling)), 0x113fdb5cu);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstructionAndInPieces) {
    std::string bytes;
    for (int i = 0; i < 200; ++i) {
        ASSERT_EQ(crc32c(as_bytes(bytes)), crc32c_by_table(as_bytes(bytes)));
        auto const half = bytes.size() / 2;
        ASSERT_EQ(crc32c(as_bytes(bytes.substr(half)), crc32c(as_bytes(bytes.substr(0, half)))), crc32c(as_bytes(bytes)));
        bytes += static_cast<char>(i * 37);
    }
}

TEST(Segment, ARecordWithAnyBitFlippedOrCutShortIsNone) {
    Bytes bytes;
    Record{7, 5, 2, as_bytes("an entry")}.append_to(bytes);
    auto const whole = Record::parse(bytes);
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(whole->index, 7u);
    EXPECT_EQ(whole->batch, 5u);
    EXPECT_EQ(whole->left, 2u);
    EXPECT_EQ(as_text(whole->entry), "an entry");
    EXPECT_EQ(whole->size(), bytes.size());
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(Record::parse(flipped).has_value()) << bit;
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Record::parse(ByteView{bytes}.first(size)).has_value()) << size;
    Bytes zeros(4096);
    EXPECT_FALSE(Record::parse(zeros).has_value());
}

TEST(Segment, ARecordIsLittleEndianAndInTheStatedOrder) {
    Bytes bytes;
    Record{0x0102030405060708, 0x0102030405060700, 8, as_bytes("x")}.append_to(bytes);
    ASSERT_EQ(bytes.size(), 29u);
    EXPECT_EQ(as_text(ByteView{bytes}.first(4)), std::string_view("\x01\0\0\0", 4));
    EXPECT_EQ(as_text(ByteView{bytes}.subspan(8, 8)), "\x08\x07\x06\x05\x04\x03\x02\x01");
    EXPECT_EQ(as_text(ByteView{bytes}.subspan(16, 8)), std::string_view("\0\x07\x06\x05\x04\x03\x02\x01", 8));
    EXPECT_EQ(as_text(ByteView{bytes}.subspan(24, 5)), std::string_view("\x08\0\0\0x", 5));
}

TEST(Segment, AHeaderWithAnyBitFlippedIsNone) {
    auto const bytes = SegmentHeader{1000, 500, 123456}.encode();
    auto const header = SegmentHeader::decode(bytes);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->first, 1000u);
    EXPECT_EQ(header->previous_first, 500u);
    EXPECT_EQ(header->previous_bytes, 123456u);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(SegmentHeader::decode(flipped).has_value()) << bit;
    }
    EXPECT_FALSE(SegmentHeader::decode(ByteView{bytes}.first(bytes.size() - 1)).has_value());
}

}  // namespace
}  // namespace zephyr::tlog
