#include "zephyr/mfa/delivered_codes.h"

#include <algorithm>

#include "mfa/delivered_delivery.h"
#include "mfa/delivered_tables.h"
#include "mfa/phone_number.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

namespace {

// Dead codes are remembered for so long, and so are sends: the longest window of a cap.
constexpr std::chrono::hours remembered{24};
constexpr std::size_t longest_address_bytes = 254;

//= NIST SP 800-63B-4, 3.1.3.2: "In all cases, the authentication SHALL be considered invalid unless completed within 10 minutes."
constexpr std::chrono::minutes longest_lifetime{10};

void check(DeliveredSettings const& settings) {
    auto const& caps = settings.caps;
    bool const fine = settings.lifetime >= 1s && settings.lifetime <= longest_lifetime && settings.digits >= 6 && settings.digits <= 8 &&
                      settings.most_channels > 0 && settings.enrolment_lifetime > 0ms && caps.per_destination_hour > 0 &&
                      caps.per_destination_day > 0 && caps.per_user_hour > 0 && caps.per_user_day > 0 && caps.per_prefix_hour >= 0 &&
                      caps.total_hour >= 0 && caps.between >= 0s;
    if (!fine) throw Fault{"settings of codes that are sent are out of range"};
}

bool is_refusal(std::string_view code) {
    return code == audit::codes::mfa_refused || code == audit::codes::mfa_code_reused || code == audit::codes::mfa_enrolment_refused ||
           code == audit::codes::mfa_sending_refused || code == audit::codes::mfa_sending_capped;
}

// Not itself a Result, so that the write commits a refusal with what it recorded.
struct Kept {
    Result<SentCode> answer;
};

}  // namespace

DeliveredCodes::DeliveredCodes(FactorKind const& kind, storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer,
                               Attempts const& attempts, messages::Outbox& outbox, Clock const& clock, Random& random,
                               DeliveredSettings settings)
    : kind_{&kind},
      database_{database},
      audit_{audit},
      sealer_{sealer},
      attempts_{attempts},
      outbox_{outbox},
      clock_{clock},
      random_{random},
      settings_{std::move(settings)} {
    if (kind.name != sms_kind.name && kind.name != email_kind.name) throw Fault{"codes are sent by SMS or by e-mail"};
    check(settings_);
}

Result<SentCode> DeliveredCodes::begin(FreshProof const& proof, std::string_view typed, audit::Origin const& origin) {
    if (!available()) return errors::unknown_factor;
    auto const read = read_destination(typed);
    if (!read.ok()) {
        // Whoever looks for a country that is open leaves a trace.
        database_.write([&](storage::Transaction& tx) {
            record(tx, audit::codes::mfa_sending_refused, proof.user(), audit::Actor::user(proof.user()), origin, std::nullopt,
                   read.error().id());
        });
        return read.error();
    }
    auto const& destination = read.value();
    auto const now = clock_.now();
    auto const id = FactorId::make(now, random_);
    ChannelRow const channel{.id = id,
                             .user = proof.user(),
                             .kind = std::string{kind_->name},
                             .destination = sealer_.seal({.table = "mfa_channel", .row = id.str(), .column = "destination"},
                                                         as_bytes(destination.to)),
                             .session = proof.session(),
                             .created_at = now};
    Delivery const delivery{.user = proof.user(),
                            .session = proof.session(),
                            .purpose = purpose_enrol,
                            .channel = id,
                            .to = destination.to,
                            .prefix = destination.prefix,
                            .shown = destination.shown,
                            .origin = origin};
    auto const most = static_cast<std::int64_t>(settings_.most_channels);
    auto const attempt = [&](storage::Transaction& tx) -> Result<SentCode> {
        auto const& user = channel.user;
        delivered_tables::delete_pending_from_before(tx, user, channel.kind, now - settings_.enrolment_lifetime);
        auto const own = delivered_tables::confirmed(tx, user, channel.kind);
        if (std::any_of(own.begin(), own.end(), [&](auto const& one) { return open_destination(one) == destination.to; }))
            return errors::already_enrolled;
        // Other sessions' enrolments are bounded apart, so that they cannot use up the places of real ones.
        auto const replaced = delivered_tables::pending(tx, user, channel.kind, channel.session) ? 1 : 0;
        if (static_cast<std::int64_t>(own.size()) >= most || delivered_tables::count_pending(tx, user, channel.kind) - replaced >= most)
            return errors::device_limit;
        ZEPHYR_TRY(auto const sent, deliver(tx, delivery));
        delivered_tables::delete_pending(tx, user, channel.kind, channel.session);
        delivered_tables::insert_pending(tx, channel);
        record(tx, audit::codes::mfa_enrolment_begun, user, audit::Actor::user(user), origin, id);
        return sent;
    };
    return database_.write([&](storage::Transaction& tx) { return Kept{attempt(tx)}; }).answer;
}

