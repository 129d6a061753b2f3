#include "zephyr/signin/mail_links.h"

#include <algorithm>
#include <array>

#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::signin {

using encoding::Json;
using storage::Transaction;

namespace {

constexpr std::size_t selector_bytes = 16;
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t selector_length = 22;  // in base64url
constexpr std::size_t token_length = selector_length + 43;
constexpr std::string_view decoy = "decoy";
// Sealed at one length, so that a row says nothing about the length of an address (at most 254 bytes).
constexpr std::size_t padded_length = 256;


crypto::Place place_of(std::string_view selector) { return {"mail_link", selector, "address"}; }

Bytes hash_of(std::string_view secret) { return crypto::sha256(as_bytes(secret)); }

std::string padded(std::string_view address) {
    std::string out{address.substr(0, padded_length)};
    out.resize(padded_length, '\0');
    return out;
}

std::string without_padding(std::string_view sealed) { return std::string{sealed.substr(0, sealed.find('\0'))}; }

// How many went out since $3, and how many of those are good at $4. None lives as long as limits look back.
constexpr std::string_view count_lately =
    "SELECT count(*), count(CASE WHEN used_at IS NULL AND ended_at IS NULL AND expires_at > $4 THEN 1 END) FROM mail_link"
    " WHERE user_id = $1 AND purpose = $2 AND created_at > $3";

void end_of(Transaction& tx, UserId const& user, std::string_view purpose, TimePoint now) {
    tx.run("UPDATE mail_link SET ended_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL AND ended_at IS NULL", user.str(),
           purpose, now);
}

}  // namespace

std::string_view to_string(LinkPurpose purpose) {
    switch (purpose) {
        case LinkPurpose::verify_email: return "verify_email";
        case LinkPurpose::change_email: return "change_email";
        case LinkPurpose::reset_password: return "reset_password";
        case LinkPurpose::recovery: return "recovery";
    }
    throw Fault{"a link of no known purpose"};
}

std::string_view path_of(LinkPurpose purpose) {
    switch (purpose) {
        case LinkPurpose::verify_email: return "/verify-email";
        case LinkPurpose::change_email: return "/verify-email";  // one page asks for both
        case LinkPurpose::reset_password: return "/reset-password";
        case LinkPurpose::recovery: return "/recover";
    }
    throw Fault{"a link of no known purpose"};
}

MailLinks::MailLinks(storage::Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random, MailLinkSettings settings)
    : database_{database}, sealer_{sealer}, clock_{clock}, random_{random}, settings_{std::move(settings)} {}

std::string MailLinks::insert(Transaction& tx, std::string_view user, std::string_view purpose, std::string_view address) {
    auto const selector = encoding::base64url_encode(random_.bytes(selector_bytes));
    auto const secret = encoding::base64url_encode(random_.bytes(secret_bytes));
    auto const now = clock_.now();
    auto const shown = padded(address);
    tx.run("INSERT INTO mail_link (selector, user_id, purpose, secret_hash, address, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
           selector, user, purpose, hash_of(secret), sealer_.seal(place_of(selector), as_bytes(shown)), now, now + lifetime);
    return selector + secret;
}

Result<std::string> MailLinks::issue(Transaction& tx, UserId const& user, LinkPurpose purpose, std::string_view address) {
    auto const now = clock_.now();
    auto const lately = tx.row(count_lately, user.str(), to_string(purpose), now - 1h, now);
    bool const always = purpose == LinkPurpose::reset_password && lately->integer(1) == 0;
    if (lately->integer(0) >= settings_.most_per_hour && !always) return errors::mail_limited;
    end(tx, user, purpose);
    return settings_.public_url + std::string{path_of(purpose)} + "/" + insert(tx, user.str(), to_string(purpose), address);
}

void MailLinks::issue_decoy(Transaction& tx, std::string_view address, bool counted) {
    auto const who = nobody();
    auto const now = clock_.now();
    if (!counted) tx.row(count_lately, who.str(), decoy, now - 1h, now);
    end_of(tx, who, decoy, now);
    insert(tx, who.str(), decoy, address);
}

void MailLinks::issue_decoy_message(Transaction& tx) { insert(tx, nobody().str(), decoy, {}); }

