#include "zephyr/forward/forward_service.h"

#include <algorithm>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::forward {

using encoding::Json;
using storage::Transaction;

namespace {

// State, ticket and cookie: 256 bits each, nothing to guess, so a plain hash is enough at rest.
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_characters = 43;
constexpr std::size_t most_remembered_refusals = 10'000;
constexpr std::size_t max_request_characters = 2048;

// Not a row of a table; the place keeps a sealed request from standing in for any other sealed value.
constexpr crypto::Place request_place{"forward", "request", "sealed"};

crypto::Place return_to_place(std::string const& id) { return {"forward_ticket", id, "return_to"}; }

SecretText make_secret(Random& random) { return SecretText{encoding::base64url_encode(random.bytes(secret_bytes))}; }
Bytes hash_of(SecretText const& secret) { return crypto::sha256(as_bytes(secret.reveal())); }

// What we would have made ourselves.
bool has_secret_form(SecretText const& text) {
    if (text.size() != secret_characters) return false;
    auto const decoded = encoding::base64url_decode(text.reveal());
    return decoded.ok() && decoded.value().size() == secret_bytes;
}

// Where a browser may be sent on this host: never to another one, and not round in circles.
std::string plain_path(std::string const& path) {
    bool const plain = path.starts_with('/') && !path.starts_with("//") && path.size() <= ForwardService::max_return_to &&
                       std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '#'; });
    return plain && !path.starts_with("/auth/forward/") ? path : "/";
}

}  // namespace

struct ForwardService::Ticket {
    std::string id;
    Bytes state_hash;
    SessionRef session;
    UserId user;
    std::string origin;
    Bytes return_to;
    TimePoint expires_at;
};

ForwardService::ForwardService(storage::Database& database, sessions::SessionService& sessions, audit::AuditLog& audit,
                               crypto::Sealer const& sealer, Clock const& clock, Random& random, RuleBook rules, ForwardSettings settings)
    : database_{database},
      sessions_{sessions},
      audit_{audit},
      sealer_{sealer},
      clock_{clock},
      random_{random},
      rules_{std::move(rules)},
      settings_{settings} {}

Begun ForwardService::begin(Destination destination, std::optional<SecretText> const& state) {
    Begun begun{.request = {}, .state = state && has_secret_form(*state) ? *state : make_secret(random_)};
    auto const content = Json::object({{"origin", destination.origin.str()},
                                       {"return_to", plain_path(destination.return_to)},
                                       {"state", encoding::base64url_encode(hash_of(begun.state))},
                                       {"until", to_millis(clock_.now() + settings_.link)}});
    begun.request = encoding::base64url_encode(sealer_.seal(request_place, as_bytes(content.dump())));
    return begun;
}

Result<Request> ForwardService::read(std::string_view text) const {
    if (text.size() > max_request_characters) return errors::link_stale;
    auto const sealed = encoding::base64url_decode(text);
    if (!sealed.ok()) return errors::link_stale;
    auto const opened = sealer_.open(request_place, sealed.value());
    if (!opened.ok()) return errors::link_stale;
    // From here on it is our own writing.
    ZEPHYR_TRY(auto const content, encoding::parse_json(as_text(opened.value().reveal())));
    ZEPHYR_TRY(auto origin, encoding::parse_origin(content.string_at("origin").value_or("")));
    ZEPHYR_TRY(auto state_hash, encoding::base64url_decode(content.string_at("state").value_or("")));
    auto const* const until = content.find("until");
    auto const ends = until == nullptr ? std::nullopt : until->integer();
    if (!ends || clock_.now() >= from_millis(*ends)) return errors::link_stale;
    if (!rules_.lists(origin.host)) return errors::host_unlisted;
    return Request{{std::move(origin), content.string_at("return_to").value_or("/")}, std::move(state_hash)};
}

