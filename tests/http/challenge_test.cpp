#include "zephyr/http/challenge.h"

#include <gtest/gtest.h>

#include "zephyr/foundation/fault.h"

namespace zephyr::http {
namespace {

//= https://www.rfc-editor.org/rfc/rfc6750#section-3
//= type=test
// # If the protected resource request included an access token and failed
// # authentication, the resource server SHOULD include the "error"
// # attribute
TEST(BearerChallenge, is_written_as_in_rfc_6750) {
    EXPECT_EQ(BearerChallenge{}.header(), "Bearer");
    EXPECT_EQ(
        (BearerChallenge{.realm = "example", .error = "invalid_token", .error_description = "The access token expired"}
             .header()),
        R"(Bearer realm="example", error="invalid_token", error_description="The access token expired")");
    EXPECT_EQ((BearerChallenge{.error = "insufficient_scope", .scope = "users.read users.write"}.header()),
              R"(Bearer error="insufficient_scope", scope="users.read users.write")");
}

// RFC 9470 3, figures 2 and 3.
TEST(StepUpChallenge, is_written_as_in_rfc_9470) {
    EXPECT_EQ(
        step_up_challenge("myACR"),
        R"(Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", acr_values="myACR")");
    EXPECT_EQ(
        step_up_challenge("", std::chrono::seconds{5}),
        R"(Bearer error="insufficient_user_authentication", error_description="A different authentication level is required", max_age="5")");
}

TEST(BearerChallenge, refuses_characters_that_would_end_an_attribute) {
    for (std::string const bad : {"a\"b", "a\\b", "a\r\nb", "a\tb", "caf\xc3\xa9", "\x7f"}) {
        EXPECT_THROW(static_cast<void>((BearerChallenge{.realm = bad}.header())), Fault) << bad;
        EXPECT_THROW(static_cast<void>((BearerChallenge{.error_description = bad}.header())), Fault) << bad;
        EXPECT_THROW(static_cast<void>(step_up_challenge(bad)), Fault) << bad;
    }
    EXPECT_THROW(static_cast<void>(step_up_challenge("a", std::chrono::seconds{-1})), Fault);
}

}  // namespace
}  // namespace zephyr::http
