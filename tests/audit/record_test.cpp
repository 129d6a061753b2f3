// The stored bytes: RFC 8785, and nothing else is read back.
#include "zephyr/audit/record.h"
#include "zephyr/tlog/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace zephyr::audit {
namespace {

using ::testing::HasSubstr;

Record full() {
    Record record;
    record.id = "01980000-0000-7000-8000-000000000001";
    record.time = from_millis(1'795'000'000'123);
    record.monotonic_us = 12'345'678'901;
    record.code = "ZUSER02I";
    record.actor_type = Actor::Type::user;
    record.actor_ref = "00112233445566778899aabbccddeeff";
    record.subject = "ffeeddccbbaa99887766554433221100";
    record.outcome = Outcome::denied;
    record.reason = "users.not_found";
    record.request_id = "req-1";
    record.session_ref = "session-1";
    record.details = {{"fields", "email"}, {"role", "admin"}};
    record.retention = RetentionClass::admin;
    record.sealed = {{"ffeeddccbbaa99887766554433221100", to_bytes("ciphertext")}};
    return record;
}

std::string encoded(Record const& record) {
    auto const bytes = record.encode();
    EXPECT_TRUE(bytes.ok());
    return to_text(bytes.value());
}

TEST(Record, is_written_with_sorted_members_and_no_space) {
    // RFC 8785 3.2.1: no whitespace; 3.2.3: members sorted by the UTF-16 code units of their names.
    EXPECT_EQ(encoded(full()),
              R"({"actor":{"ref":"00112233445566778899aabbccddeeff","type":"user"},"class":"admin","code":"ZUSER02I",)"
              R"("details":{"fields":"email","role":"admin"},"id":"01980000-0000-7000-8000-000000000001","mono":12345678901,)"
              R"("outcome":"denied","reason":"users.not_found","request_id":"req-1",)"
              R"("sealed":[{"data":"Y2lwaGVydGV4dA==","ref":"ffeeddccbbaa99887766554433221100"}],"session_ref":"session-1",)"
              R"("subject":"ffeeddccbbaa99887766554433221100","time":"2026-11-18T11:06:40.123Z"})");
}

TEST(Record, leaves_out_what_is_absent) {
    Record record;
    record.id = "i";
    record.code = "ZCONF01I";
    record.actor_type = Actor::Type::system;
    EXPECT_EQ(encoded(record), R"({"actor":{"type":"system"},"class":"auth","code":"ZCONF01I","id":"i","mono":0,"outcome":"success",)"
                               R"("time":"1970-01-01T00:00:00.000Z"})");
}

TEST(Record, escapes_what_rfc_8785_escapes_and_nothing_more) {
    auto record = full();
    // RFC 8785 3.2.2.2: two-character escapes where there are some, \u00xx in lower case for other controls, the rest as it is.
    record.details = {{"k", std::string{"\b\t\n\f\r\"\\/\x01\x1f\x7f\0é€😀", 21}}};
    EXPECT_THAT(encoded(record), HasSubstr("{\"k\":\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\\u0000é€😀\"}"));
}

TEST(Record, comes_back_as_it_was) {
    auto const record = full();
    EXPECT_EQ(Record::parse(record.encode().value()).value(), record);
    auto hostile = record;
    hostile.details = {{"k", std::string{"\0\x01\xc3\xa9 \"\\", 7}}};
    EXPECT_EQ(Record::parse(hostile.encode().value()).value(), hostile);
}

TEST(Record, makes_broken_text_whole) {
    auto record = full();
    record.details = {{"k", "a\xff\xc3"}};
    auto const again = Record::parse(record.encode().value());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again.value().details[0].second.substr(0, 4), "a\xef\xbf\xbd");
}

// C2SP tlog-tiles: in an entry bundle each entry stands "prefixed by its length as a big-endian uint16".
TEST(Record, of_more_than_a_length_in_16_bits_states_is_refused) {
    EXPECT_EQ(Record::max_bytes, 65535u);
    EXPECT_EQ(tlog::LogSettings{}.max_entry_bytes, 65535u);
    auto record = full();
    record.sealed = {{"r", Bytes(60'000)}};
    EXPECT_EQ(record.encode().error(), errors::record_too_large);
    record.sealed = {{"r", Bytes(40'000)}};
    EXPECT_TRUE(record.encode().ok());
    EXPECT_EQ(Record::parse(Bytes(Record::max_bytes + 1, std::byte{' '})).error(), errors::record_malformed);
}

TEST(Record, is_read_in_one_spelling_alone) {
    auto const good = encoded(full());
    auto const replaced = [&](std::string_view from, std::string_view to) {
        auto text = good;
        auto const at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return text.replace(at, from.size(), to);
    };
    for (auto const& bad : {
             good + " ",
             " " + good,
             replaced("\"class\"", " \"class\""),
             replaced("\"mono\":12345678901", "\"mono\":12345678901.0"),
             replaced("\"mono\":12345678901", "\"mono\":1.2345678901e10"),
             replaced("\"mono\":12345678901", "\"mono\":9007199254740993"),
             replaced("\"mono\":12345678901", "\"mono\":\"12345678901\""),
             replaced("\"mono\":12345678901,", ""),
             replaced("\"outcome\":\"denied\"", "\"outcome\":\"perhaps\""),
             replaced("\"class\":\"admin\"", "\"class\":\"other\""),
             replaced("\"reason\":\"users.not_found\"", "\"reason\":\"\""),
             replaced("\"reason\"", "\"reas\\u006fn\""),
             replaced("users.not_found", "users\\u002enot_found"),
             replaced("users.not_found", "users\\/not_found"),
             replaced("\"role\":\"admin\"", "\"role\":1"),
             replaced("\"fields\":\"email\",\"role\":\"admin\"", "\"role\":\"admin\",\"fields\":\"email\""),
             replaced("Y2lwaGVydGV4dA==", "Y2lwaGVydGV4dA"),
             replaced("2026-11-18T11:06:40.123Z", "2026-11-18T11:06:40.1230Z"),
             replaced("2026-11-18T11:06:40.123Z", "2026-11-18T11:06:40.123+00:00"),
             replaced("2026-11-18T11:06:40.123Z", "2026-02-30T11:06:40.123Z"),
             replaced("2026-11-18T11:06:40.123Z", "2026-11-18 11:06:40.123Z"),
             replaced("\"type\":\"user\"", "\"type\":\"robot\""),
             replaced("\"type\":\"user\"", "\"type\":\"user\",\"x\":1"),
             replaced("\"time\"", "\"then\":1,\"time\""),
             replaced("\"id\":\"01980000-0000-7000-8000-000000000001\",", ""),
             std::string{},
             std::string{"null"},
             std::string{"[]"},
         }) {
        EXPECT_FALSE(Record::parse(as_bytes(bad)).ok()) << bad;
    }
}

TEST(Record, whatever_is_read_is_written_the_same) {
    std::mt19937 random{7};
    auto const good = encoded(full());
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto text = good;
        for (auto changes = random() % 3; changes-- > 0;) text[random() % text.size()] = static_cast<char>(random() % 256);
        auto const record = Record::parse(as_bytes(text));
        if (!record.ok()) continue;
        ++read;
        EXPECT_EQ(encoded(record.value()), text);
    }
    EXPECT_GT(read, 1000) << "unchanged ones at least";
}

}  // namespace
}  // namespace zephyr::audit