Result<SecretText> ForwardService::issue(SessionRef const& ref, Request const& request, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, sessions_.find(ref));
    // Nothing less than a whole sign-in is carried to another host.
    if (!session.pending.empty()) return errors::no_session;
    auto const now = clock_.now();
    auto const id = make_uuid_v7(now, random_);
    auto ticket = make_secret(random_);
    auto const& destination = request.destination;
    auto const return_to = sealer_.seal(return_to_place(id), as_bytes(destination.return_to));
    database_.write([&](Transaction& tx) {
        tx.run(
            "INSERT INTO forward_ticket (id, token_hash, state_hash, session_ref, user_id, origin, return_to, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            id, hash_of(ticket), request.state_hash, ref.str(), session.user.str(), destination.origin.str(), return_to,
            now + settings_.ticket);
        audit_.append(tx, {.code = audit::codes::forward_ticket_issued,
                           .actor = audit::Actor::user(session.user),
                           .subject = session.user,
                           .origin = origin,
                           .details = {{"host", destination.origin.host}}});
    });
    return ticket;
}

// Taking is deleting, so of any number of callers one has it.
std::optional<ForwardService::Ticket> ForwardService::take(SecretText const& ticket) {
    if (ticket.size() != secret_characters) return std::nullopt;
    return database_.write([&](Transaction& tx) -> std::optional<Ticket> {
        auto const row = tx.row(
            "DELETE FROM forward_ticket WHERE token_hash = $1 RETURNING id, state_hash, session_ref, user_id, origin, "
            "return_to, expires_at",
            hash_of(ticket));
        if (!row) return std::nullopt;
        return Ticket{.id = row->text(0),
                      .state_hash = row->blob(1),
                      .session = SessionRef::trusted(row->text(2)),
                      .user = UserId::trusted(row->text(3)),
                      .origin = row->text(4),
                      .return_to = row->blob(5),
                      .expires_at = row->time(6)};
    });
}

Result<Redeemed> ForwardService::redeem(SecretText const& text, encoding::Origin const& here, SecretText const& state,
                                        audit::Origin const& origin) {
    // What we never made needs no writer; what is there is decided in one transaction below.
    auto const refuse = [&] {
        ++refused_;
        return Error{errors::ticket_refused, "unknown or used"};
    };
    if (!has_secret_form(text)) return refuse();
    auto const there = database_.read(
        [&](Transaction& tx) { return tx.row("SELECT 1 FROM forward_ticket WHERE token_hash = $1", hash_of(text)).has_value(); });
    if (!there) return refuse();
    // One transaction: a store that fails half-way leaves the ticket as it was. And no Result, so that a refusal has used it up.
    auto const done = database_.write([&](Transaction& tx) -> std::optional<Result<Redeemed>> {
        auto const ticket = take(text);
        if (!ticket) return std::nullopt;
        auto outcome = exchange(*ticket, here, state, origin);
        if (!outcome.ok()) {
            // A real ticket in the wrong place or hand: worth a line, and its owner's.
            audit_.append(tx, {.code = audit::codes::forward_refused,
                               .actor = audit::Actor::anonymous(),
                               .subject = ticket->user,
                               .outcome = audit::Outcome::denied,
                               .reason = std::string{outcome.error().id()},
                               .origin = origin,
                               .details = {{"host", here.host}, {"why", std::string{outcome.error().detail()}}}});
        }
        return outcome;
    });
    if (!done) return refuse();
    if (!done->ok()) ++refused_;
    return *done;
}

