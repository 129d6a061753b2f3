#include "zephyr/passwords/breach_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "passwords/breach_filter_format.h"
#include "testing/databases.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::passwords {
namespace {

class BreachFilterTest : public ::testing::Test {
protected:
    static std::string sha1_hex(std::string_view password) {
        return encoding::hex_encode(crypto::sha1(as_bytes(password)));
    }

    Result<BreachFilterReport> build(std::string const& lines) {
        std::istringstream in{lines};
        return build_breach_filter(in, path);
    }
    std::string read_file() const {
        std::ifstream in{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    void write_file(std::string_view content) const { std::ofstream{path, std::ios::binary} << content; }

    testing::TemporaryFolder folder;
    std::string path = (folder.path() / "breached.zbf").string();
};

TEST_F(BreachFilterTest, finds_what_is_in_the_list_and_nothing_else) {
    std::string lines;
    for (int i = 0; i < 5000; ++i)
        lines += sha1_hex("leaked" + std::to_string(i)) + ":" + std::to_string(i + 1) + "\r\n";
    auto const report = build(lines);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report.value().lines, 5000u);
    EXPECT_EQ(report.value().entries, 5000u);
    auto const filter = BreachFilter::open(path);
    ASSERT_TRUE(filter.ok()) << filter.error();
    EXPECT_EQ(filter.value().size(), 5000u);
    for (int i = 0; i < 5000; ++i) {
        EXPECT_TRUE(filter.value().contains("leaked" + std::to_string(i)));
        EXPECT_FALSE(filter.value().contains("Leaked" + std::to_string(i)));
    }
}

TEST_F(BreachFilterTest, knows_the_well_known_hash_of_password_in_both_cases) {
    ASSERT_TRUE(
        build("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\n5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:9545824\n").ok());
    auto const filter = BreachFilter::open(path);
    ASSERT_TRUE(filter.ok());
    EXPECT_EQ(filter.value().size(), 1u) << "the second line is the same hash";
    EXPECT_TRUE(filter.value().contains("password"));
}

TEST_F(BreachFilterTest, takes_an_empty_list) {
    ASSERT_TRUE(build("\n\n").ok());
    auto const filter = BreachFilter::open(path);
    ASSERT_TRUE(filter.ok());
    EXPECT_FALSE(filter.value().contains("password"));
}

TEST_F(BreachFilterTest, names_the_line_it_cannot_read_and_leaves_the_old_file_alone) {
    ASSERT_TRUE(build(sha1_hex("password") + "\n").ok());
    auto const before = read_file();
    for (std::string const bad :
         {"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8AA", "password",
          "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:x", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FG8"}) {
        auto const report = build(sha1_hex("x") + "\n" + bad + "\n");
        ASSERT_FALSE(report.ok()) << bad;
        EXPECT_EQ(report.error(), errors::breach_list_malformed);
        EXPECT_EQ(report.error().detail(), "line 2: expected 40 hexadecimal digits");
    }
    EXPECT_EQ(read_file(), before);
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(BreachFilterTest, says_when_the_file_cannot_be_written) {
    std::istringstream in{sha1_hex("x")};
    auto const report = build_breach_filter(in, (folder.path() / "no" / "such" / "folder").string());
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error(), errors::breach_filter_unwritable);
}

TEST_F(BreachFilterTest, refuses_a_missing_file_and_a_folder) {
    EXPECT_EQ(BreachFilter::open(path).error(), errors::breach_filter_missing);
    EXPECT_EQ(BreachFilter::open(folder.path().string()).error(), errors::breach_filter_missing);
}

TEST_F(BreachFilterTest, refuses_a_file_with_any_byte_changed) {
    ASSERT_TRUE(build(sha1_hex("a") + "\n" + sha1_hex("b") + "\n" + sha1_hex("c") + "\n").ok());
    auto const whole = read_file();
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        write_file(damaged);
        auto const opened = BreachFilter::open(path);
        ASSERT_FALSE(opened.ok()) << "byte " << i;
        EXPECT_EQ(opened.error(), errors::breach_filter_damaged);
    }
}

TEST_F(BreachFilterTest, refuses_a_file_cut_short_or_with_bytes_behind_it) {
    ASSERT_TRUE(build(sha1_hex("a") + "\n" + sha1_hex("b") + "\n").ok());
    auto const whole = read_file();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_file(whole.substr(0, length));
        EXPECT_EQ(BreachFilter::open(path).error(), errors::breach_filter_damaged) << length;
    }
    write_file(whole + std::string(8, '\xff'));
    EXPECT_EQ(BreachFilter::open(path).error(), errors::breach_filter_damaged);
}

// Written by somebody else's tool: every checksum fits, the order does not.
TEST_F(BreachFilterTest, refuses_entries_out_of_order_or_repeated) {
    for (auto const& entries : {std::vector<std::uint64_t>{2, 1}, std::vector<std::uint64_t>{1, 1}}) {
        Bytes body;
        for (auto const entry : entries) breach::append_big_endian(body, entry, 8);
        breach::Checksum checksum;
        checksum.add_block(body);
        auto file = breach::make_header({.entries = 2, .checksum = checksum.finish()});
        file.insert(file.end(), body.begin(), body.end());
        write_file(as_text(file));
        auto const opened = BreachFilter::open(path);
        ASSERT_FALSE(opened.ok());
        EXPECT_NE(opened.error().detail().find("not in order"), std::string_view::npos);
    }
}

TEST_F(BreachFilterTest, refuses_a_forged_number_of_entries_that_would_overflow) {
    breach::Checksum const checksum;
    // 8 * 2^61 is 0 modulo 2^64: a length check by multiplication would pass.
    write_file(as_text(breach::make_header({.entries = std::uint64_t{1} << 61, .checksum = checksum.finish()})));
    EXPECT_EQ(BreachFilter::open(path).error(), errors::breach_filter_damaged);
}

TEST_F(BreachFilterTest, checks_lists_longer_than_one_block) {
    std::vector<std::uint64_t> entries;
    for (std::uint64_t i = 0; i < breach::entries_per_block + 5; ++i) entries.push_back(i << 20);
    std::string lines;
    for (auto const entry : entries) {
        Bytes bytes;
        breach::append_big_endian(bytes, entry, 8);
        lines += encoding::hex_encode(bytes) + "000000000000000000000000\n";
    }
    ASSERT_TRUE(build(lines).ok());
    auto const filter = BreachFilter::open(path);
    ASSERT_TRUE(filter.ok()) << filter.error();
    EXPECT_EQ(filter.value().size(), entries.size());
    auto damaged = read_file();
    damaged.back() = static_cast<char>(damaged.back() ^ 0x40);
    write_file(damaged);
    EXPECT_EQ(BreachFilter::open(path).error(), errors::breach_filter_damaged);
}

}  // namespace
}  // namespace zephyr::passwords
