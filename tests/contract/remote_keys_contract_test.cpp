// RemoteKeys over real HTTP: an issuer that is slow, huge, lying, redirecting, gone.
#include <gtest/gtest.h>

#include "testing/http_peer.h"
#include "testing/manual_clock.h"
#include "zephyr/adapters/curl_http_client.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/jose/jwt.h"

namespace zephyr::jose {
namespace {

using encoding::Json;
using testing::HttpPeer;

SigningJwk make_key(std::string kid) {
    return {crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256), std::move(kid)};
}

class RemoteKeysOverHttp : public ::testing::Test {
protected:
    testing::ManualClock clock;
    SigningJwk first = make_key("first");
    SigningJwk second = make_key("second");
    adapters::CurlHttpClient client{{.allow_loopback = true}};

    // What the issuer does with a request. Changed while it runs, by the thread that also asks.
    std::mutex mutex;
    HttpPeer::Handler behaviour = serves({&first});
    HttpPeer issuer{[this](HttpPeer::Connection& connection) {
        HttpPeer::Handler now;
        {
            std::lock_guard const lock{mutex};
            now = behaviour;
        }
        now(connection);
    }};
    RemoteKeys keys{client, {.url = issuer.url("/jwks.json"), .deadline = 500ms}, clock};
    JwtVerifier verifier{keys, {"https://issuer.example", "app", "at+jwt"}, clock};

    static HttpPeer::Handler serves(std::vector<SigningJwk const*> const& signers) {
        std::vector<Jwk> set;
        for (auto const* signer : signers) set.push_back(signer->public_jwk());
        return says(200, JwkSet{set}.to_json().dump());
    }
    static HttpPeer::Handler says(int status, std::string body, std::string headers = "") {
        return [=](HttpPeer::Connection& connection) {
            connection.request();
            connection.answer(status, body, headers);
        };
    }
    void behave(HttpPeer::Handler next) {
        std::lock_guard const lock{mutex};
        behaviour = std::move(next);
    }
    Result<VerifiedJwt> check(SigningJwk const& signer) {
        return verifier.verify(
            sign_jwt(signer, "at+jwt",
                     Json::object({{"iss", "https://issuer.example"}, {"aud", "app"}, {"exp", to_millis(clock.now()) / 1000 + 60}})));
    }
};

TEST_F(RemoteKeysOverHttp, a_rotation_with_overlap_is_followed) {
    EXPECT_TRUE(check(first).ok());
    EXPECT_EQ(check(second).error(), errors::unknown_key);
    behave(serves({&first, &second}));
    clock.advance(30s);
    EXPECT_TRUE(check(second).ok());
    EXPECT_TRUE(check(first).ok());
    behave(serves({&second}));
    clock.advance(5min);
    EXPECT_EQ(check(first).error(), errors::unknown_key);
    EXPECT_TRUE(check(second).ok());
    EXPECT_EQ(issuer.connections(), 3);
}

TEST_F(RemoteKeysOverHttp, whatever_the_issuer_does_known_keys_serve_and_new_ones_wait) {
    EXPECT_TRUE(check(first).ok());
    HttpPeer const elsewhere{serves({&second})};
    std::vector<HttpPeer::Handler> const troubles{
        [](HttpPeer::Connection& connection) { connection.wait_until_gone(); },
        [](HttpPeer::Connection& connection) {
            connection.request();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (connection.send("1000\r\n" + std::string(0x1000, ' ') + "\r\n")) {
            }
        },
        says(302, "", "Location: " + elsewhere.url() + "\r\n"),
        says(200, JwkSet{{second.public_jwk()}}.to_json().dump().substr(0, 100)),
        says(200, R"({"keys":[{"kty":"oct","alg":"HS256","kid":"second","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}]})"),
        says(200, "<html>Please sign in</html>"),
        says(500, JwkSet{{second.public_jwk()}}.to_json().dump()),
        [](HttpPeer::Connection&) {},
    };
    for (std::size_t i = 0; i < troubles.size(); ++i) {
        behave(troubles[i]);
        clock.advance(5min);
        auto const refusal = check(second);
        ASSERT_FALSE(refusal.ok()) << i;
        EXPECT_EQ(refusal.error(), errors::keys_unavailable) << i;
        EXPECT_TRUE(check(first).ok()) << i;
    }
    EXPECT_EQ(elsewhere.connections(), 0);
    clock.advance(20min);
    EXPECT_EQ(check(first).error(), errors::keys_unavailable) << "an hour after the last good answer nothing is accepted";
    behave(serves({&first, &second}));
    clock.advance(30s);
    EXPECT_TRUE(check(second).ok());
}

TEST_F(RemoteKeysOverHttp, a_private_address_is_not_asked_unless_it_is_allowed) {
    adapters::CurlHttpClient guarded;
    RemoteKeys refused{guarded, {.url = issuer.url("/jwks.json")}, clock};
    auto const outcome = refused.find("first", Algorithm::es256);
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error(), errors::keys_unavailable);
    EXPECT_NE(outcome.error().detail().find("http_client.refused"), std::string_view::npos);
    EXPECT_EQ(issuer.connections(), 0);
}

TEST_F(RemoteKeysOverHttp, a_token_that_brings_its_own_key_or_address_makes_no_request) {
    HttpPeer const attacker{serves({&second})};
    auto const claims =
        Json::object({{"iss", "https://issuer.example"}, {"aud", "app"}, {"exp", to_millis(clock.now()) / 1000 + 60}}).dump();
    auto const header = Json::object({{"alg", "ES256"},
                                      {"kid", "first"},
                                      {"typ", "at+jwt"},
                                      {"jku", attacker.url()},
                                      {"x5u", attacker.url()},
                                      {"jwk", second.public_jwk().to_json()}});
    auto text = encoding::base64url_encode(as_bytes(header.dump())) + "." + encoding::base64url_encode(as_bytes(claims));
    text += "." + encoding::base64url_encode(second.sign(as_bytes(text)));
    EXPECT_EQ(verifier.verify(text).error(), errors::signature_wrong);
    EXPECT_EQ(attacker.connections(), 0);
}

}  // namespace
}  // namespace zephyr::jose