Result<Redeemed> ForwardService::exchange(Ticket const& ticket, encoding::Origin const& here, SecretText const& state,
                                          audit::Origin const& origin) {
    auto const now = clock_.now();
    if (now >= ticket.expires_at) return Error{errors::ticket_refused, "expired"};
    if (ticket.origin != here.str()) return Error{errors::ticket_refused, "another host"};
    // Without this a stranger could send a ticket of their own to somebody, who would go on under the stranger's account.
    if (!crypto::equal_constant_time(ticket.state_hash, hash_of(state))) return Error{errors::ticket_refused, "another browser"};
    auto session = sessions_.find(ticket.session);
    if (!session.ok() || !session.value().pending.empty()) return Error{errors::ticket_refused, "the session ended"};
    auto const return_to = sealer_.open(return_to_place(ticket.id), ticket.return_to);
    if (!return_to.ok()) return Error{errors::ticket_refused, std::string{return_to.error().id()}};

    auto const ref = make_uuid_v7(now, random_);
    auto token = make_secret(random_);
    auto where = origin;
    where.session_ref = ticket.session.str();
    database_.write([&](Transaction& tx) {
        // One cookie per session and host: a newer one takes the place of the older, and whoever remembered that must hear.
        auto const row = tx.row(
            "INSERT INTO forward_session (ref, token_hash, session_ref, user_id, host, created_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (session_ref, host) DO UPDATE SET token_hash = excluded.token_hash, "
            "created_at = excluded.created_at, expires_at = excluded.expires_at RETURNING ref",
            ref, hash_of(token), ticket.session.str(), ticket.user.str(), here.host, now, session.value().expires_at);
        tx.announce("forward", row->text(0));
        audit_.append(tx, {.code = audit::codes::forward_signed_in,
                           .actor = audit::Actor::user(ticket.user),
                           .subject = ticket.user,
                           .origin = where,
                           .details = {{"host", here.host}}});
    });
    return Redeemed{std::move(token), to_text(return_to.value().reveal()), std::move(session).value()};
}

Result<HostSession> ForwardService::find(std::string_view host, SecretText const& token) {
    if (token.size() != secret_characters) return errors::no_session;
    auto const row = database_.read([&](Transaction& tx) {
        return tx.row("SELECT ref, session_ref FROM forward_session WHERE token_hash = $1 AND host = $2", hash_of(token), host);
    });
    if (!row) return errors::no_session;
    auto const session = SessionRef::trusted(row->text(1));
    auto used = sessions_.use(session);
    if (!used.ok()) {
        // Nothing brings an ended session back.
        if (used.error() == sessions::errors::none) forget_host_session(row->text(0));
        return used.error();
    }
    return HostSession{row->text(0), std::move(used.value().session)};
}

void ForwardService::forget_host_session(std::string const& ref) {
    database_.write([&](Transaction& tx) {
        tx.announce("forward", ref);
        tx.run("DELETE FROM forward_session WHERE ref = $1", ref);
    });
}

void ForwardService::refused(std::optional<Known> const& known, std::string_view host, Error const& why, audit::Origin const& origin) {
    ++refused_;
    if (!known) return;
    // A page of fifty images would else be fifty lines.
    std::string const what = known->session.str() + ' ' + std::string{host} + ' ' + std::string{why.id()};
    auto const now = clock_.now();
    {
        std::lock_guard const lock{told_mutex_};
        if (told_.size() >= most_remembered_refusals) told_.clear();
        auto const [entry, is_new] = told_.try_emplace(what, now);
        if (!is_new && now < entry->second + settings_.told_again) return;
        entry->second = now;
    }
    auto where = origin;
    where.session_ref = known->session.str();
    audit_.append({.code = audit::codes::forward_refused,
                   .actor = audit::Actor::user(known->user),
                   .subject = known->user,
                   .outcome = audit::Outcome::denied,
                   .reason = std::string{why.id()},
                   .origin = where,
                   .details = {{"host", std::string{host}}}});
}

std::size_t ForwardService::purge(std::size_t limit) {
    auto const now = clock_.now();
    auto const at_most = static_cast<std::int64_t>(limit);
    return database_.write([&](Transaction& tx) {
        auto const tickets =
            tx.run("DELETE FROM forward_ticket WHERE id IN (SELECT id FROM forward_ticket WHERE expires_at <= $1 LIMIT $2)", now, at_most);
        auto const ended = tx.rows(
            "DELETE FROM forward_session WHERE ref IN (SELECT ref FROM forward_session WHERE expires_at <= $1 "
            "LIMIT $2) RETURNING ref",
            now, at_most);
        for (auto const& row : ended) tx.announce("forward", row.text(0));
        return static_cast<std::size_t>(tickets) + ended.size();
    });
}

}  // namespace zephyr::forward
