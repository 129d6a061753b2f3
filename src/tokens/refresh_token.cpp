#include "tokens/refresh_token.h"

#include <algorithm>

#include "zephyr/crypto/aead.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/hkdf.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tokens {

namespace {

constexpr std::size_t family_bytes = 16;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t body_bytes = family_bytes + secret_bytes;
constexpr std::size_t all_bytes = body_bytes + tag_bytes;
constexpr std::size_t characters = 86;
constexpr std::size_t hash_bytes = 32;
constexpr std::size_t used_bytes = hash_bytes + 8;
constexpr std::string_view tag_purpose = "refresh token tag";
constexpr std::string_view successor_purpose = "zephyr refresh token successor v1";

Bytes tag_of(ByteView body, SecretBytes const& key) {
    auto tag = crypto::hmac_sha256(key.reveal(), body);
    tag.resize(tag_bytes);
    return tag;
}

void append(Bytes& to, ByteView more) { to.insert(to.end(), more.begin(), more.end()); }

SecretBytes successor_key(ByteView token) { return crypto::hkdf_sha256(token, {}, as_bytes(successor_purpose), crypto::aead_key_bytes); }

}  // namespace

RefreshToken RefreshToken::of_family(crypto::Sealer const& sealer, ByteView family, Random& random) {
    Bytes bytes;
    bytes.reserve(all_bytes);
    append(bytes, family);
    append(bytes, random.bytes(secret_bytes));
    append(bytes, tag_of(bytes, sealer.derive(tag_purpose)));
    return RefreshToken{SecretBytes{std::move(bytes)}};
}

RefreshToken RefreshToken::make(crypto::Sealer const& sealer, Random& random) {
    return of_family(sealer, random.bytes(family_bytes), random);
}

RefreshToken RefreshToken::successor(crypto::Sealer const& sealer, Random& random) const {
    return of_family(sealer, ByteView{bytes_.reveal()}.first(family_bytes), random);
}

std::optional<RefreshToken> RefreshToken::read(crypto::Sealer const& sealer, std::string_view text) {
    if (text.size() != characters) return std::nullopt;
    auto bytes = encoding::base64url_decode(text);
    if (!bytes.ok() || bytes.value().size() != all_bytes) return std::nullopt;
    SecretBytes secret{std::move(bytes).value()};
    ByteView const all{secret.reveal()};
    // A master key that is no longer active made the tags of yesterday.
    auto const keys = sealer.derive_all(tag_purpose);
    bool const ours = std::any_of(keys.begin(), keys.end(), [&](auto const& derived) {
        return crypto::equal_constant_time(tag_of(all.first(body_bytes), derived.key), all.subspan(body_bytes));
    });
    if (!ours) return std::nullopt;
    return RefreshToken{std::move(secret)};
}

std::string RefreshToken::family() const { return encoding::base64url_encode(ByteView{bytes_.reveal()}.first(family_bytes)); }

SecretText RefreshToken::text() const { return SecretText{encoding::base64url_encode(bytes_.reveal())}; }

Bytes RefreshToken::hash() const { return crypto::sha256(bytes_.reveal()); }

Bytes RefreshToken::seal(RefreshToken const& next, Random& random) const {
    auto out = random.bytes(crypto::aead_long_nonce_bytes);
    append(out, crypto::aead_seal_long_nonce(successor_key(bytes_.reveal()).reveal(), Bytes{out}, {}, next.bytes_.reveal()));
    return out;
}

std::optional<RefreshToken> RefreshToken::open(ByteView sealed) const {
    if (sealed.size() < crypto::aead_long_nonce_bytes) return std::nullopt;
    auto opened = crypto::aead_open_long_nonce(successor_key(bytes_.reveal()).reveal(), sealed.first(crypto::aead_long_nonce_bytes), {},
                                               sealed.subspan(crypto::aead_long_nonce_bytes));
    if (!opened.ok() || opened.value().size() != all_bytes) return std::nullopt;
    return RefreshToken{std::move(opened).value()};
}

std::vector<UsedBefore> read_used(std::optional<Bytes> const& column) {
    std::vector<UsedBefore> used;
    if (!column) return used;
    if (column->size() % used_bytes != 0) throw Fault{"refresh_token: damaged older column"};
    for (std::size_t at = 0; at < column->size(); at += used_bytes) {
        ByteView const entry = ByteView{*column}.subspan(at, used_bytes);
        std::uint64_t millis = 0;
        for (auto const byte : entry.subspan(hash_bytes)) millis = millis << 8 | std::to_integer<std::uint64_t>(byte);
        used.push_back({to_bytes(entry.first(hash_bytes)), from_millis(static_cast<std::int64_t>(millis))});
    }
    return used;
}

Bytes write_used(std::vector<UsedBefore> const& used) {
    Bytes column;
    for (auto const& entry : used) {
        append(column, entry.hash);
        auto const millis = static_cast<std::uint64_t>(to_millis(entry.at));
        for (int shift = 56; shift >= 0; shift -= 8) column.push_back(static_cast<std::byte>(millis >> shift & 0xff));
    }
    return column;
}

}  // namespace zephyr::tokens
