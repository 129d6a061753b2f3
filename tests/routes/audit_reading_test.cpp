#include "routes/audit_reading.h"

#include <gtest/gtest.h>

#include "testing/scripted_random.h"
#include "zephyr/audit/times.h"
#include "zephyr/encoding/base64url.h"

namespace zephyr::routes {
namespace {

class Cursors : public ::testing::Test {
protected:
    testing::ScriptedRandom random{7};
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    UserId const ada = UserId::parse("01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3").value();
    UserId const eve = UserId::parse("01919f3c-7a10-7c55-8a4e-52b1f2a9d0c4").value();
    AuditFilter const filter{.code = "ZAUTH01I", .from = "2026-11-24"};
};

TEST_F(Cursors, open_for_who_asked_and_what_was_asked) {
    auto const cursor = seal_cursor(sealer, filter, ada, 4711);
    EXPECT_EQ(open_cursor(sealer, filter, ada, cursor).value(), 4711);
}

TEST_F(Cursors, open_for_nobody_else_and_nothing_else) {
    auto const cursor = seal_cursor(sealer, filter, ada, 4711);
    EXPECT_EQ(open_cursor(sealer, filter, eve, cursor).error(), errors::cursor_wrong);
    EXPECT_EQ(open_cursor(sealer, {}, ada, cursor).error(), errors::cursor_wrong);
    EXPECT_EQ(open_cursor(sealer, {.code = "ZAUTH02W", .from = "2026-11-24"}, ada, cursor).error(), errors::cursor_wrong);
    // The same letters in another field.
    EXPECT_EQ(open_cursor(sealer, {.code = "ZAUTH01I", .until = "2026-11-24"}, ada, cursor).error(), errors::cursor_wrong);
}

TEST_F(Cursors, cannot_be_made_up_or_changed) {
    auto const cursor = seal_cursor(sealer, filter, ada, 4711);
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        auto changed = cursor;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(open_cursor(sealer, filter, ada, changed).ok()) << i;
    }
    for (std::string_view const made_up : {"", "4711", "AAAA", "====", "\xff"}) {
        EXPECT_EQ(open_cursor(sealer, filter, ada, made_up).error(), errors::cursor_wrong);
    }
    // Sealed by us, for a column.
    auto const elsewhere = encoding::base64url_encode(sealer.seal({"user", "1", "email"}, as_bytes("4711")));
    EXPECT_EQ(open_cursor(sealer, filter, ada, elsewhere).error(), errors::cursor_wrong);
    // No place: nothing stands before the first event.
    EXPECT_EQ(open_cursor(sealer, filter, ada, seal_cursor(sealer, filter, ada, 0)).error(), errors::cursor_wrong);
}

TEST(AuditFilters, take_codes_and_names_and_refuse_what_they_do_not_know) {
    EXPECT_EQ(AuditFilter{.code = "auth.signed_in"}.query().value().code, "ZAUTH01I");
    EXPECT_EQ(AuditFilter{.code = "ZAUTH01I"}.query().value().code, "ZAUTH01I");
    EXPECT_TRUE(AuditFilter{.outcome = "refused"}.query().value().refused);
    EXPECT_TRUE(AuditFilter{.subject = std::string(32, 'a')}.query().ok()) << "a pseudonym finds somebody who was erased";
    for (auto const& wrong : {AuditFilter{.code = "ZAUTH"}, AuditFilter{.subject = "ada"}, AuditFilter{.subject = std::string(32, 'A')},
                              AuditFilter{.actor = "ada"}, AuditFilter{.outcome = "good"}, AuditFilter{.from = "yesterday"},
                              AuditFilter{.until = "2026-02-30"}}) {
        EXPECT_EQ(wrong.query().error(), errors::filter_invalid);
    }
}

TEST(AuditTimes, are_days_or_times_of_rfc_3339) {
    auto const at = [](std::string_view text, bool end = false) {
        auto const time = audit::parse_time_bound(text, end);
        return time ? to_rfc3339(*time) : "none";
    };
    EXPECT_EQ(at("2026-11-24"), "2026-11-24T00:00:00.000Z");
    EXPECT_EQ(at("2026-11-24", true), "2026-11-25T00:00:00.000Z") << "a day ends when the next begins";
    EXPECT_EQ(at("2026-11-24T06:59"), "2026-11-24T06:59:00.000Z");
    EXPECT_EQ(at("2026-11-24T06:59:27Z", true), "2026-11-24T06:59:27.000Z");
    EXPECT_EQ(at("2026-11-24T06:59:27.1239Z"), "2026-11-24T06:59:27.123Z");
    EXPECT_EQ(at("2026-11-24T06:59:27+01:30"), "2026-11-24T05:29:27.000Z");
    EXPECT_EQ(at("2026-11-24T23:59:27-01:00"), "2026-11-25T00:59:27.000Z");
    for (std::string_view const wrong : {"", "2026", "2026-11", "2026-13-01", "2026-02-29", "24.11.2026", "2026-11-24 06:59", "2026-11-24T24:00",
                                         "2026-11-24T06:59:60Z", "2026-11-24T06:59:27z", "2026-11-24T06:59:27Z ", "2026-11-24T06:59:27+1:00",
                                         "2026-11-24T12:00:00.", "2026-11-24T12:00:00.Z", "2026-11-24T12:00.5", "2026-11-24T12:00.5Z",
                                         "2026-11-24T12:00:00.x"}) {
        EXPECT_EQ(at(wrong), "none") << wrong;
    }
}

}  // namespace
}  // namespace zephyr::routes
