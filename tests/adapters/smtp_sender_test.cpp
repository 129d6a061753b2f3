#include "zephyr/adapters/smtp_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/mail_message.h"
#include "smtp_peer.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {
namespace {

using testing::HttpPeer;
using ::testing::HasSubstr;
using ::testing::Not;
using What = ports::SendOutcome::What;

class SmtpSenderTest : public ::testing::Test {
protected:
    static std::string fine(std::string const& command) {
        if (command.empty()) return "220 mx.example ESMTP";
        if (command == "EHLO") return "250-mx.example\r\n250 8BITMIME";
        if (command == "DATA") return "354 go on";
        if (command == "QUIT") return "221 bye";
        return "250 2.0.0 ok";
    }
    // Fine but for one command.
    ports::SendOutcome when(std::string const& command, std::string const& answer, std::string to = "anna@example.org") {
        SmtpScript script{[&](std::string const& asked) { return asked == command ? answer : fine(asked); }, {}, {}};
        ports::SendOutcome outcome;
        {
            HttpPeer const peer{smtp_peer(script)};
            outcome = sender(peer.port()).send(message(std::move(to)));
        }
        commands = script.commands;
        received = script.received;
        return outcome;
    }
    SmtpSender sender(std::uint16_t port) {
        return SmtpSender{{.host = "127.0.0.1", .port = port, .tls = SmtpTls::off, .from = "login@example.com", .from_name = "Clinic",
                           .connect_deadline = 1s, .deadline = 1s},
                          clock};
    }
    static ports::OutgoingMessage message(std::string to = "anna@example.org") {
        return {.id = "0190-id", .to = std::move(to), .subject = "123456 is your code", .text = "Your code\n.\n123456\n",
                .html = "<p>123456</p>\n"};
    }
    SystemClock clock;
    std::string commands;
    std::string received;
};

TEST_F(SmtpSenderTest, a_message_that_is_taken_is_accepted) {
    auto const outcome = when("nothing", "");
    EXPECT_EQ(outcome.what, What::accepted) << outcome.why;
    EXPECT_THAT(commands, HasSubstr("MAIL FROM:<login@example.com>"));
    EXPECT_THAT(commands, HasSubstr("RCPT TO:<anna@example.org>"));
    EXPECT_THAT(received, HasSubstr("Message-ID: <0190-id@example.com>\r\n"));
    EXPECT_THAT(received, HasSubstr("Auto-Submitted: auto-generated\r\n"));
    EXPECT_THAT(received, HasSubstr("Content-Type: text/html; charset=utf-8\r\n"));
}

// RFC 5321 4.2.1: 4yz "did not accept … may be requested again", 5yz "should not repeat".
TEST_F(SmtpSenderTest, an_answer_in_the_400s_is_later_and_in_the_500s_never) {
    for (auto const* const command : {"MAIL", "RCPT", "DATA", "."}) {
        auto const later = when(command, "451 4.3.0 try again");
        EXPECT_EQ(later.what, What::later) << command << ": " << later.why;
        auto const never = when(command, "550 5.1.1 <anna@example.org> unknown");
        EXPECT_EQ(never.what, What::never) << command << ": " << never.why;
        EXPECT_THAT(never.why, HasSubstr("550 5.1.1")) << command;
        EXPECT_THAT(never.why, Not(HasSubstr("anna"))) << "the answer names the person";
    }
}

TEST_F(SmtpSenderTest, what_concerns_us_and_not_the_message_loses_none) {
    EXPECT_EQ(when("", "554 5.7.1 no service for you").what, What::later);
    EXPECT_EQ(when("MAIL", "530 5.7.0 authenticate first").what, What::later);
    EXPECT_EQ(when("RCPT", "421 4.3.2 closing").what, What::later);
}

TEST_F(SmtpSenderTest, a_connection_that_breaks_before_the_message_was_handed_over_is_later) {
    for (auto const* const command : {"", "EHLO", "MAIL", "RCPT", "DATA"}) {
        EXPECT_EQ(when(command, "").what, What::later) << command;
        EXPECT_EQ(when(command, "hang").what, What::later) << command;
    }
    EXPECT_EQ(sender(1).send(message()).what, What::later) << "nobody listens";
}

TEST_F(SmtpSenderTest, a_connection_that_breaks_after_it_is_uncertain) {
    EXPECT_EQ(when(".", "").what, What::uncertain);
    EXPECT_EQ(when(".", "hang").what, What::uncertain);
    EXPECT_EQ(when(".", "garbage garbage").what, What::uncertain);
}

TEST_F(SmtpSenderTest, once_it_was_taken_nothing_takes_that_back) {
    EXPECT_EQ(when("QUIT", "").what, What::accepted);
    auto const start = std::chrono::steady_clock::now();
    EXPECT_EQ(when("QUIT", "hang").what, What::accepted);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s) << "a server that never says goodbye";
}

