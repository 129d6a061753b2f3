#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/foundation/text.h"

namespace zephyr {
namespace {

constexpr Failure too_late{Kind::expired, "test.too_late"};
constexpr Failure wrong{Kind::invalid, "test.wrong"};

Result<int> half(int number) {
    if (number % 2 != 0) return Error{wrong, "odd"}.with_reason("Give an even number.");
    return number / 2;
}
Result<int> quarter(int number) {
    ZEPHYR_TRY(auto const halved, half(number));
    ZEPHYR_CHECK(half(halved));
    return half(halved);
}

TEST(ResultTest, carries_a_value_or_a_named_error_with_its_detail_and_reason) {
    EXPECT_EQ(quarter(12).value(), 3);
    auto const failed = quarter(6);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error(), wrong);
    EXPECT_FALSE(failed.error() == too_late);
    EXPECT_EQ(failed.error().kind(), Kind::invalid);
    EXPECT_EQ(failed.error().detail(), "odd");
    EXPECT_EQ(failed.error().reason(), "Give an even number.");
}

TEST(ResultDeathTest, reading_the_wrong_side_stops_the_process) {
    EXPECT_DEATH((void)half(3).value(), "wrong side");
    EXPECT_DEATH((void)half(4).error(), "wrong side");
    Result<void> const refused = too_late;
    EXPECT_DEATH(refused.value(), "test.too_late");
}

template <class T>
concept Printable = requires(std::ostream& out, T const& value) { out << value; };
template <class T>
concept Comparable = requires(T const& a, T const& b) { a == b; };

TEST(SecretTest, cannot_be_printed_or_compared_and_is_empty_after_a_move) {
    static_assert(!Printable<SecretText> && !Printable<SecretBytes>);
    static_assert(!Comparable<SecretText> && !Comparable<SecretBytes>);
    SecretText secret{std::string(100, 's')};
    SecretText const moved = std::move(secret);
    EXPECT_TRUE(secret.empty());  // NOLINT: that is the promise
    EXPECT_EQ(moved.reveal().size(), 100u);
}

TEST(SecretTest, wipes_what_it_held) {
    std::string memory(64, 's');
    wipe(memory.data(), memory.size());
    EXPECT_EQ(memory, std::string(64, '\0'));
}

TEST(IdTest, is_a_uuid_of_version_7_in_the_order_of_time) {
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::set<std::string> seen;
    std::string last;
    for (int i = 0; i < 100; ++i) {
        auto const id = UserId::make(clock.now(), random).str();
        ASSERT_TRUE(is_uuid(id));
        EXPECT_EQ(id[14], '7');
        EXPECT_NE(std::string{"89ab"}.find(id[19]), std::string::npos);
        EXPECT_LT(last, id);
        last = id;
        seen.insert(id);
        clock.advance(1ms);
    }
    EXPECT_EQ(seen.size(), 100u);
}

TEST(IdTest, reads_nothing_but_the_one_spelling) {
    std::string const good = "01a20c97-0378-7e02-a484-71a4d5b02b8f";
    EXPECT_TRUE(UserId::parse(good));
    for (auto const& bad : {std::string{}, good + "0", good.substr(1), std::string{"01A20C97-0378-7E02-A484-71A4D5B02B8F"},
                            std::string{"01a20c97x0378-7e02-a484-71a4d5b02b8f"}, std::string(36, '-'), "{" + good.substr(2) + "}"}) {
        EXPECT_FALSE(UserId::parse(bad)) << bad;
    }
}

TEST(ClockTest, writes_time_as_rfc_3339) {
    EXPECT_EQ(to_rfc3339(from_millis(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(from_millis(951'827'696'789)), "2000-02-29T12:34:56.789Z");
    EXPECT_EQ(to_rfc3339(from_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(ClockTest, the_real_ones_go_forward) {
    SystemClock const clock;
    auto const before = clock.monotonic();
    EXPECT_GE(clock.monotonic(), before);
    EXPECT_GT(to_millis(clock.now()), 1'700'000'000'000);
}

TEST(TextTest, trims_splits_joins_and_lowers) {
    EXPECT_EQ(trim(" \t a b \r\n"), "a b");
    EXPECT_EQ(trim(" \n"), "");
    EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
    EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
    EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
    EXPECT_EQ(join({}, ", "), "");
    EXPECT_EQ(ascii_lower("ÄBC"), "Äbc") << "ASCII alone";
    EXPECT_TRUE(equals_ignoring_case("Host", "hOST"));
    EXPECT_FALSE(equals_ignoring_case("Host", "Hosts"));
}

TEST(TextTest, reads_whole_integers_only) {
    EXPECT_EQ(parse_integer("-42"), -42);
    EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
    for (auto const* bad : {"", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "--1"}) EXPECT_FALSE(parse_integer(bad)) << bad;
}

TEST(TextTest, finds_the_nearest_word_or_none) {
    std::vector<std::string> const words{"sessions.idle", "sessions.absolute", "mfa.enabled"};
    EXPECT_EQ(nearest("sesions.idle", words), "sessions.idle");
    EXPECT_EQ(nearest("MFA.ENABLED", words), "mfa.enabled");
    EXPECT_EQ(nearest("completely different", words), std::nullopt);
}

TEST(LogTest, a_value_cannot_forge_a_line_or_a_field) {
    for (auto const format : {LogFormat::json, LogFormat::text}) {
        ::testing::internal::CaptureStderr();
        auto const log = make_stderr_log(LogLevel::info, format);
        log->debug("test.below_threshold");
        log->info("test.event", {{"value", "a\"b\\c\nd\x1b[31m"}, {"count", 3}});
        auto const out = ::testing::internal::GetCapturedStderr();
        EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
        EXPECT_EQ(out.find('\x1b'), std::string::npos);
        EXPECT_NE(out.find("test.event"), std::string::npos);
        EXPECT_NE(out.find(R"(a\"b\\c\u000ad)"), std::string::npos) << out;
    }
}

}  // namespace
}  // namespace zephyr