UserId MailLinks::nobody() {
    auto bytes = random_.bytes(16);
    bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // RFC 9562 5.4
    bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
    auto text = encoding::hex_encode(bytes);
    for (std::size_t const at : {8, 13, 18, 23}) text.insert(at, 1, '-');
    return UserId::trusted(std::move(text));
}

Result<MailLinks::Link> MailLinks::look(Transaction& tx, LinkPurpose purpose, std::string_view token) const {
    if (token.size() != token_length || !encoding::base64url_decode(token.substr(0, selector_length)).ok()) return errors::link_gone;
    auto const row = tx.row("SELECT user_id, secret_hash, address, created_at FROM mail_link WHERE selector = $1 AND purpose = $2"
                            " AND used_at IS NULL AND ended_at IS NULL AND expires_at > $3",
                            token.substr(0, selector_length), to_string(purpose), clock_.now());
    if (!row || !crypto::equal_constant_time(hash_of(token.substr(selector_length)), row->blob(1))) return errors::link_gone;
    std::string const selector{token.substr(0, selector_length)};
    auto const address = sealer_.open(place_of(selector), row->blob(2));
    if (!address.ok()) throw Fault{"mail_link.address does not open: " + std::string{address.error().id()}};
    return Link{selector, UserId::trusted(row->text(0)), without_padding(as_text(address.value().reveal())), row->time(3)};
}

Result<MailLinks::Link> MailLinks::use(Transaction& tx, LinkPurpose purpose, std::string_view token) {
    ZEPHYR_TRY(auto link, look(tx, purpose, token));
    auto const now = clock_.now();
    auto const used = tx.run("UPDATE mail_link SET used_at = $2 WHERE selector = $1 AND used_at IS NULL AND ended_at IS NULL AND expires_at > $2",
                             link.selector, now);
    if (used != 1) return errors::link_gone;
    return link;
}

void MailLinks::end(Transaction& tx, UserId const& user, LinkPurpose purpose) { end_links(tx, user, purpose, clock_.now()); }

void end_links(Transaction& tx, UserId const& user, LinkPurpose purpose, TimePoint now) { end_of(tx, user, to_string(purpose), now); }

std::optional<TimePoint> MailLinks::last_used(Transaction& tx, UserId const& user, LinkPurpose purpose) const {
    return tx.row("SELECT max(used_at) FROM mail_link WHERE user_id = $1 AND purpose = $2", user.str(), to_string(purpose))->optional_time(0);
}

std::int64_t MailLinks::purge() {
    return database_.write([&](Transaction& tx) {
        auto const now = clock_.now();
        auto const decoys = tx.run("DELETE FROM mail_link WHERE selector IN (SELECT selector FROM mail_link WHERE purpose = $1"
                                   " AND created_at < $2 ORDER BY created_at LIMIT 500)",
                                   decoy, now - lifetime);
        return decoys + tx.run("DELETE FROM mail_link WHERE selector IN (SELECT selector FROM mail_link WHERE created_at < $1"
                               " ORDER BY created_at LIMIT 500)",
                               now - kept);
    });
}

std::vector<privacy::TableClaim> MailLinks::claims() const {
    return {{.table = "mail_link",
             .personal = {"user_id", "purpose", "address", "created_at", "expires_at", "used_at", "ended_at"},
             .not_personal = {"selector", "secret_hash"}}};
}

Json MailLinks::export_for(Transaction& tx, UserId const& user) {
    auto const time = [](std::optional<TimePoint> const& at) { return at ? Json{to_rfc3339(*at)} : Json{}; };
    Json out = Json::array();
    for (auto const& row : tx.rows("SELECT selector, purpose, address, created_at, expires_at, used_at, ended_at FROM mail_link"
                                   " WHERE user_id = $1 ORDER BY created_at, selector",
                                   user.str())) {
        auto const address = sealer_.open(place_of(row.text(0)), row.blob(2));
        out.push(Json::object({{"purpose", row.text(1)},
                               {"address", address.ok() ? Json{without_padding(as_text(address.value().reveal()))} : Json{}},
                               {"sent_at", to_rfc3339(row.time(3))},
                               {"expires_at", to_rfc3339(row.time(4))},
                               {"used_at", time(row.optional_time(5))},
                               {"ended_at", time(row.optional_time(6))}}));
    }
    return out;
}

void MailLinks::erase(Transaction& tx, UserId const& user) { tx.run("DELETE FROM mail_link WHERE user_id = $1", user.str()); }

}  // namespace zephyr::signin
