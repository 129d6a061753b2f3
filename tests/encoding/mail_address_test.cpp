#include "zephyr/encoding/mail_address.h"

#include <gtest/gtest.h>

namespace zephyr::encoding {
namespace {

TEST(MailAddress, has_a_local_part_and_a_domain_in_ascii) {
    EXPECT_EQ(mail_address("Anna.Beck+login@Example.ORG"), "Anna.Beck+login@example.org");
    EXPECT_EQ(mail_address("x@bücher.example"), "x@xn--bcher-kva.example");
    EXPECT_EQ(mail_address("!#$%&'*+/=?^_`{|}~-@a.b"), "!#$%&'*+/=?^_`{|}~-@a.b");
}

// Whatever could be read as a second recipient, another command or another header.
TEST(MailAddress, is_one_address_and_nothing_else) {
    for (auto const* const text :
         {"", "@", "a@", "@b.c", "a", "a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c\n", "a\r@b.c", "a@b.c,x@y.z", "a@b.c x@y.z", "a@b.c;x@y.z", "<a@b.c>",
          "a@b.c>", "Anna <a@b.c>", "\"a b\"@b.c", "\"a@x.y\"@b.c", "a(b)@c.d", "a@[127.0.0.1]", ".a@b.c", "a.@b.c", "a..b@c.d", "a@b..c", "a@.b",
          "a b@c.d", "a\\b@c.d", "a:b@c.d", "\xc3\xa4@b.c", "a@b.c\t", "a@b c.d", "a@b_c.d", "a@b%c.d"}) {
        EXPECT_FALSE(mail_address(text)) << text;
    }
    EXPECT_FALSE(mail_address(std::string{"a@b.c\0x", 7}));
    EXPECT_FALSE(mail_address(std::string(65, 'a') + "@b.c"));
    EXPECT_TRUE(mail_address(std::string(64, 'a') + "@b.c"));
}

}  // namespace
}  // namespace zephyr::encoding
