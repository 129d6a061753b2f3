// What a refresh token is made of: family (16 bytes), 256 random bits, tag (16 bytes); 86 characters of base64url.
//
// The family finds the row. The tag, a MAC under a key of this server, tells a token that was ours from one that somebody made up or that
// lost a bit on its way: only the first kind may ever count as reuse, and the second costs no statement. It opens nothing by itself: what
// counts is the hash of the whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::tokens {

class RefreshToken {
public:
    static RefreshToken make(crypto::Sealer const& sealer, Random& random);
    // Another of the same family.
    RefreshToken successor(crypto::Sealer const& sealer, Random& random) const;
    // Nothing for a text that no node with our master keys made.
    static std::optional<RefreshToken> read(crypto::Sealer const& sealer, std::string_view text);

    std::string family() const;  // 22 characters of base64url
    SecretText text() const;
    Bytes hash() const;  // SHA-256: enough for 256 random bits

    // The next token, sealed under a key that only holders of this one can make.
    Bytes seal(RefreshToken const& next, Random& random) const;
    std::optional<RefreshToken> open(ByteView sealed) const;

private:
    explicit RefreshToken(SecretBytes bytes) : bytes_{std::move(bytes)} {}
    static RefreshToken of_family(crypto::Sealer const& sealer, ByteView family, Random& random);
    SecretBytes bytes_;
};

// Tokens used a moment ago, before the one just before the present one: a late duplicate of such a request is no theft.
struct UsedBefore {
    Bytes hash;
    TimePoint at;
};
std::vector<UsedBefore> read_used(std::optional<Bytes> const& column);
Bytes write_used(std::vector<UsedBefore> const& used);

}  // namespace zephyr::tokens
