// Project Wycheproof's JSON web signatures and keys, and the JOSE cookbook. Every difference is named and has its reason.
#include "crypto/wycheproof.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "jose_fixture.h"
#include "zephyr/jose/jwks.h"
#include "zephyr/jose/jws.h"

namespace zephyr::jose {
namespace {

using namespace testing;
namespace wycheproof = crypto::wycheproof;

// Where we differ on purpose.
std::map<std::int64_t, std::string> const policy_of_signatures{
    {346, "RFC 7520 figure 20 is PS384, its key here says PS256"},
    {350, "RFC 7520 figure 20 is PS384, its key here says PS256"},
    {372, "a character that is no base64url stands in the header: Wycheproof takes it, RFC 7515 2 has no room for it"},
};
// Not claimed: their keys are refused, so nothing they signed is accepted.
bool claimed(Json const& key) {
    auto const alg = key.string_at("alg");
    return !alg || (*alg != "RS384" && *alg != "RS512" && *alg != "PS384" && *alg != "PS512" && *alg != "HS384" && *alg != "HS512");
}

Json const& key_of(Json const& group) {
    auto const* const key = group.find("public");
    return key != nullptr ? *key : *group.find("private");
}

struct Figures {
    int tests = 0, agreed = 0, unclaimed = 0;
    std::set<std::int64_t> misses;
    std::map<std::string, int> missed_flags;

