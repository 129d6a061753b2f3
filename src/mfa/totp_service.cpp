#include "zephyr/mfa/totp_service.h"

#include "mfa/totp_tables.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base32.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::mfa {

namespace {

//= https://www.rfc-editor.org/rfc/rfc4226#section-4
// # R6 - The algorithm MUST use a strong shared secret.  The length of the shared secret MUST be at least 128 bits.
// This # document RECOMMENDs a shared secret length of 160 bits.
constexpr std::size_t secret_bytes = 20;
constexpr std::size_t longest_name_code_points = 64;

std::optional<std::string> valid_name(std::string_view typed) {
    auto const name = trim(typed);
    if (name.empty() || !encoding::is_valid_utf8(name) || encoding::has_hidden_characters(name)) return std::nullopt;
    if (encoding::code_points(name) > longest_name_code_points) return std::nullopt;
    return std::string{name};
}

void check(TotpSettings const& settings) {
    bool const fine = settings.digits >= 6 && settings.digits <= 8 && settings.period >= std::chrono::seconds{10} &&
                      settings.period <= std::chrono::seconds{300} && settings.drift_steps >= 0 &&
                      settings.drift_steps <= 10 && settings.enrolment_lifetime > 0ms && settings.most_devices > 0 &&
                      settings.failures_per_enrolment > 0;
    if (!fine) throw Fault{"settings of one-time passwords are out of range"};
}

}  // namespace

TotpService::TotpService(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer,
                         Attempts const& attempts, Clock const& clock, Random& random, TotpSettings settings)
    : database_{database},
      audit_{audit},
      sealer_{sealer},
      attempts_{attempts},
      clock_{clock},
      random_{random},
      settings_{std::move(settings)} {
    check(settings_);
}

Result<TotpEnrolment> TotpService::begin(UserId const& user, SessionRef const& session, std::string_view account_label,
                                         std::string_view device_name, audit::Origin const& origin) {
    auto const name = valid_name(device_name);
    if (!name) return errors::device_name_malformed;
    auto const now = clock_.now();
    SecretBytes const secret{random_.bytes(secret_bytes)};
    auto const id = FactorId::make(now, random_);
    DeviceRow const device{.id = id,
                           .user = user,
                           .name = *name,
                           .secret = seal_secret(id, secret.reveal()),
                           .algorithm = settings_.algorithm,
                           .digits = settings_.digits,
                           .period = settings_.period,
                           .session = session,
                           .created_at = now,
                           .confirmed_at = std::nullopt,
                           .last_used_at = std::nullopt};
    auto const most = static_cast<std::int64_t>(settings_.most_devices);
    auto const begun = database_.write([&](storage::Transaction& tx) -> Result<void> {
        totp_tables::delete_pending_from_before(tx, user, now - settings_.enrolment_lifetime);
        totp_tables::delete_pending(tx, user, session);
        // Other sessions' enrolments are bounded apart, so that they cannot use up the places of real devices.
        if (totp_tables::count(tx, user, "confirmed") >= most || totp_tables::count(tx, user, "pending") >= most)
            return errors::device_limit;
        totp_tables::insert_pending(tx, device);
        record(tx, audit::codes::mfa_enrolment_begun, user, audit::Actor::user(user), origin, id);
        return success();
    });
    if (!begun.ok()) return begun.error();

    return describe(device, secret.reveal(), account_label);
}

TotpEnrolment TotpService::describe(DeviceRow const& device, ByteView secret, std::string_view account_label) const {
    TotpEnrolment out{.device = device.id,
                      .secret_base32 = encoding::base32_encode(secret),
                      .otpauth_uri = {},
                      .expires_at = device.created_at + settings_.enrolment_lifetime};
    out.otpauth_uri = otpauth_uri({.issuer = settings_.issuer,
                                   .account = account_label,
                                   .secret_base32 = out.secret_base32,
                                   .algorithm = device.algorithm,
                                   .digits = device.digits,
                                   .period = device.period});
    return out;
}

std::optional<PendingTotp> TotpService::pending(UserId const& user, SessionRef const& session,
                                                std::string_view account_label) {
    auto const found =
        database_.read([&](storage::Transaction& tx) { return totp_tables::pending(tx, user, session); });
    if (!found || clock_.now() >= found->created_at + settings_.enrolment_lifetime) return std::nullopt;
    return PendingTotp{found->name, describe(*found, open_secret(*found).reveal(), account_label)};
}

