#include "zephyr/mfa/known_devices.h"

#include "zephyr/audit/codes.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::mfa {

using encoding::Json;
using storage::Transaction;

namespace {

constexpr std::size_t cookie_bytes = 32;
constexpr std::size_t cookie_characters = 43;  // base64url without padding
constexpr std::size_t longest_user_agent = 256;

constexpr std::string_view columns = "id, user_id, user_agent, first_seen_at, last_seen_at, trusted_until";

crypto::Place place(std::string_view id) { return {"known_device", id, "user_agent"}; }

// A cookie has one spelling. Whatever is none of ours by its form is nobody's.
std::optional<Bytes> hash_of(std::string_view cookie) {
    if (cookie.size() != cookie_characters) return std::nullopt;
    auto const decoded = encoding::base64url_decode(cookie);
    if (!decoded.ok() || decoded.value().size() != cookie_bytes) return std::nullopt;
    return crypto::sha256(decoded.value());
}

// Text, whatever the browser sent, and whatever the cut left of its last character.
std::string shortened(std::string_view user_agent) { return encoding::to_valid_utf8(user_agent.substr(0, longest_user_agent)); }

}  // namespace

KnownDevices::KnownDevices(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer, Clock const& clock,
                           Random& random, KnownDeviceSettings settings)
    : database_{database}, audit_{audit}, sealer_{sealer}, clock_{clock}, random_{random}, settings_{settings} {
    bool const fine = settings_.trust > 0s && settings_.trust <= 90 * 24h && settings_.remember > 0s && settings_.most_per_user > 0;
    if (!fine) throw Fault{"settings of known devices are out of range"};
}

KnownDevice KnownDevices::read(storage::Row const& row) const {
    KnownDevice device{.id = row.text(0),
                       .user = UserId::trusted(row.text(1)),
                       .user_agent = {},
                       .first_seen_at = row.time(3),
                       .last_seen_at = row.time(4),
                       .trusted_until = row.optional_time(5)};
    // It is for people to read: what cannot be opened any more is left out, and the lane goes on.
    if (auto const opened = sealer_.open(place(device.id), row.blob(2)); opened.ok()) device.user_agent = to_text(opened.value().reveal());
    return device;
}

std::optional<KnownDevice> KnownDevices::find(Transaction& tx, UserId const& user, std::string_view cookie) {
    auto const hash = hash_of(cookie);
    if (!hash) return std::nullopt;
    auto const row = tx.row("SELECT " + std::string{columns} + " FROM known_device WHERE user_id = $1 AND device_hash = $2 AND last_seen_at > $3",
                            user.str(), *hash, clock_.now() - settings_.remember);
    if (!row) return std::nullopt;
    return read(*row);
}

std::optional<KnownDevice> KnownDevices::find(UserId const& user, std::string_view cookie) {
    return database_.read([&](Transaction& tx) { return find(tx, user, cookie); });
}

bool KnownDevices::trusted(Transaction& tx, UserId const& user, std::string_view cookie) {
    if (!settings_.may_be_trusted) return false;
    auto const device = find(tx, user, cookie);
    return device && device->trusted_until && *device->trusted_until > clock_.now();
}

SecretText KnownDevices::remember(Transaction& tx, UserId const& user, std::string_view cookie, bool trust, audit::Origin const& origin) {
    auto const now = clock_.now();
    auto const until = trust && settings_.may_be_trusted ? std::optional{now + settings_.trust} : std::nullopt;
    auto const agent = [&](std::string_view id) { return sealer_.seal(place(id), as_bytes(shortened(origin.user_agent))); };

    if (auto const known = find(tx, user, cookie)) {
        tx.run("UPDATE known_device SET last_seen_at = $2, user_agent = $3, trusted_until = COALESCE(CAST($4 AS BIGINT), trusted_until) "
               "WHERE id = $1",
               known->id, now, agent(known->id), until);
        if (until) record(tx, audit::codes::mfa_device_trusted, user, audit::Actor::user(user), origin, known->id);
        return SecretText{std::string{cookie}};
    }

    SecretBytes const fresh{random_.bytes(cookie_bytes)};
    auto const hash = crypto::sha256(fresh.reveal());
    if (auto const old = hash_of(cookie)) {
        tx.run("DELETE FROM known_device WHERE user_id = $1 AND device_hash = $2", user.str(), *old);  // one too old to be found
        tx.run("UPDATE known_device SET device_hash = $2, trusted_until = NULL WHERE device_hash = $1", *old, hash);
    }
    auto const id = make_uuid_v7(now, random_);
    tx.run("INSERT INTO known_device (id, user_id, device_hash, user_agent, first_seen_at, last_seen_at, trusted_until) "
           "VALUES ($1, $2, $3, $4, $5, $5, $6)",
           id, user.str(), hash, agent(id), now, until);
    tx.run("DELETE FROM known_device WHERE user_id = $1 AND id NOT IN (SELECT id FROM known_device WHERE user_id = $1 "
           "ORDER BY last_seen_at DESC, id DESC LIMIT $2)",
           user.str(), static_cast<std::int64_t>(settings_.most_per_user));
    if (until) record(tx, audit::codes::mfa_device_trusted, user, audit::Actor::user(user), origin, id);
    return SecretText{encoding::base64url_encode(fresh.reveal())};
}

