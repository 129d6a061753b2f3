// The input once as a token, once as the claims of a token that is signed in earnest. What reads must have one spelling; what is accepted
// must keep the policy.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "zephyr/encoding/base64url.h"
#include "zephyr/jose/jwt.h"

namespace {

using namespace zephyr;

class StoppedClock final : public Clock {
public:
    TimePoint now() const override { return from_millis(1'767'225'600'000); }
    MonotonicTime monotonic() const override { return {}; }
};

void require(bool fine) {
    if (!fine) std::abort();
}

jose::SigningJwk const& key() {
    static auto const made = [] {
        Bytes secret(32);
        for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::byte>(i * 167 + 131);
        return jose::SigningJwk::from_secret(SecretBytes{secret}, "fuzz").value();
    }();
    return made;
}

void one_spelling(std::string_view text, jose::RawJws const& jws) {
    require(text.starts_with(jws.signing_input + "."));
    require(text.substr(jws.signing_input.size() + 1) == encoding::base64url_encode(jws.signature));
    require(jws.signing_input.substr(jws.signing_input.find('.') + 1) == encoding::base64url_encode(jws.payload));
    require(jws.header.members() != nullptr && jws.header.string_at("alg") == jose::name_of(jws.algorithm));
    require(jws.header.find("crit") == nullptr && jws.header.find("b64") == nullptr);
}

void keeps_the_policy(jose::VerifiedJwt const& jwt, TimePoint now) {
    require(jwt.issuer() == "https://issuer.example" && jwt.claims().string_at("iss") == jwt.issuer());
    require(std::find(jwt.audiences().begin(), jwt.audiences().end(), "app") != jwt.audiences().end());
    require(jwt.expires_at() > now && jwt.claims().find("exp")->number().has_value());
    if (jwt.issued_at()) require(*jwt.issued_at() <= now + 60s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    StoppedClock const clock;
    jose::StaticKeys keys{jose::JwkSet{std::vector{key().public_jwk()}}};
    jose::JwtVerifier const verifier{keys, {"https://issuer.example", "app", "at+jwt"}, clock};

    auto const jws = jose::parse_compact(text);
    if (jws.ok()) one_spelling(text, jws.value());
    for (auto const& jwt : {verifier.verify(text), verifier.verify(jose::sign_compact(key(), "at+jwt", text))})
        if (jwt.ok()) keeps_the_policy(jwt.value(), clock.now());
    return 0;
}