Result<SentCode> DeliveredCodes::send(UserId const& user, SessionRef const& session, std::optional<FactorId> const& wanted,
                                      audit::Origin const& origin) {
    if (!available()) return errors::unknown_factor;
    auto const attempt = [&](storage::Transaction& tx) -> Result<SentCode> {
        auto const refuse = [&](Failure failure, std::optional<FactorId> const& channel) {
            record(tx, audit::codes::mfa_sending_refused, user, audit::Actor::user(user), origin, channel, failure.id);
            return failure;
        };
        auto const own = delivered_tables::confirmed(tx, user, kind_->name);
        auto const chosen = std::find_if(own.begin(), own.end(), [&](auto const& one) { return !wanted || one.id == *wanted; });
        if (chosen == own.end()) return refuse(errors::not_enrolled, std::nullopt);
        auto destination = read_destination(open_destination(*chosen));
        // The operator may have taken the country off the list since.
        if (!destination.ok()) return refuse(destination.error().failure(), chosen->id);
        return deliver(tx, {.user = user,
                            .session = session,
                            .purpose = purpose_prove,
                            .channel = chosen->id,
                            .to = destination.value().to,
                            .prefix = destination.value().prefix,
                            .shown = destination.value().shown,
                            .origin = origin});
    };
    return database_.write([&](storage::Transaction& tx) { return Kept{attempt(tx)}; }).answer;
}

std::optional<std::string> DeliveredCodes::pending(UserId const& user, SessionRef const& session) {
    auto const found =
        database_.read([&](storage::Transaction& tx) { return delivered_tables::pending(tx, user, kind_->name, session); });
    if (!found || clock_.now() >= found->created_at + settings_.enrolment_lifetime) return std::nullopt;
    return shown(*found);
}

bool DeliveredCodes::has_pending(storage::Transaction& tx, UserId const& user, SessionRef const& session) {
    auto const found = delivered_tables::pending(tx, user, kind_->name, session);
    return found && clock_.now() < found->created_at + settings_.enrolment_lifetime;
}

std::vector<FactorSummary> DeliveredCodes::list(storage::Transaction& tx, UserId const& user) {
    std::vector<FactorSummary> out;
    for (auto const& channel : delivered_tables::confirmed(tx, user, kind_->name)) {
        out.push_back({.id = channel.id,
                       .kind = kind_,
                       .shown = shown(channel),
                       .confirmed_at = channel.confirmed_at.value_or(channel.created_at),
                       .last_used_at = channel.last_used_at});
    }
    return out;
}

Result<void> DeliveredCodes::remove(storage::Transaction& tx, UserId const& user, FactorId const& channel, audit::Actor const& actor,
                                    audit::Origin const& origin) {
    if (!delivered_tables::remove(tx, user, kind_->name, channel)) return errors::device_not_found;
    record(tx, audit::codes::mfa_removed, user, actor, origin, channel);
    return success();
}

std::int64_t DeliveredCodes::remove_all(storage::Transaction& tx, UserId const& user) {
    return delivered_tables::remove_all(tx, user, kind_->name);
}

std::int64_t DeliveredCodes::purge() {
    auto const now = clock_.now();
    delivered_tables::Purge const before{.enrolments_before = now - settings_.enrolment_lifetime,
                                         .codes_before = now - remembered,
                                         .sent_before = now - remembered};
    return database_.write([&](storage::Transaction& tx) { return delivered_tables::purge(tx, kind_->name, before); });
}

Result<DeliveredCodes::Destination> DeliveredCodes::read_destination(std::string_view typed) const {
    if (by_sms()) {
        auto const number = e164(typed);
        if (!number) return errors::number_malformed;
        auto const prefix = allowed_prefix(*number, settings_.prefixes);
        if (!prefix) return errors::number_not_allowed;
        return Destination{.to = *number, .prefix = *prefix, .shown = shown_number(*number, *prefix)};
    }
    auto const at = typed.rfind('@');
    if (typed.size() > longest_address_bytes || at == std::string_view::npos || at == 0 || at + 1 == typed.size())
        return errors::no_verified_email;
    return Destination{.to = std::string{typed}, .prefix = {}, .shown = shown_address(typed)};
}

std::string DeliveredCodes::open_destination(ChannelRow const& channel) const {
    auto const opened = sealer_.open({.table = "mfa_channel", .row = channel.id.str(), .column = "destination"}, channel.destination);
    if (!opened.ok()) throw Fault{"the destination of a second factor cannot be opened: " + std::string{opened.error().id()}};
    return to_text(opened.value().reveal());
}

std::string DeliveredCodes::shown(ChannelRow const& channel) const {
    auto const to = open_destination(channel);
    return by_sms() ? shown_number(to, allowed_prefix(to, settings_.prefixes).value_or("")) : shown_address(to);
}

void DeliveredCodes::record(storage::Transaction& tx, std::string_view code, UserId const& user, audit::Actor const& actor,
                            audit::Origin const& origin, std::optional<FactorId> const& channel, std::string_view reason,
                            std::vector<std::pair<std::string, std::string>> more) {
    audit::Event event{.code = code,
                       .actor = actor,
                       .subject = user,
                       .outcome = is_refusal(code) ? audit::Outcome::failure : audit::Outcome::success,
                       .reason = std::string{reason},
                       .origin = origin,
                       .details = {{"factor", std::string{kind_->name}}}};
    if (channel) event.details.emplace_back("device", channel->str());
    for (auto& detail : more) event.details.push_back(std::move(detail));
    audit_.append(tx, event);
}

}  // namespace zephyr::mfa