void KnownDevices::end_trust(Transaction& tx, UserId const& user, audit::Actor const& actor, audit::Origin const& origin,
                             std::string_view reason) {
    auto const ended =
        tx.run("UPDATE known_device SET trusted_until = NULL WHERE user_id = $1 AND trusted_until IS NOT NULL", user.str());
    if (ended > 0) record(tx, audit::codes::mfa_trust_ended, user, actor, origin, {}, reason);
}

void KnownDevices::forget_others(Transaction& tx, UserId const& user, std::string_view keep, audit::Actor const& actor,
                                 audit::Origin const& origin, std::string_view reason) {
    end_trust(tx, user, actor, origin, reason);
    auto const kept = find(tx, user, keep);
    auto const forgotten =
        tx.run("DELETE FROM known_device WHERE user_id = $1 AND id <> $2", user.str(), kept ? kept->id : std::string{});
    if (forgotten > 0) record(tx, audit::codes::mfa_device_forgotten, user, actor, origin, {}, reason, forgotten);
}

std::vector<KnownDevice> KnownDevices::list(UserId const& user) {
    return database_.read([&](Transaction& tx) {
        std::vector<KnownDevice> devices;
        for (auto const& row : tx.rows("SELECT " + std::string{columns} +
                                           " FROM known_device WHERE user_id = $1 AND last_seen_at > $2 ORDER BY last_seen_at DESC, id DESC",
                                       user.str(), clock_.now() - settings_.remember))
            devices.push_back(read(row));
        return devices;
    });
}

bool KnownDevices::forget(Transaction& tx, UserId const& user, std::string_view id, audit::Actor const& actor,
                          audit::Origin const& origin) {
    if (!is_uuid(id)) return false;  // anything may stand in a path
    if (tx.run("DELETE FROM known_device WHERE id = $1 AND user_id = $2", id, user.str()) == 0) return false;
    record(tx, audit::codes::mfa_device_forgotten, user, actor, origin, id);
    return true;
}

std::int64_t KnownDevices::purge() {
    return database_.write([&](Transaction& tx) {
        return tx.run("DELETE FROM known_device WHERE last_seen_at <= $1", clock_.now() - settings_.remember);
    });
}

std::vector<privacy::TableClaim> KnownDevices::claims() const {
    return {{.table = "known_device",
             .personal = {"id", "user_id", "user_agent", "first_seen_at", "last_seen_at", "trusted_until"},
             .not_personal = {"device_hash"}}};
}

Json KnownDevices::export_for(Transaction& tx, UserId const& user) {
    Json devices = Json::array();
    for (auto const& row :
         tx.rows("SELECT " + std::string{columns} + " FROM known_device WHERE user_id = $1 ORDER BY first_seen_at, id", user.str())) {
        auto const device = read(row);
        devices.push(Json::object({{"device", device.id},
                                   {"user_agent", device.user_agent},
                                   {"first_seen", to_rfc3339(device.first_seen_at)},
                                   {"last_seen", to_rfc3339(device.last_seen_at)},
                                   {"trusted_until", device.trusted_until ? Json{to_rfc3339(*device.trusted_until)} : Json{}}}));
    }
    return devices;
}

void KnownDevices::erase(Transaction& tx, UserId const& user) { tx.run("DELETE FROM known_device WHERE user_id = $1", user.str()); }

void KnownDevices::record(Transaction& tx, std::string_view code, UserId const& user, audit::Actor const& actor, audit::Origin const& origin,
                          std::string_view device, std::string_view reason, std::int64_t count) {
    audit::Event event{.code = code, .actor = actor, .subject = user, .reason = std::string{reason}, .origin = origin};
    if (!device.empty()) event.details.emplace_back("device", std::string{device});
    if (count > 0) event.details.emplace_back("count", std::to_string(count));
    audit_.append(tx, event);
}

}  // namespace zephyr::mfa
