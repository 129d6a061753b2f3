// The signing keys as one look at the table found them, and new ones on their way into it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/tokens/signing_keys.h"

namespace zephyr::tokens {

// The change bus topic of this table.
inline constexpr std::string_view changed_topic = "signing_keys";

struct SigningKeys::Snapshot {
    struct Known {
        jose::Jwk key;
        KeyState state;
        std::optional<TimePoint> retired_at;

        bool counts(TimePoint now, std::chrono::seconds overlap) const {
            return state == KeyState::next || state == KeyState::active || (retired_at && now < *retired_at + overlap);
        }
    };
    std::vector<Known> keys;  // without revoked ones
    std::string active_kid;   // of the algorithm we sign with; empty: there is none
    bool has_next = false;
    std::optional<jose::SigningJwk> signer;
    std::uint64_t changes = 0;
    MonotonicTime loaded_at;

    Known const* find(std::string_view kid) const {
        auto const found = std::find_if(keys.begin(), keys.end(), [&](auto const& known) { return known.key.kid() == kid; });
        return found == keys.end() ? nullptr : &*found;
    }
};

struct FreshKey {
    std::string kid;
    std::string public_jwk;
    SecretBytes secret;  // PKCS #8
};
// Takes a second or two for RSA.
FreshKey make_key(jose::Algorithm algorithm);
Bytes seal_key(crypto::Sealer const& sealer, FreshKey const& key);

KeyState key_state_from(std::string_view text);

}  // namespace zephyr::tokens
