#include "zephyr/forward/identity.h"

#include <gtest/gtest.h>

#include <set>

#include "zephyr/encoding/url.h"

namespace zephyr::forward {
namespace {

std::string user_header(std::string const& name) { return headers_of({.user = name}).value()[0].second; }

TEST(IdentityHeaders, are_always_all_there_so_that_none_of_the_clients_own_stays) {
    auto const nobody = headers_of_nobody();
    auto const somebody = headers_of({.user = "ada"}).value();
    for (std::size_t i = 0; i < identity_headers.size(); ++i) {
        EXPECT_EQ(nobody[i].first, identity_headers[i]);
        EXPECT_EQ(nobody[i].second, "");
        EXPECT_EQ(somebody[i].first, identity_headers[i]);
    }
}

TEST(IdentityHeaders, tell_who_it_is_and_what_they_hold) {
    auto const headers =
        headers_of(
            {.user = "ada", .name = "Ada Lovelace", .email = "ada@example.test", .groups = {"Staff", "Wiki Editors"}, .roles = {"a", "b"}})
            .value();
    EXPECT_EQ(headers[0].second, "ada");
    EXPECT_EQ(headers[1].second, "Ada Lovelace");
    EXPECT_EQ(headers[2].second, "ada@example.test");
    EXPECT_EQ(headers[3].second, "Staff,Wiki Editors");
    EXPECT_EQ(headers[4].second, "a,b");
}

// RFC 9110 5.5: field values are "limited to ... US-ASCII" for new fields; CR, LF and NUL in one "MUST" not pass.
TEST(IdentityHeaders, hold_nothing_but_visible_ascii_and_single_blanks) {
    EXPECT_EQ(user_header("a\r\nRemote-Roles: admin"), "a%0D%0ARemote-Roles: admin");
    EXPECT_EQ(user_header(std::string("a\0b", 3)), "a%00b");
    EXPECT_EQ(user_header("Zoë"), "Zo%C3%AB");
    EXPECT_EQ(user_header("50%"), "50%25");
    EXPECT_EQ(user_header(" a  b "), "%20a %20b%20");
    EXPECT_EQ(user_header("\x7f\t"), "%7F%09");
    EXPECT_EQ(user_header("a,b"), "a,b");
    EXPECT_EQ(headers_of({.user = "x", .groups = {"a,b", "c"}}).value()[3].second, "a%2Cb,c");
}

TEST(IdentityHeaders, never_look_the_same_for_two_people_and_decode_to_what_they_were) {
    std::set<std::string> seen;
    std::vector<std::string> const names{"a",         "a ",  " a",  "a%20", "%61",  "A",     "ä",
                                         "a\xcc\x88", "a\n", "a\r", "a b",  "a  b", "a%2Cb", "a,b"};
    for (auto const& name : names) {
        auto const header = user_header(name);
        EXPECT_TRUE(seen.insert(header).second) << name;
        EXPECT_EQ(encoding::percent_decode(header).value(), name);
    }
    EXPECT_NE(headers_of({.user = "x", .groups = {"a", "b"}}).value()[3].second,
              headers_of({.user = "x", .groups = {"a,b"}}).value()[3].second);
}

TEST(IdentityHeaders, that_do_not_fit_refuse_instead_of_telling_half) {
    std::vector<std::string> const groups(700, "a group name");
    EXPECT_EQ(headers_of({.user = "ada", .groups = groups}).error(), errors::identity_too_large);
    EXPECT_TRUE(headers_of({.user = "ada", .groups = {groups.begin(), groups.begin() + 600}}).ok());
}

}  // namespace
}  // namespace zephyr::forward
