#include "zephyr/jose/jwk.h"

#include <algorithm>
#include <array>
#include <optional>

#include "jose/shared_secret.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::jose {

using crypto::EcdsaForm;
using crypto::SignatureAlgorithm;
using crypto::VerifyKey;
using encoding::Json;

namespace {

Error refused(std::string_view why) { return {errors::key_refused, std::string{why}}; }

SignatureAlgorithm signature_of(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::es256: return SignatureAlgorithm::es256;
        case Algorithm::es384: return SignatureAlgorithm::es384;
        case Algorithm::es512: return SignatureAlgorithm::es512;
        case Algorithm::eddsa: return SignatureAlgorithm::ed25519;
        case Algorithm::rs256: return SignatureAlgorithm::rs256;
        case Algorithm::ps256: return SignatureAlgorithm::ps256;
        case Algorithm::hs256: break;
    }
    throw Fault{"jose: HS256 has no key pair"};
}

Algorithm algorithm_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
        case SignatureAlgorithm::es256: return Algorithm::es256;
        case SignatureAlgorithm::es384: return Algorithm::es384;
        case SignatureAlgorithm::es512: return Algorithm::es512;
        case SignatureAlgorithm::ed25519: return Algorithm::eddsa;
        case SignatureAlgorithm::rs256: return Algorithm::rs256;
        case SignatureAlgorithm::ps256: return Algorithm::ps256;
    }
    throw Fault{"jose: no such signature algorithm"};
}

// RFC 7518 6.2.1.1; the curve decides the algorithm (RFC 7518 3.4).
struct Curve {
    std::string_view name;
    Algorithm algorithm;
};
constexpr std::array<Curve, 3> curves{{{"P-256", Algorithm::es256}, {"P-384", Algorithm::es384}, {"P-521", Algorithm::es512}}};

std::string_view curve_of(Algorithm algorithm) {
    for (auto const& curve : curves)
        if (curve.algorithm == algorithm) return curve.name;
    throw Fault{"jose: no curve for this algorithm"};
}

// The bytes of a base64url member.
Result<Bytes> bytes_at(Json const& json, std::string_view name) {
    auto const text = json.string_at(name);
    if (!text || text->empty()) return refused("\"" + std::string{name} + "\" is missing");
    auto bytes = encoding::base64url_decode(*text);
    if (!bytes.ok()) return refused("\"" + std::string{name} + "\" is not base64url");
    return bytes;
}

// A string member that may be absent; anything but a string is refused.
Result<std::optional<std::string>> text_at(Json const& json, std::string_view name) {
    auto const* const member = json.find(name);
    if (member == nullptr) return std::optional<std::string>{};
    if (member->string() == nullptr) return refused("\"" + std::string{name} + "\" is no string");
    return std::optional{*member->string()};
}

// RFC 7517 4.2 and 4.3: what the key is for, by either member, must allow to verify. A key to sign with is named in
// shared secrets, where one key does both.
Result<void> check_purpose(Json const& json) {
    ZEPHYR_TRY(auto const use, text_at(json, "use"));
    if (use && *use != "sig") return refused("\"use\" is not \"sig\"");
    auto const* const operations = json.find("key_ops");
    if (operations == nullptr) return success();
    if (operations->items() == nullptr) return refused("\"key_ops\" is no array");
    bool verifies = false;
    std::vector<std::string> seen;
    for (auto const& item : *operations->items()) {
        if (item.string() == nullptr) return refused("\"key_ops\" holds something else than strings");
        // "Duplicate key operation values MUST NOT be present in the array."
        if (std::find(seen.begin(), seen.end(), *item.string()) != seen.end()) return refused("\"key_ops\" repeats itself");
        seen.push_back(*item.string());
        verifies = verifies || *item.string() == "verify";
    }
    if (!verifies) return refused("\"key_ops\" has no \"verify\"");
    return success();
}

