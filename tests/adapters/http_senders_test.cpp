// SendGrid, Twilio and the operator's own endpoint, played by a peer over a real socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/http_peer.h"
#include "zephyr/adapters/curl_http_client.h"
#include "zephyr/adapters/hook_sender.h"
#include "zephyr/adapters/sendgrid_sender.h"
#include "zephyr/adapters/twilio_sender.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {
namespace {

using testing::HttpPeer;
using ::testing::HasSubstr;
using ::testing::Not;
using What = ports::SendOutcome::What;

class HttpSenders : public ::testing::Test {
protected:
    enum class Kind { sendgrid, twilio, hook };
    static constexpr std::array kinds{Kind::sendgrid, Kind::twilio, Kind::hook};

    ports::SendOutcome send(Kind kind, std::string const& url, ports::OutgoingMessage const& message) {
        auto const http = std::make_shared<CurlHttpClient>(CurlHttpClientSettings{.allow_loopback = true});
        if (kind == Kind::sendgrid) {
            return SendgridSender{{.url = url, .api_key = SecretText{"SG.key"}, .from = "login@example.com", .from_name = "Clinic", .deadline = 400ms}, http}
                .send(message);
        }
        if (kind == Kind::twilio) {
            return TwilioSender{{.url = url, .account_sid = "AC0123", .auth_token = SecretText{"token"}, .from = from, .deadline = 400ms}, http}.send(
                message);
        }
        return HookSender{{.url = url + "/sms", .secret = SecretText{"0123456789abcdef0123456789abcdef"}, .deadline = 400ms}, http, clock}.send(
            message);
    }
    static ports::OutgoingMessage message(Kind kind) {
        return {.id = "0190-id", .to = kind == Kind::sendgrid ? "anna@example.org" : "+4915112345678", .subject = "Subject", .text = "Code 123456 & more",
                .html = "<p>x</p>"};
    }
    ports::SendOutcome when(Kind kind, int status, std::string const& body = "{}", std::string const& headers = "") {
        ports::SendOutcome outcome;
        HttpPeer peer{[&](HttpPeer::Connection& client) {
            request = client.request();
            client.answer(status, body, headers);
        }};
        return send(kind, "http://127.0.0.1:" + std::to_string(peer.port()), message(kind));
    }
    std::string body() const { return request.substr(request.find("\r\n\r\n") + 4); }
    std::string request;
    std::string from = "+15005550006";
    SystemClock clock;
};

TEST_F(HttpSenders, what_a_status_means) {
    for (auto const kind : kinds) {
        auto const name = static_cast<int>(kind);
        for (int const status : {401, 403, 404, 408, 429, 500, 503}) EXPECT_EQ(when(kind, status).what, What::later) << name << " " << status;
        for (int const status : {502, 504}) EXPECT_EQ(when(kind, status).what, What::uncertain) << name << " " << status;
        EXPECT_EQ(when(kind, 400).what, What::never) << name;
        for (int const status : {301, 302, 307}) EXPECT_EQ(when(kind, status, "", "Location: http://127.0.0.1:1/\r\n").what, What::later) << name;
    }
    EXPECT_EQ(when(Kind::sendgrid, 202, "").what, What::accepted);
    EXPECT_EQ(when(Kind::twilio, 201, R"({"sid":"SM12"})").what, What::accepted);
    EXPECT_EQ(when(Kind::hook, 204, "").what, What::accepted);
}

TEST_F(HttpSenders, what_breaks_before_the_request_left_is_later_and_after_it_uncertain) {
    for (auto const kind : kinds) {
        EXPECT_EQ(send(kind, "http://127.0.0.1:1", message(kind)).what, What::later) << "nobody listens";
        for (int way = 0; way < 4; ++way) {
            HttpPeer peer{[way](HttpPeer::Connection& client) {
                client.request();
                if (way == 0) client.wait_until_gone();                                     // hangs
                if (way == 1) client.send("HTTP/1.1 201 Cre");                              // dies in the middle
                if (way == 2) client.send("garbage\r\n\r\n");                               // no HTTP
                if (way == 3) client.answer(201, std::string(300 * 1024, 'x'));             // more than we take
            }};
            EXPECT_EQ(send(kind, "http://127.0.0.1:" + std::to_string(peer.port()), message(kind)).what, What::uncertain) << way;
        }
    }
}

TEST_F(HttpSenders, a_destination_that_is_none_is_never_sent_to) {
    for (auto const kind : kinds) {
        for (auto const* const to : {"", "a@b.c,x@y.z", "a@b.c\r\nX: y", "+49 151", "4915112345678", "whatsapp:+4915112345678"}) {
            auto evil = message(kind);
            evil.to = to;
            EXPECT_EQ(send(kind, "http://127.0.0.1:1", evil).what, What::never) << to;
        }
    }
}

TEST_F(HttpSenders, twilio_gets_a_form_with_basic_credentials) {
    auto const outcome = when(Kind::twilio, 201, R"({"sid":"SM0123"})");
    EXPECT_EQ(outcome.reference, "SM0123");
    EXPECT_THAT(request, HasSubstr("POST /2010-04-01/Accounts/AC0123/Messages.json HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("Authorization: Basic QUMwMTIzOnRva2Vu\r\n"));
    EXPECT_EQ(encoding::parse_form(body()).value(),
              (encoding::FormFields{{"To", "+4915112345678"}, {"From", "+15005550006"}, {"Body", "Code 123456 & more"}}));
    from = "MG" + std::string(32, 'a');
    when(Kind::twilio, 201);
    EXPECT_THAT(body(), HasSubstr("MessagingServiceSid=MGaaa"));
    EXPECT_THAT(body(), Not(HasSubstr("From=")));
}

TEST_F(HttpSenders, a_400_of_twilio_about_our_account_loses_no_message) {
    EXPECT_EQ(when(Kind::twilio, 400, R"({"code":21211,"message":"Invalid 'To'"})").what, What::never);
    EXPECT_EQ(when(Kind::twilio, 400, R"({"code":21606})").what, What::later);
    EXPECT_EQ(when(Kind::twilio, 400, R"({"code":20003})").what, What::later);
    EXPECT_THAT(when(Kind::twilio, 400, R"({"code":21211,"message":"+4915112345678 is not"})").why, Not(HasSubstr("4915")));
}

TEST_F(HttpSenders, sendgrid_gets_one_recipient_both_texts_and_no_tracking) {
    EXPECT_EQ(when(Kind::sendgrid, 202, "", "X-Message-Id: abc.123\r\n").reference, "abc.123");
    EXPECT_THAT(request, HasSubstr("POST /v3/mail/send HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("Authorization: Bearer SG.key\r\n"));
    auto const json = encoding::parse_json(body()).value();
    EXPECT_EQ(json.find("personalizations")->dump(), R"([{"to":[{"email":"anna@example.org"}]}])");
    EXPECT_EQ(json.find("from")->dump(), R"({"email":"login@example.com","name":"Clinic"})");
    EXPECT_EQ(json.find("content")->dump(), R"([{"type":"text/plain","value":"Code 123456 & more"},{"type":"text/html","value":"<p>x</p>"}])");
    EXPECT_EQ(json.find("tracking_settings")->dump(), R"({"click_tracking":{"enable":false},"open_tracking":{"enable":false}})");
    EXPECT_THROW((SendgridSender{{.from = "nobody"}, nullptr}), Fault);
}

TEST_F(HttpSenders, the_endpoint_can_check_who_asks_and_that_it_was_asked_before) {
    when(Kind::hook, 200);
    EXPECT_THAT(request, HasSubstr("POST /sms HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("Idempotency-Key: 0190-id\r\n"));
    EXPECT_EQ(body(), R"({"id":"0190-id","to":"+4915112345678","text":"Code 123456 & more"})");
    auto const at = request.find("Zephyr-Signature: t=") + 20;
    auto const seconds = request.substr(at, request.find(',', at) - at);
    auto const mac = crypto::hmac_sha256(as_bytes("0123456789abcdef0123456789abcdef"), as_bytes(seconds + "." + body()));
    EXPECT_THAT(request, HasSubstr("t=" + seconds + ",v1=" + encoding::hex_encode(mac) + "\r\n"));
}

}  // namespace
}  // namespace zephyr::adapters
