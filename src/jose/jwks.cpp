#include "zephyr/jose/jwks.h"

#include <algorithm>

namespace zephyr::jose {

using encoding::Json;

namespace {

constexpr std::size_t max_depth = 16;

Error refused(std::string_view why) { return {errors::key_set_refused, std::string{why}}; }

bool is_secret(Json const& entry) { return entry.string_at("kty") == "oct" || entry.find("k") != nullptr; }

// The "keys" of a set, with the rules that hold for the whole of it.
Result<Json::Array const*> entries_of(Json const& json) {
    auto const* const keys = json.find("keys");
    if (keys == nullptr || keys->items() == nullptr) return refused("no \"keys\"");
    auto const& entries = *keys->items();
    if (entries.size() > JwkSet::max_keys) return refused("too many keys");
    std::vector<std::string> seen;
    for (auto const& entry : entries) {
        if (entry.members() == nullptr) return refused("an entry that is no object");
        auto const kid = entry.string_at("kid");
        if (!kid) continue;
        // RFC 7517 4.5 lets keys of different types share one; which one a token means would then be guesswork.
        if (std::find(seen.begin(), seen.end(), *kid) != seen.end()) return refused("two keys with one \"kid\"");
        seen.push_back(*kid);
    }
    return &entries;
}

}  // namespace

Result<JwkSet> JwkSet::parse_text(std::string_view text) {
    auto const json = encoding::parse_json(text, {.bytes = max_bytes, .depth = max_depth});
    if (!json.ok()) return refused(json.error().id());
    return parse(json.value());
}

Result<JwkSet> JwkSet::parse(Json const& json) {
    ZEPHYR_TRY(auto const* const entries, entries_of(json));
    JwkSet set;
    for (auto const& entry : *entries) {
        // A secret that everybody can read signs for everybody.
        if (is_secret(entry)) return refused("a shared secret among public keys");
        auto key = Jwk::parse(entry);
        if (key.ok()) set.keys_.push_back(std::move(key).value());
        else ++set.passed_over_;
    }
    return set;
}

Result<JwkSet> JwkSet::parse_secrets(Json const& json) {
    ZEPHYR_TRY(auto const* const entries, entries_of(json));
    JwkSet set;
    for (auto const& entry : *entries) {
        if (!is_secret(entry)) return refused("a public key among shared secrets");
        auto key = Jwk::parse(entry);
        if (!key.ok()) return refused(key.error().detail());
        set.keys_.push_back(std::move(key).value());
    }
    return set;
}

Jwk const* JwkSet::find(std::string_view kid, Algorithm algorithm) const {
    Jwk const* found = nullptr;
    for (auto const& key : keys_) {
        if (key.algorithm() != algorithm || (!kid.empty() && key.kid() != kid)) continue;
        if (found != nullptr) return nullptr;
        found = &key;
    }
    return found;
}

bool JwkSet::has(std::string_view kid) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](Jwk const& key) { return key.kid() == kid; });
}

Json JwkSet::to_json() const {
    Json::Array items;
    for (auto const& key : keys_) items.push_back(key.to_json());
    return Json::object({{"keys", std::move(items)}});
}

}  // namespace zephyr::jose