// The members that make a key private (RFC 7518 6.2.2 and 6.3.2, RFC 8037 2).
Result<void> check_public(Json const& json) {
    for (std::string_view const name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
        if (json.find(name) != nullptr) return refused("it holds a private part");
    return success();
}

Result<VerifyKey> as_refused(Result<VerifyKey> key) {
    if (key.ok()) return key;
    return refused(key.error() == crypto::errors::key_unsuitable ? "too short, weak or of another kind" : "no such key");
}

Result<VerifyKey> parse_ec(Json const& json, std::optional<Algorithm> stated) {
    auto const name = json.string_at("crv");
    auto const* const curve = std::find_if(curves.begin(), curves.end(), [&](auto const& each) { return name && each.name == *name; });
    if (curve == curves.end()) return refused("an unknown curve");
    if (stated && *stated != curve->algorithm) return refused("\"alg\" is not for this curve");
    ZEPHYR_TRY(auto const x, bytes_at(json, "x"));
    ZEPHYR_TRY(auto const y, bytes_at(json, "y"));
    return as_refused(VerifyKey::from_ec_point(signature_of(curve->algorithm), x, y));
}

Result<VerifyKey> parse_okp(Json const& json, std::optional<Algorithm> stated) {
    if (json.string_at("crv") != "Ed25519") return refused("an unknown curve");
    if (stated && *stated != Algorithm::eddsa) return refused("\"alg\" is not for this curve");
    ZEPHYR_TRY(auto const x, bytes_at(json, "x"));
    return as_refused(VerifyKey::from_ed25519_point(x));
}

Result<VerifyKey> parse_rsa(Json const& json, std::optional<Algorithm> stated) {
    auto const algorithm = stated.value_or(Algorithm::rs256);
    if (algorithm != Algorithm::rs256 && algorithm != Algorithm::ps256) return refused("\"alg\" is not for RSA");
    ZEPHYR_TRY(auto const modulus, bytes_at(json, "n"));
    ZEPHYR_TRY(auto const exponent, bytes_at(json, "e"));
    return as_refused(VerifyKey::from_rsa_numbers(signature_of(algorithm), modulus, exponent));
}

// The members RFC 7638 3.2 and RFC 8037 2 require of each type, sorted.
std::vector<std::string_view> required_members(std::string_view type) {
    if (type == "EC") return {"crv", "kty", "x", "y"};
    if (type == "OKP") return {"crv", "kty", "x"};
    if (type == "RSA") return {"e", "kty", "n"};
    if (type == "oct") return {"k", "kty"};
    return {};
}

Json public_members(VerifyKey const& key, Algorithm algorithm) {
    auto const encoded = [](Bytes const& bytes) { return Json{encoding::base64url_encode(bytes)}; };
    if (algorithm == Algorithm::eddsa)
        return Json::object({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", encoded(key.ed25519_point())}});
    if (algorithm == Algorithm::rs256 || algorithm == Algorithm::ps256) {
        auto const numbers = key.rsa_numbers();
        return Json::object({{"kty", "RSA"}, {"n", encoded(numbers.modulus)}, {"e", encoded(numbers.exponent)}});
    }
    auto const point = key.ec_point();
    return Json::object({{"kty", "EC"}, {"crv", curve_of(algorithm)}, {"x", encoded(point.x)}, {"y", encoded(point.y)}});
}

}  // namespace

struct Jwk::State {
    Algorithm algorithm;
    std::string kid;
    std::optional<VerifyKey> key;  // without one it is HS256 and has a secret
    SecretBytes secret;
};

Result<Jwk> Jwk::parse(Json const& json) {
    if (json.members() == nullptr) return refused("no object");
    auto const type = json.string_at("kty");
    if (!type) return refused("\"kty\" is missing");
    ZEPHYR_TRY(auto const named, text_at(json, "alg"));
    auto const stated = named ? algorithm_from(*named) : std::nullopt;
    if (named && !stated) return refused("an unknown \"alg\"");
    ZEPHYR_TRY(auto kid, text_at(json, "kid"));
    if (kid && kid->size() > max_kid_bytes) return refused("\"kid\" is too long");
    ZEPHYR_CHECK(check_purpose(json));
    if (*type == "oct") {
        if (stated != Algorithm::hs256) return refused("a shared secret must be for HS256");
        ZEPHYR_TRY(auto secret, bytes_at(json, "k"));
        return from_secret(SecretBytes{std::move(secret)}, kid.value_or(""));
    }
    ZEPHYR_CHECK(check_public(json));
    auto key = *type == "EC"    ? parse_ec(json, stated)
               : *type == "OKP" ? parse_okp(json, stated)
               : *type == "RSA" ? parse_rsa(json, stated)
                                : Result<VerifyKey>{refused("an unknown \"kty\"")};
    if (!key.ok()) return std::move(key).error();
    return from(std::move(key).value(), kid.value_or(""));
}

Jwk Jwk::from(VerifyKey key, std::string kid) {
    if (kid.size() > max_kid_bytes) throw Fault{"jose: a key id of more than 256 bytes"};
    auto const algorithm = algorithm_of(key.algorithm());
    return Jwk{std::make_shared<State const>(State{algorithm, std::move(kid), std::move(key), {}})};
}

Result<Jwk> Jwk::from_secret(SecretBytes secret, std::string kid) {
    if (kid.size() > max_kid_bytes) throw Fault{"jose: a key id of more than 256 bytes"};
    ZEPHYR_CHECK(check_shared_secret(secret));
    return Jwk{std::make_shared<State const>(State{Algorithm::hs256, std::move(kid), std::nullopt, std::move(secret)})};
}

std::string const& Jwk::kid() const { return state_->kid; }
Algorithm Jwk::algorithm() const { return state_->algorithm; }

std::string Jwk::thumbprint() const {
    auto const members = state_->key ? public_members(*state_->key, state_->algorithm)
                                     : Json::object({{"kty", "oct"}, {"k", encoding::base64url_encode(state_->secret.reveal())}});
    return encoding::base64url_encode(crypto::sha256(as_bytes(thumbprint_input(members).value())));
}

Json Jwk::to_json() const {
    if (!state_->key) throw Fault{"jose: a shared secret has no public form"};
    auto json = public_members(*state_->key, state_->algorithm);
    json.set("alg", name_of(state_->algorithm)).set("use", "sig");
    if (!state_->kid.empty()) json.set("kid", state_->kid);
    return json;
}

Result<void> Jwk::verify(ByteView signing_input, ByteView signature) const {
    bool const genuine =
        state_->key ? state_->key->verify(signing_input, signature, EcdsaForm::p1363).ok()
                    : crypto::equal_constant_time(crypto::hmac_sha256(state_->secret.reveal(), signing_input), signature);
    if (!genuine) return errors::signature_wrong;
    return success();
}

struct SigningJwk::State {
    std::optional<crypto::SigningKey> key;
    SecretBytes secret;
    Jwk verifier;
};

SigningJwk::SigningJwk(crypto::SigningKey key, std::string kid) {
    auto verifier = Jwk::from(key.verify_key(), std::move(kid));
    state_ = std::make_shared<State const>(State{std::move(key), {}, std::move(verifier)});
}

Result<SigningJwk> SigningJwk::from_secret(SecretBytes secret, std::string kid) {
    ZEPHYR_TRY(auto verifier, Jwk::from_secret(secret, std::move(kid)));
    return SigningJwk{std::make_shared<State const>(State{std::nullopt, std::move(secret), std::move(verifier)})};
}

std::string const& SigningJwk::kid() const { return state_->verifier.kid(); }
Algorithm SigningJwk::algorithm() const { return state_->verifier.algorithm(); }
Jwk const& SigningJwk::public_jwk() const { return state_->verifier; }

Bytes SigningJwk::sign(ByteView signing_input) const {
    if (state_->key) return state_->key->sign(signing_input, EcdsaForm::p1363);
    return crypto::hmac_sha256(state_->secret.reveal(), signing_input);
}

Result<std::string> thumbprint_input(Json const& jwk) {
    auto const type = jwk.string_at("kty");
    auto const names = required_members(type.value_or(""));
    if (names.empty()) return refused("an unknown \"kty\"");
    auto out = Json::object();
    for (auto const name : names) {
        auto const value = jwk.string_at(name);
        if (!value) return refused("\"" + std::string{name} + "\" is missing");
        if (name != "kty" && name != "crv") ZEPHYR_CHECK(bytes_at(jwk, name));
        out.set(std::string{name}, *value);
    }
    return out.dump();
}

}  // namespace zephyr::jose
