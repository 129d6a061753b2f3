// Sending one code: the caps against toll fraud, then the code, its message and the count of it, all in one write. So the caps hold for
// parallel sends too, and nothing is sent that was not counted.
#include <algorithm>
#include <array>

#include "mfa/delivered_delivery.h"
#include "mfa/delivered_tables.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/text.h"

namespace zephyr::mfa {

namespace {

constexpr std::chrono::hours hour{1};
constexpr std::chrono::hours day{24};
constexpr std::string_view pseudonym_purpose = "mfa sent destination";
constexpr std::size_t pseudonym_bytes = 16;

std::chrono::seconds whole_seconds(std::chrono::milliseconds time) { return std::chrono::ceil<std::chrono::seconds>(time); }

}  // namespace

std::optional<std::chrono::seconds> sending_wait(Error const& error) {
    if (!(error == errors::sending_limited)) return std::nullopt;
    auto const words = split(error.detail(), ' ');
    auto const seconds = parse_integer(words.back());
    if (!seconds) return std::nullopt;
    return std::chrono::seconds{*seconds};
}

//= NIST SP 800-63B-4, 3.1.3.2: "random authentication secrets that are at least six decimal digits (or equivalent) in length"
// Without modulo bias: draws beyond the last whole multiple of 10^digits are thrown away.
std::string DeliveredCodes::make_code() {
    std::uint64_t codes = 1;
    for (int i = 0; i < settings_.digits; ++i) codes *= 10;
    constexpr std::uint64_t draws = std::uint64_t{1} << 32;
    auto const usable = draws - draws % codes;
    while (true) {
        std::array<std::byte, 4> bytes{};
        random_.fill(bytes);
        std::uint64_t drawn = 0;
        for (auto const byte : bytes) drawn = drawn << 8 | std::to_integer<std::uint64_t>(byte);
        if (drawn >= usable) continue;
        auto code = std::to_string(drawn % codes);
        code.insert(0, static_cast<std::size_t>(settings_.digits) - code.size(), '0');
        return code;
    }
}

// What is sealed in the place of the bare code, so that a row moved to another person, session or purpose fits nobody's code.
std::string DeliveredCodes::bound(std::string_view code, UserId const& user, SessionRef const& session, std::string_view purpose,
                                  FactorId const& channel) const {
    return join({std::string{code}, std::string{kind_->name}, std::string{purpose}, user.str(), session.str(), channel.str()}, " ");
}

// One for every key we hold, the active one first: a rotation opens no cap.
std::vector<std::string> DeliveredCodes::pseudonyms(std::string_view destination) const {
    auto const name = std::string{kind_->name} + " " + ascii_lower(destination);
    std::vector<std::string> out;
    for (auto const& derived : sealer_.derive_all(pseudonym_purpose)) {
        auto const mac = crypto::hmac_sha256(derived.key.reveal(), as_bytes(name));
        out.push_back(encoding::hex_encode(ByteView{mac}.first(pseudonym_bytes)));
    }
    return out;
}

Result<SentCode> DeliveredCodes::deliver(storage::Transaction& tx, Delivery const& delivery) {
    auto const now = clock_.now();
    auto const actor = audit::Actor::user(delivery.user);
    auto const names = pseudonyms(delivery.to);
    if (auto closed = capped(tx, delivery, names, now)) {
        record(tx, audit::codes::mfa_sending_refused, delivery.user, actor, delivery.origin, delivery.channel, closed->id(),
               {{"cap", std::string{split(closed->detail(), ' ').front()}}});
        return std::move(*closed);
    }

    auto const code = make_code();
    auto const until = now + settings_.lifetime;
    auto id = make_uuid_v7(now, random_);
    // The count of wrong codes is not touched (NIST SP 800-63B-4, 3.1.3.2): whoever asks for another code gets no more guesses.
    for (auto const& earlier : delivered_tables::codes(tx, delivery.user, delivery.session, kind_->name, delivery.purpose)) {
        if (!earlier.ended && !earlier.used) outbox_.withdraw(tx, earlier.id);  // nobody is told a code that is dead
    }
    delivered_tables::end_codes(tx, delivery.user, delivery.session, kind_->name, delivery.purpose, now);
    delivered_tables::insert_code(
        tx, {.id = id,
             .user = delivery.user,
             .session = delivery.session,
             .kind = std::string{kind_->name},
             .purpose = std::string{delivery.purpose},
             .channel = delivery.channel,
             .code = sealer_.seal({.table = "mfa_code", .row = id, .column = "code"},
                                  as_bytes(bound(code, delivery.user, delivery.session, delivery.purpose, delivery.channel))),
             .created_at = now,
             .expires_at = until});
    delivered_tables::insert_sent(tx, {.id = id,
                                       .kind = std::string{kind_->name},
                                       .user = delivery.user,
                                       .session = delivery.session,
                                       .purpose = std::string{delivery.purpose},
                                       .destination = names.front(),
                                       .prefix = delivery.prefix,
                                       .sent_at = now});
    auto const minutes = std::max<std::int64_t>(1, std::chrono::floor<std::chrono::minutes>(settings_.lifetime).count());
    outbox_.enqueue(tx, {.channel = channel(),
                         .user = delivery.user,
                         .to = delivery.to,
                         .what = "code",
                         .words = {{"code", code}, {"service", settings_.service_name}, {"minutes", std::to_string(minutes)}},
                         .until = until,
                         .id = id});
    record(tx, audit::codes::mfa_code_sent, delivery.user, actor, delivery.origin, delivery.channel, {},
           {{"purpose", std::string{delivery.purpose}}});
    return SentCode{.to = delivery.shown, .expires_in = settings_.lifetime};
}

// The narrow caps first: whoever is stopped by one of their own never counts against everybody's.
//
// Two purposes, two budgets, because anybody may enrol anybody's number. A destination that proved itself counts the sends of its owner
// alone: nobody else can use those up. One that is being enrolled counts everybody's attempts, and gets half as many. Enrolments get half of
// the wide caps at most: strangers who pump numbers stop enrolling, and people go on signing in.
std::optional<Error> DeliveredCodes::capped(storage::Transaction& tx, Delivery const& delivery, std::vector<std::string> const& names,
                                            TimePoint now) {
    struct Cap {
        std::string_view name;
        Sends sends;
        std::int64_t most;
        std::chrono::seconds window;
        bool alerts = false;
    };
    auto const& caps = settings_.caps;
    bool const enrols = delivery.purpose == purpose_enrol;
    auto const half = [](std::int64_t most) { return std::max<std::int64_t>(1, most / 2); };
    auto const upper_half = [](std::int64_t most) { return (most + 1) / 2; };

    auto const destination = Sends{.purpose = delivery.purpose,
                                   .user = enrols ? std::string_view{} : std::string_view{delivery.user.str()},
                                   .destinations = names};
    auto const of_destination = [&](std::int64_t most) { return enrols ? upper_half(most) : most; };
    std::vector<Cap> all{{"session", {.session = delivery.session.str()}, 1, caps.between},
                         {"destination", destination, of_destination(caps.per_destination_hour), hour},
                         {"destination", destination, of_destination(caps.per_destination_day), day},
                         {"person", {.user = delivery.user.str()}, caps.per_user_hour, hour},
                         {"person", {.user = delivery.user.str()}, caps.per_user_day, day}};
    auto const wide = [&](std::string_view name, std::string_view prefix, std::int64_t most) {
        if (enrols) all.push_back({name, {.purpose = purpose_enrol, .prefix = prefix}, half(most), hour, true});
        all.push_back({name, {.prefix = prefix}, most, hour, true});
    };
    if (!delivery.prefix.empty() && caps.per_prefix_hour > 0) wide("prefix", delivery.prefix, caps.per_prefix_hour);
    if (caps.total_hour > 0) wide("total", {}, caps.total_hour);
    for (auto const& cap : all) {
        auto const first = delivered_tables::reached(tx, kind_->name, cap.sends, cap.most, now - cap.window);
        if (!first) continue;
        if (cap.alerts) alert(tx, delivery, cap.name, cap.sends.purpose, now);
        auto const wait = whole_seconds(*first + cap.window - now);
        return Error{errors::sending_limited, std::string{cap.name} + " " + std::to_string(std::max<std::int64_t>(1, wait.count()))};
    }
    return std::nullopt;
}

// Once an hour and cap, however often it is run into. `purpose` is empty for caps over all sends.
void DeliveredCodes::alert(storage::Transaction& tx, Delivery const& delivery, std::string_view cap, std::string_view purpose, TimePoint now) {
    auto name = purpose.empty() ? std::string{cap} : std::string{purpose} + " " + std::string{cap};
    if (cap == "prefix") name += " " + delivery.prefix;
    if (!delivered_tables::claim_alert(tx, kind_->name, name, now, now - hour)) return;
    std::vector<std::pair<std::string, std::string>> details{{"factor", std::string{kind_->name}}, {"cap", std::string{cap}}};
    if (cap == "prefix") details.emplace_back("prefix", delivery.prefix);
    if (!purpose.empty()) details.emplace_back("purpose", std::string{purpose});
    audit_.append(tx, {.code = audit::codes::mfa_sending_capped,
                       .actor = audit::Actor::system(),
                       .outcome = audit::Outcome::failure,
                       .reason = std::string{errors::sending_limited.id},
                       .details = std::move(details)});
}

}  // namespace zephyr::mfa
