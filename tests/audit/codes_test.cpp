#include "zephyr/audit/codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

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
