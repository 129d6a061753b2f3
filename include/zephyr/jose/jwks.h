// A set of keys (RFC 7517 5), as a jwks_uri answers.
#pragma once

#include <string_view>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/result.h"
#include "zephyr/jose/jwk.h"

namespace zephyr::jose {

namespace errors {
// No key set, or one that can't be trusted: two keys with one id, or a shared secret among public keys.
inline constexpr Failure key_set_refused{Kind::invalid, "jose.key_set_refused"};
}  // namespace errors

class JwkSet {
public:
    static constexpr std::size_t max_bytes = 256 * 1024;
    static constexpr std::size_t max_keys = 100;

    JwkSet() = default;
    explicit JwkSet(std::vector<Jwk> keys) : keys_{std::move(keys)} {}

    // A set of public keys. RFC 7517 5: keys we can't use (another type, for encryption, weak) are passed over; but two
    // keys of one kid, a shared secret, or more than max_keys refuse the whole set. An empty set is a set.
    static Result<JwkSet> parse_text(std::string_view text);  // at most max_bytes
    static Result<JwkSet> parse(encoding::Json const& json);
    // A set of shared secrets, which one keeps to oneself: nothing else may stand in it.
    static Result<JwkSet> parse_secrets(encoding::Json const& json);

    std::vector<Jwk> const& keys() const { return keys_; }
    // How many entries of the parsed set were passed over.
    std::size_t passed_over() const { return passed_over_; }
    // Null when there is none. Without a kid (empty): the only key of that algorithm, null if there are several.
    Jwk const* find(std::string_view kid, Algorithm algorithm) const;
    // Whether any key has this kid, whatever its algorithm.
    bool has(std::string_view kid) const;
    // {"keys":[…]}. Throws Fault when a shared secret is among them.
    encoding::Json to_json() const;

private:
    std::vector<Jwk> keys_;
    std::size_t passed_over_ = 0;
};

}  // namespace zephyr::jose
