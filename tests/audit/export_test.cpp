#include "zephyr/audit/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "audit/export_forms.h"
#include "audit/stored.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::audit {
namespace {

using encoding::Json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view event_id = "01980000-0000-7000-8000-000000000001";
UserId person(int n) { return UserId::trusted("01980000-0000-7000-8000-0000000001" + std::to_string(10 + n)); }

StoredEvent item_of(CodeInfo const& info) {
    StoredEvent event;
    event.id = event_id;
    event.time = from_millis(1'790'000'000'123);
    event.code = info.code;
    event.name = info.name;
    event.actor = Actor::user(person(1));
    event.subject = person(2);
    event.request_id = "req-1";
    event.session_ref = "01980000-0000-7000-8000-000000000077";
    event.details = {{"group", "01980000-0000-7000-8000-000000000088"}, {"role", "auditor"}, {"key", "k1"}};
    event.address = "192.0.2.7";
    event.user_agent = "Mozilla/5.0 (X11; Linux x86_64)";
    event.personal = {{"username", "ada"}, {"email", "ada@example.com"}};
    event.log_index = 41;
    std::string const record = R"({"code":")" + event.code + R"(","id":")" + event.id + R"("})";
    auto const bytes = as_bytes(record);
    event.body = Bytes{bytes.begin(), bytes.end()};
    event.node = "n1";
    event.retention = info.retention;
    return event;
}

// Text as somebody who sends it to us might choose it.
std::vector<std::string> const hostile{
    "=1+1", "+1", "-1", "@SUM(1)", "\tx", "'quoted", "a,b", "a\"b", "line\nbreak", "carriage\rreturn", "pipe|back\\slash",
    "key=value other=x", "] [evil@1 a=\"b\"", "\\", "\\\\]", "\"", "ends in a backslash\\", " ", "  blanks  ",
    std::string{"nul\0nul", 7}, "\x7f\x1b[31m", "\xc2\x85next line", "\xe2\x80\xa8separator", "\xef\xbb\xbf" "bom", "Ω日本語😀",
    "<script>alert(1)</script>", "%n%s", "{\"a\":1}", std::string(512, 'x'), "CEF:0|a|b|c|d|e|9|", "<110>1 - - - - -", " rt=1",
    "suid=x"};

std::vector<StoredEvent> all_items() {
    std::vector<StoredEvent> out;
    for (auto const& info : all_codes()) {
        out.push_back(item_of(info));
        auto refused = item_of(info);
        refused.outcome = Outcome::denied;
        refused.reason = "users.not_found";
        refused.address = "2001:db8::7";
        refused.actor = Actor::system();
        refused.subject.reset();
        out.push_back(refused);
        // As little as an event can have.
        auto bare = item_of(info);
        bare.actor = Actor::anonymous();
        bare.subject.reset();
        bare.outcome = Outcome::failure;
        bare.request_id.clear();
        bare.session_ref.clear();
        bare.details.clear();
        bare.address.clear();
        bare.user_agent.clear();
        bare.personal.clear();
        bare.log_index.reset();
        bare.body.clear();
        out.push_back(bare);
        bare.actor = Actor::operator_cli();
        out.push_back(bare);
    }
    for (auto const& text : hostile) {
        auto item = item_of(*find_code(codes::auth_refused));
        item.reason = text;
        item.request_id = text;
        item.session_ref = text;
        item.details = {{"plain", text}, {text + "_name", text}, {"a b", "1"}, {"a]b", "2"}, {"a=b", "3"}, {"a\"b", "4"}};
        item.address = text;
        item.user_agent = text;
        item.personal = {{"login", text}, {"address", text}};
        out.push_back(item);
        item.code = codes::role_changed;
        item.details = {{"role", text}, {"group", text}};
        out.push_back(item);
        item.code = codes::group_renamed;
        out.push_back(item);
    }
    return out;
}

std::string_view family_name(AddressFamily family) {
    return family == AddressFamily::none ? "none" : family == AddressFamily::ipv4 ? "ipv4" : "ipv6";
}

class Judged : public ::testing::TestWithParam<ExportFormat> {
protected:
    void SetUp() override {
        auto const* const vectors = std::getenv("ZEPHYR_VECTORS");
        if (vectors == nullptr) GTEST_SKIP() << "ZEPHYR_VECTORS is not set";
        vectors_ = vectors;
        auto name = (std::filesystem::temp_directory_path() / "zephyr-export-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }

    // What the judge prints, and whether it was content.
    std::pair<bool, std::string> judge(std::vector<StoredEvent> const& items, bool personal, bool plant) {
        {
            std::ofstream out{folder_ / "out", std::ios::binary};
            std::ofstream given{folder_ / "given", std::ios::binary};
            ExportSettings const settings{.host = "id.example.com", .version = "1.2.3", .personal = personal};
            Exporter exporter{GetParam(), settings, [&](std::string_view line) { out << line; }};
            exporter.begin();
            for (auto const& item : items) {
                exporter.write(item);
                given << input(item, personal).dump() << '\n';
            }
        }
        auto const command = "python3 tests/audit/check_export.py " + std::string{export_format_name(GetParam())} + " '" + vectors_ +
                             "' '" + (folder_ / "out").string() + "' '" + (folder_ / "given").string() + "'" + (plant ? " --plant" : "") + " >'" +
                             (folder_ / "said").string() + "' 2>&1";
        bool const content = std::system(command.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe): one thread
        std::ifstream said{folder_ / "said"};
        return {content, {std::istreambuf_iterator<char>{said}, {}}};
    }

private:
    static Json input(StoredEvent const& event, bool personal) {
            auto details = Json::object();
        for (auto const& [name, value] : event.details) details.set(name, value);
        auto out = Json::object();
        out.set("id", event.id).set("code", event.code).set("name", find_code(event.code)->name);
        out.set("time_ms", to_millis(event.time)).set("outcome", outcome_name(event.outcome)).set("reason", event.reason);
        out.set("request_id", event.request_id).set("session", event.session_ref).set("details", std::move(details));
        out.set("address", event.address).set("user_agent", event.user_agent).set("opened", personal);
        out.set("address_family", family_name(address_family(event.address)));
        out.set("index", static_cast<std::int64_t>(event.log_index.value_or(0)));
        out.set("record", event.body.empty() ? Json{} : Json{as_text(event.body)});
        return out;
    }

    std::string vectors_;
    std::filesystem::path folder_;
};

TEST_P(Judged, one_event_of_every_code_and_hostile_text_are_as_the_format_wants_them) {
    auto const [content, said] = judge(all_items(), true, false);
    EXPECT_TRUE(content) << said;
}

TEST_P(Judged, without_personal_fields_none_is_written_and_the_rest_is_the_same) {
    auto const [content, said] = judge(all_items(), false, false);
    EXPECT_TRUE(content) << said;
}

TEST_P(Judged, the_judge_finds_every_planted_mistake) {
    auto const [content, said] = judge(all_items(), true, true);
    EXPECT_TRUE(content) << said;
}

TEST_P(Judged, no_personal_value_is_anywhere_in_an_export_without_them) {
    auto item = item_of(*find_code(codes::user_updated));
    item.address = "203.0.113.99";
    item.user_agent = "agent-canary";
    item.personal = {{"username", "name-canary"}, {"email", "mail-canary@example.com"}};
    std::string text;
    Exporter exporter{GetParam(), {.host = "id.example.com"}, [&](std::string_view line) { text += line; }};
    exporter.begin();
    exporter.write(item);
    EXPECT_THAT(text, Not(HasSubstr("canary")));
    EXPECT_THAT(text, Not(HasSubstr("203.0.113.99")));
    EXPECT_THAT(text, HasSubstr(event_id));
}

INSTANTIATE_TEST_SUITE_P(Exports, Judged,
                         ::testing::Values(ExportFormat::ocsf, ExportFormat::jsonl, ExportFormat::cef, ExportFormat::syslog5424,
                                           ExportFormat::fhir_balp, ExportFormat::csv),
                         [](auto const& chosen) {
                             std::string name{export_format_name(chosen.param)};
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(Export, has_a_word_for_each_format_and_none_for_others) {
    for (auto const& name : export_format_names()) {
        ASSERT_TRUE(parse_export_format(name)) << name;
        EXPECT_EQ(export_format_name(*parse_export_format(name)), name);
    }
    EXPECT_EQ(export_format_names().size(), 6u);
    EXPECT_FALSE(parse_export_format(""));
    EXPECT_FALSE(parse_export_format("OCSF"));
    EXPECT_FALSE(parse_export_format("xml"));
}

TEST(Export, of_nothing_is_a_header_in_csv_and_nothing_in_the_others) {
    for (auto const& name : export_format_names()) {
        std::string text;
        Exporter{*parse_export_format(name), {}, [&](std::string_view line) { text += line; }}.begin();
        if (name == "csv") {
            EXPECT_THAT(text, ::testing::StartsWith("id,time,code,"));
        } else {
            EXPECT_EQ(text, "") << name;
        }
    }
}

// One row that somebody wrote into the table must not keep all others from being exported.
TEST(Export, of_an_event_with_an_unknown_code_says_so) {
    auto item = item_of(all_codes().front());
    item.code = "ZNONE99I";
    item.name.clear();
    for (auto const& name : export_format_names()) {
        std::string text;
        Exporter{*parse_export_format(name), {}, [&](std::string_view line) { text += line; }}.write(item);
        // What stands in the log is exported as it is; the code of the row is not in it.
        EXPECT_THAT(text, HasSubstr(name == "jsonl" ? "ZAUTH01I" : "unknown")) << name;
        EXPECT_EQ(text.find("ZNONE99I") == std::string::npos, name == "jsonl") << name;
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << name;
    }
}

// Nothing is kept: what comes out of one write has left before the next.
TEST(Export, hands_over_each_event_at_once) {
    std::size_t lines = 0;
    Exporter exporter{ExportFormat::ocsf, {}, [&](std::string_view) { ++lines; }};
    for (std::size_t n = 1; n <= 5; ++n) {
        exporter.write(item_of(all_codes().front()));
        EXPECT_EQ(lines, n);
    }
}

TEST(Export, takes_only_whole_addresses_for_addresses) {
    EXPECT_EQ(address_family("192.0.2.1"), AddressFamily::ipv4);
    EXPECT_EQ(address_family("2001:db8::1"), AddressFamily::ipv6);
    EXPECT_EQ(address_family("192.0.2.1 x"), AddressFamily::none);
    EXPECT_EQ(address_family(std::string{"192.0.2.1\0x", 11}), AddressFamily::none);
    EXPECT_EQ(address_family("192.0.2.01"), AddressFamily::none);
    EXPECT_EQ(address_family(""), AddressFamily::none);
}

}  // namespace
}  // namespace zephyr::audit