TEST_F(SmtpSenderTest, no_address_becomes_a_command_or_a_second_recipient) {
    for (auto const* const to : {"a@b.c>\r\nRCPT TO:<x@y.z", "a@b.c,x@y.z", "a@b.c\nDATA", "<a@b.c>", "a b@c.d", "", "x"}) {
        EXPECT_EQ(when("nothing", "", to).what, What::never) << to;
        EXPECT_EQ(commands, "") << "nobody was asked";
    }
}

TEST_F(SmtpSenderTest, without_starttls_nothing_is_said) {
    SmtpScript script{fine, {}, {}};
    HttpPeer const peer{smtp_peer(script)};
    SmtpSender demanding{{.host = "127.0.0.1", .port = peer.port(), .username = "u", .password = SecretText{"hunter2"},
                          .from = "login@example.com", .connect_deadline = 1s, .deadline = 2s},
                         clock};
    auto const outcome = demanding.send(message());
    EXPECT_EQ(outcome.what, What::later);
    EXPECT_THAT(script.commands, Not(HasSubstr("MAIL")));
    EXPECT_THAT(script.commands, Not(HasSubstr("AUTH")));
}

TEST_F(SmtpSenderTest, plain_text_to_another_machine_cannot_be_asked_for) {
    EXPECT_THROW((SmtpSender{{.host = "mx.example.org", .tls = SmtpTls::off, .from = "a@b.c"}, clock}), Fault);
    EXPECT_THROW((SmtpSender{{.host = "127.0.0.1", .from = "a@b.c\r\nX: y"}, clock}), Fault);
}

// RFC 2047 2: "an 'encoded-word' may not be more than 75 characters long"; RFC 5322 2.1.1: lines of at most 998.
TEST(MailMessage, no_value_begins_a_header) {
    for (auto const* const evil : {"x\r\nBcc: y@z.w", "x\nBcc: y@z.w", "\r\n\r\nbody", "x\rBcc: y", "Zürich\r\nBcc: y@z.w"}) {
        auto const text = mail_message({.id = "id", .to = "a@b.c", .subject = evil, .text = "t", .html = "h"}, "l@e.c", evil, "a@b.c",
                                       from_millis(0));
        auto const head = text.substr(0, text.find("\r\n\r\n"));
        std::size_t fields = 0;
        for (std::size_t at = 0; at != std::string::npos; at = head.find("\r\n", at)) {
            if (at > 0) at += 2;
            if (head[at] != ' ') ++fields;
        }
        EXPECT_EQ(fields, 8u) << head;
        EXPECT_THAT(head, Not(HasSubstr("\nBcc")));
    }
    auto const folded = header_text(std::string(50, 'a') + "äöüß€😀äöüß€😀äöüß€😀äöüß€😀äöüß€😀äöüß€😀");
    for (std::size_t at = 0; at < folded.size();) {
        auto const end = std::min(folded.find("\r\n", at), folded.size());
        EXPECT_LE(end - at, 76u);
        at = end + 2;
    }
    EXPECT_EQ(header_text("Your code"), "Your code");
    EXPECT_EQ(header_text("=?utf-8?q?x?="), "=?UTF-8?B?PT91dGYtOD9xP3g/PQ==?=") << "no text is taken for an encoded word";
}

// RFC 2045 6.7: rules 2 to 5.
TEST(MailMessage, quoted_printable_keeps_lines_short_and_hides_what_transport_would_change) {
    EXPECT_EQ(quoted_printable("a=b"), "a=3Db");
    EXPECT_EQ(quoted_printable("ü"), "=C3=BC");
    EXPECT_EQ(quoted_printable("end \nnext"), "end=20\r\nnext");
    EXPECT_EQ(quoted_printable(".\r\n"), "=2E\r\n");
    EXPECT_EQ(quoted_printable("From me"), "=46rom me");
    auto const folded = quoted_printable(std::string(200, 'x') + std::string(50, '\xff'));
    for (std::size_t at = 0; at < folded.size();) {
        auto const end = std::min(folded.find("\r\n", at), folded.size());
        EXPECT_LE(end - at, 76u);
        at = end + 2;
    }
    EXPECT_EQ(mail_date(from_millis(1'767'225'600'000)), "Thu, 01 Jan 2026 00:00:00 +0000");
}

}  // namespace
}  // namespace zephyr::adapters