std::int64_t TotpService::count_enrolled() {
    return database_.read([](storage::Transaction& tx) { return totp_tables::count_people(tx); });
}

bool TotpService::has_pending(UserId const& user, SessionRef const& session) {
    return database_.read([&](storage::Transaction& tx) { return has_pending(tx, user, session); });
}

bool TotpService::has_pending(storage::Transaction& tx, UserId const& user, SessionRef const& session) {
    auto const found = totp_tables::pending(tx, user, session);
    return found && clock_.now() < found->created_at + settings_.enrolment_lifetime;
}

bool TotpService::has_confirmed(UserId const& user) {
    return database_.read([&](storage::Transaction& tx) { return totp_tables::count(tx, user, "confirmed"); }) > 0;
}

std::vector<TotpDevice> TotpService::list(UserId const& user) {
    std::vector<TotpDevice> out;
    for (auto const& device :
         database_.read([&](storage::Transaction& tx) { return totp_tables::confirmed(tx, user); })) {
        out.push_back({.id = device.id,
                       .name = device.name,
                       .created_at = device.created_at,
                       .confirmed_at = device.confirmed_at.value_or(device.created_at),
                       .last_used_at = device.last_used_at});
    }
    return out;
}

Result<void> TotpService::rename(UserId const& user, FactorId const& device, std::string_view typed,
                                 audit::Actor const& actor, audit::Origin const& origin) {
    auto const name = valid_name(typed);
    if (!name) return errors::device_name_malformed;
    return database_.write([&](storage::Transaction& tx) -> Result<void> {
        if (!totp_tables::rename(tx, user, device, *name)) return errors::device_not_found;
        record(tx, audit::codes::mfa_renamed, user, actor, origin, device);
        return success();
    });
}

std::vector<FactorSummary> TotpService::list(storage::Transaction& tx, UserId const& user) {
    std::vector<FactorSummary> out;
    for (auto const& device : totp_tables::confirmed(tx, user)) {
        out.push_back({.id = device.id,
                       .kind = &totp_kind,
                       .shown = device.name,
                       .confirmed_at = device.confirmed_at.value_or(device.created_at),
                       .last_used_at = device.last_used_at});
    }
    return out;
}

Result<void> TotpService::remove(UserId const& user, FactorId const& device, audit::Actor const& actor,
                                 audit::Origin const& origin) {
    return database_.write([&](storage::Transaction& tx) { return remove(tx, user, device, actor, origin); });
}

Result<void> TotpService::remove(storage::Transaction& tx, UserId const& user, FactorId const& device, audit::Actor const& actor,
                                 audit::Origin const& origin) {
    if (!totp_tables::remove(tx, user, device)) return errors::device_not_found;
    record(tx, audit::codes::mfa_removed, user, actor, origin, device);
    return success();
}

std::int64_t TotpService::remove_all(storage::Transaction& tx, UserId const& user) { return totp_tables::erase(tx, user); }

std::int64_t TotpService::purge() {
    auto const before = clock_.now() - settings_.enrolment_lifetime;
    return database_.write([&](storage::Transaction& tx) { return totp_tables::purge(tx, before); });
}

SecretBytes TotpService::open_secret(DeviceRow const& device) const {
    auto opened = sealer_.open({.table = "totp_device", .row = device.id.str(), .column = "secret"}, device.secret);
    if (!opened.ok())
        throw Fault{"the secret of a one-time password device cannot be opened: " + std::string{opened.error().id()}};
    return std::move(opened).value();
}

Bytes TotpService::seal_secret(FactorId const& device, ByteView secret) const {
    return sealer_.seal({.table = "totp_device", .row = device.str(), .column = "secret"}, secret);
}

void TotpService::record(storage::Transaction& tx, std::string_view code, UserId const& user, audit::Actor const& actor,
                         audit::Origin const& origin, std::optional<FactorId> const& device, std::string_view reason) {
    bool const refusal = code == audit::codes::mfa_refused || code == audit::codes::mfa_code_reused ||
                         code == audit::codes::mfa_throttled || code == audit::codes::mfa_enrolment_refused;
    audit::Event event{.code = code,
                       .actor = actor,
                       .subject = user,
                       .outcome = refusal ? audit::Outcome::failure : audit::Outcome::success,
                       .reason = std::string{reason},
                       .origin = origin,
                       .details = {{"factor", "totp"}},
                       .personal = {}};
    if (device) event.details.emplace_back("device", device->str());
    audit_.append(tx, event);
}

}  // namespace zephyr::mfa