    void add(Json const& group_key, Json const& test, bool accepted) {
        bool const valid = test.string_at("result") == "valid";
        if (valid && !claimed(group_key)) {
            EXPECT_FALSE(accepted);
            ++unclaimed;
            return;
        }
        ++tests;
        if (valid == accepted) {
            ++agreed;
            return;
        }
        misses.insert(test.find("tcId")->integer().value());
        for (auto const& flag : *test.find("flags")->items()) ++missed_flags[*flag.string()];
    }
    double share() const { return 100.0 * agreed / tests; }
    void print(char const* what) const {
        std::printf("%s: %d of %d as Wycheproof says (%.1f %%), %d valid ones of algorithms not claimed\n", what, agreed, tests, share(),
                    unclaimed);
    }
};

Figures signatures() {
    Figures figures;
    wycheproof::for_each_test(wycheproof::load("json_web_signature"), [&](auto const& group, auto const& test) {
        auto const key = Jwk::parse(key_of(group));
        figures.add(key_of(group), test, key.ok() && verify_compact(test.string_at("jws").value(), key.value()).ok());
    });
    return figures;
}

// The key of a token's kid out of a set, public or of shared secrets.
bool accepted_from_set(Json const& set_json, bool is_public, std::string const& token) {
    auto const set = is_public ? JwkSet::parse(set_json) : JwkSet::parse_secrets(set_json);
    auto const jws = parse_compact(token);
    if (!set.ok() || !jws.ok()) return false;
    auto const* const key = set.value().find(jws.value().kid, jws.value().algorithm);
    return key != nullptr && verify_compact(token, *key).ok();
}

Figures key_sets() {
    Figures figures;
    wycheproof::for_each_test(wycheproof::load("json_web_key"), [&](auto const& group, auto const& test) {
        auto const& set = key_of(group);
        figures.add(set.find("keys")->items()->front(), test,
                    accepted_from_set(set, group.find("public") != nullptr, test.string_at("jws").value()));
    });
    return figures;
}

TEST(Wycheproof, signatures_are_judged_as_expected_but_for_named_differences) {
    auto const figures = signatures();
    figures.print("JWS");
    EXPECT_EQ(figures.tests, 185);
    EXPECT_EQ(figures.unclaimed, 8);
    std::set<std::int64_t> named;
    for (auto const& [id, reason] : policy_of_signatures) named.insert(id);
    EXPECT_EQ(figures.misses, named);
    // ModifiedSignature, AlgIsNone, WrongPrimitive, ModifiedPadding: not one.
    EXPECT_EQ(figures.missed_flags, (std::map<std::string, int>{}));
    EXPECT_GE(figures.share(), 97.0);
}

TEST(Wycheproof, key_sets_are_judged_as_expected) {
    auto const figures = key_sets();
    figures.print("JWK");
    EXPECT_EQ(figures.tests, 12);
    EXPECT_EQ(figures.unclaimed, 1) << "15, HS512";
    EXPECT_EQ(figures.misses, std::set<std::int64_t>{});
    EXPECT_EQ(figures.missed_flags, (std::map<std::string, int>{})) << "MixedKeySet above all";
}

Json example(std::string const& name) {
    return encoding::parse_json(read_file("tests/vectors/jose/" + name), {.bytes = 1 << 20, .depth = 32}).value();
}
Jwk cookbook_key(Json const& json, std::string_view alg) {
    return Jwk::parse(public_part(json).set("alg", alg)).value();
}

// One signature of the JSON serialisation, which we do not read as such: as a compact text where its header allows one.
void expect_genuine(Json const& input, Jwk const& key, Json const& signature) {
    auto const header = signature.string_at("protected").value_or("");
    auto const payload = input.string_at("payload").value();
    auto const bytes = encoding::base64url_decode(signature.string_at("signature").value()).value();
    EXPECT_TRUE(key.verify(as_bytes(header + "." + b64(payload)), bytes).ok());
    EXPECT_FALSE(key.verify(as_bytes(header + "." + b64(payload + " ")), bytes).ok());
    if (header.empty()) return;
    auto const compact = header + "." + b64(payload) + "." + signature.string_at("signature").value();
    EXPECT_EQ(to_text(verify_compact(compact, key).value().payload), payload);
}

TEST(Cookbook, signatures_verify_by_the_public_half_of_their_keys) {
    int verified = 0;
    for (auto const* const name : {"4_5_detached.json", "4_6_specific_header_fields.json", "4_7_content_only.json", "ed25519.json"}) {
        auto const json = example(name);
        auto const& input = *json.find("input");
        auto const& signatures = *json.find("output")->find("json")->find("signatures")->items();
        ASSERT_EQ(signatures.size(), 1u) << name;
        expect_genuine(input, cookbook_key(*input.find("key"), input.string_at("alg").value()), signatures.front());
        ++verified;
    }
    auto const many = example("4_8_multiple_signatures.json");
    auto const& input = *many.find("input");
    auto const& signatures = *many.find("output")->find("json")->find("signatures")->items();
    for (std::size_t i = 0; i < signatures.size(); ++i, ++verified)
        expect_genuine(input, cookbook_key((*input.find("key")->items())[i], *(*input.find("alg")->items())[i].string()), signatures[i]);

    auto const nested = example("6_nesting.json");
    auto const& inner = *nested.find("sign");
    auto const key = cookbook_key(*inner.find("input")->find("key"), "PS256");
    EXPECT_EQ(to_text(verify_compact(inner.find("output")->string_at("compact").value(), key).value().payload),
              inner.find("input")->string_at("payload"));
    ++verified;
    EXPECT_EQ(verified, 8);
    std::printf("cookbook: %d signatures verified\n", verified);
}

TEST(Cookbook, what_is_no_compact_jws_of_ours_is_refused) {
    auto const detached = example("4_5_detached.json");
    auto const key = Jwk::parse(*detached.find("input")->find("key")).value();
    // The payload travels elsewhere: taken as it stands the signature is of something else.
    EXPECT_EQ(verify_compact(detached.find("output")->string_at("compact").value(), key).error(), errors::signature_wrong);
    auto const unencoded = example("rfc7797_b64_false.json");
    auto const& flat = *unencoded.find("output")->find("json_flat");
    EXPECT_EQ(parse_compact(flat.string_at("protected").value() + ".AA." + flat.string_at("signature").value()).error(), errors::malformed);
}

TEST(Cookbook, keys_are_read_or_refused_by_their_use) {
    auto const load = [](std::string const& name) { return Jwk::parse(example(name)); };
    EXPECT_EQ(load("3_1_ec_public_key.json").value().algorithm(), Algorithm::es512);
    EXPECT_EQ(load("3_5_symmetric_key_mac.json").value().algorithm(), Algorithm::hs256);
    EXPECT_EQ(load("3_6_symmetric_key_encryption.json").error(), errors::key_refused);
}

}  // namespace
}  // namespace zephyr::jose
