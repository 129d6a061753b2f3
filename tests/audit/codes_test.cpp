#include "zephyr/audit/codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "zephyr/encoding/json.h"

namespace zephyr::audit {
namespace {

std::string read_file(std::string const& path) {
    std::ifstream file{path};
    EXPECT_TRUE(file.good()) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Codes, all_have_the_agreed_form_and_a_letter_that_agrees_with_the_severity) {
    std::regex const form{"Z[A-Z]{4,5}[0-9]{2}[IWE]"};
    for (auto const& info : all_codes()) {
        EXPECT_TRUE(std::regex_match(std::string{info.code}, form)) << info.code;
        char const letter = info.severity == Severity::information ? 'I' : info.severity == Severity::warning ? 'W' : 'E';
        EXPECT_EQ(info.code.back(), letter) << info.code;
        EXPECT_TRUE(std::regex_match(std::string{info.name}, std::regex{"[a-z]+\\.[a-z_]+"})) << info.name;
        EXPECT_TRUE(info.meaning.ends_with('.')) << info.code;
    }
}

TEST(Codes, are_unique_and_so_are_their_names) {
    std::set<std::string_view> codes;
    std::set<std::string_view> numbers;
    std::set<std::string_view> names;
    for (auto const& info : all_codes()) {
        EXPECT_TRUE(codes.insert(info.code).second) << info.code;
        EXPECT_TRUE(numbers.insert(info.code.substr(0, info.code.size() - 1)).second) << info.code << " differs only in its severity";
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
    }
}

TEST(Codes, in_the_header_are_exactly_those_in_the_table) {
    auto const header = read_file("include/zephyr/audit/codes.h");
    std::regex const constant{"inline constexpr std::string_view [a-z_]+ = \"(Z[A-Z0-9]+)\";"};
    std::set<std::string> declared;
    for (std::sregex_iterator it{header.begin(), header.end(), constant}, end; it != end; ++it) declared.insert((*it)[1]);
    std::set<std::string> listed;
    for (auto const& info : all_codes()) listed.insert(std::string{info.code});
    EXPECT_EQ(declared, listed);
}

TEST(Codes, are_all_mapped_to_the_vocabularies_of_exports) {
    for (auto const& info : all_codes()) {
        EXPECT_TRUE(info.as.ocsf_class >= 3001 && info.as.ocsf_class <= 6099) << info.code;
        EXPECT_GT(info.as.ocsf_activity, 0) << info.code << ": 0 is Unknown, and we know";
        EXPECT_TRUE(info.as.dicom_type >= 110100 && info.as.dicom_type <= 110114) << info.code;
        EXPECT_TRUE(std::string_view{"CRUDE"}.find(info.as.fhir_action) != std::string_view::npos) << info.code;
        EXPECT_TRUE(info.cef_severity >= 0 && info.cef_severity <= 10) << info.code;
        // A SIEM that sorts by CEF severity must not put an error below what we call information.
        EXPECT_TRUE(info.severity != Severity::information || info.cef_severity <= 5) << info.code;
        EXPECT_TRUE(info.severity != Severity::error || info.cef_severity >= 6) << info.code;
    }
}

TEST(Codes, mean_on_english_pages_what_the_table_says) {
    auto const texts = encoding::parse_json(read_file("web/i18n/en.json"), {.bytes = 1 << 20, .depth = 4});
    ASSERT_TRUE(texts.ok());
    std::set<std::string> names;
    for (auto const& info : all_codes()) {
        auto const key = "meaning." + std::string{info.name};
        names.insert(key);
        EXPECT_EQ(texts.value().string_at(key), std::string{info.meaning}) << key;
    }
    for (auto const& [key, value] : *texts.value().members()) {
        EXPECT_TRUE(!key.starts_with("meaning.") || names.contains(key)) << key << " is the meaning of no event";
    }
}

TEST(Codes, that_are_unknown_are_not_found) {
    EXPECT_EQ(find_code("ZAUTH99I"), nullptr);
    EXPECT_EQ(find_code(""), nullptr);
    ASSERT_NE(find_code("ZAUTH01I"), nullptr);
    EXPECT_EQ(find_code("ZAUTH01I")->name, "auth.signed_in");
}

TEST(Codes, reference_page_says_what_the_table_says) {
    std::string const path = "docs/reference/audit-events.md";
    if (std::getenv("ZEPHYR_UPDATE") != nullptr) std::ofstream{path} << audit_events_reference();
    EXPECT_EQ(read_file(path), audit_events_reference()) << "run this test with ZEPHYR_UPDATE=1 and look at the diff";
}

}  // namespace
}  // namespace zephyr::audit
