#include "zephyr/signin/recovery_service.h"

#include <algorithm>

#include "zephyr/audit/codes.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

namespace {

constexpr std::size_t longest_reason = 500;  // bytes

// `reason` as an administrator typed it, cut at a character.
std::string cut(std::string reason) {
    if (reason.size() <= longest_reason) return reason;
    std::size_t end = longest_reason;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
    return reason.substr(0, end);
}

std::string decider(Actor const& actor) { return actor.type == Actor::Type::user ? actor.ref : std::string{}; }

}  // namespace

RecoveryService::RecoveryService(Rooms rooms, LifecycleService& lifecycle, MailLinks& links, messages::Outbox& outbox,
                                 crypto::Sealer const& sealer, Random& random, Log& log, RecoverySettings settings)
    : rooms_{rooms}, lifecycle_{lifecycle}, links_{links}, outbox_{outbox}, sealer_{sealer}, random_{random}, log_{log}, settings_{settings} {
    for (auto const wait : {settings_.wait, settings_.reset_delay}) {
        if (wait < 1h || wait > 14 * 24h) throw Fault{"a recovery waits for 1 hour to 14 days"};
    }
}

void RecoveryService::record(Transaction& tx, std::string_view code, Recovery const& recovery, Actor const& actor, audit::Origin const& origin,
                             std::string_view reason) {
    audit::Event event{.code = code,
                       .actor = actor,
                       .subject = recovery.user,
                       .reason = std::string{reason},
                       .origin = origin,
                       .details = {{"recovery", recovery.id}, {"kind", recovery.kind == Recovery::Kind::admin ? "admin" : "self"}}};
    if (code == audit::codes::recovery_asked) event.personal = {{"reason", recovery.reason}};
    rooms_.audit.append(tx, event);
}

Error RecoveryService::refused(std::string_view step, UserId const& user, Actor const& actor, audit::Origin const& origin, Error error) {
    rooms_.audit.append({.code = audit::codes::recovery_refused,
                         .actor = actor,
                         .subject = user,
                         .outcome = audit::Outcome::denied,
                         .reason = std::string{error.id()},
                         .origin = origin,
                         .details = {{"step", std::string{step}}}});
    return error;
}

void RecoveryService::tell(Transaction& tx, Recovery const& recovery) {
    rooms_.notices.post(tx, recovery.user, "recovery_begun",
                        {{"time", to_rfc3339(recovery.due_at)}, {"cancel_link", links_.public_url() + "/account"}});
}

// Asked outside of writes: what people hold is remembered.
Result<void> RecoveryService::require_admin(Actor const& actor, UserId const& target) const {
    ZEPHYR_CHECK(rooms_.users.find(target));
    if (actor.type == Actor::Type::operator_cli) return success();
    auto const id = actor.type == Actor::Type::user ? UserId::parse(actor.ref) : std::nullopt;
    if (!id) return rbac::errors::denied;
    ZEPHYR_CHECK(rooms_.roles.require_role(*id, rbac::admin_role));
    return rooms_.roles.require_not_above(actor, target);
}

bool RecoveryService::decide(Transaction& tx, Recovery const& recovery, std::string_view state, Actor const& actor) {
    return tx.run("UPDATE mfa_recovery SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1 AND state = 'waiting'", recovery.id, state,
                  decider(actor), rooms_.clock.now()) == 1;
}

Result<Recovery> RecoveryService::ask(UserId const& user, Actor const& actor, audit::Origin const& origin, std::string const& reason) {
    auto asked = [&]() -> Result<Recovery> {
        if (actor.type == Actor::Type::user && actor.ref == user.str()) return errors::own_account;
        ZEPHYR_CHECK(require_admin(actor, user));
        if (reason.empty()) return errors::recovery_reason_missing;
        return rooms_.database.write([&](Transaction& tx) -> Result<Recovery> {
            if (!rooms_.mfa.has_factor(user)) return errors::recovery_no_factor;
            ZEPHYR_TRY(auto recovery, insert(tx, user, Recovery::Kind::admin, actor, cut(reason), settings_.reset_delay));
            record(tx, audit::codes::recovery_asked, recovery, actor, origin);
            tell(tx, recovery);
            return recovery;
        });
    }();
    if (!asked.ok()) return refused("ask", user, actor, origin, asked.error());
    return asked;
}

Result<void> RecoveryService::approve(UserId const& user, Actor const& actor, audit::Origin const& origin) {
    auto const approved = [&]() -> Result<void> {
        // An operator at the terminal has the break-glass; whoever approves here is somebody.
        if (actor.type != Actor::Type::user) return rbac::errors::denied;
        if (actor.ref == user.str()) return errors::recovery_same_person;
        ZEPHYR_CHECK(require_admin(actor, user));
        auto const waiting = open_for(user);
        if (!waiting || waiting->kind != Recovery::Kind::admin) return errors::recovery_not_found;
        if (waiting->requested_by == actor.ref) return errors::recovery_same_person;
        // Two persons stand behind it or none: whoever asked must still be one who may.
        ZEPHYR_CHECK(asker_may_ask(*waiting));
        // Not itself a Result: that it came to nothing is committed too.
        bool const done = rooms_.database.write([&](Transaction& tx) {
            auto const why_not = hindrance(tx, *waiting);
            if (!decide(tx, *waiting, why_not.empty() ? "done" : "cancelled", actor)) return false;
            if (!why_not.empty()) {
                record(tx, audit::codes::recovery_cancelled, *waiting, actor, origin, why_not);
                return false;
            }
            record(tx, audit::codes::recovery_approved, *waiting, actor, origin);
            take(tx, *waiting, actor, origin);
            record(tx, audit::codes::recovery_done, *waiting, actor, origin, "approved");
            return true;
        });
        if (!done) return errors::recovery_not_found;
        return success();
    }();
    if (!approved.ok()) return refused("approve", user, actor, origin, approved.error());
    return approved;
}

Result<void> RecoveryService::cancel(UserId const& user, Actor const& actor, audit::Origin const& origin) {
    auto const cancelled = [&]() -> Result<void> {
        if (actor.type == Actor::Type::user && actor.ref == user.str()) return errors::own_account;
        ZEPHYR_CHECK(require_admin(actor, user));
        return cancel_open(user, actor, origin, "cancelled_by_administrator");
    }();
    if (!cancelled.ok()) return refused("cancel", user, actor, origin, cancelled.error());
    return cancelled;
}

Result<void> RecoveryService::cancel_own(SessionRef const& ref, audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (session.pending == errors::change_required.id) return errors::change_required;
    if (!session.pending.empty()) return errors::mfa_required;
    return cancel_open(session.user, Actor::user(session.user), origin, "cancelled_by_owner");
}

Result<void> RecoveryService::cancel_open(UserId const& user, Actor const& actor, audit::Origin const& origin, std::string_view reason) {
    // Not itself a Result: a link on its way ends whether or not one is open, and a refusal would undo that.
    bool const cancelled = rooms_.database.write([&](Transaction& tx) {
        links_.end(tx, user, LinkPurpose::recovery);
        auto const waiting = open_in(tx, user);
        if (!waiting || !decide(tx, *waiting, "cancelled", actor)) return false;
        record(tx, audit::codes::recovery_cancelled, *waiting, actor, origin, reason);
        return true;
    });
    if (!cancelled) return errors::recovery_not_found;
    return success();
}

// --- By the person.

Result<void> RecoveryService::link_allowed(Transaction& tx, users::User const& user) {
    ZEPHYR_CHECK(users::check_active(user, rooms_.clock.now()));
    if (!user.email_verified()) return Error{errors::link_gone, "no_verified_email"};
    if (!rooms_.mfa.has_factor(user.id)) return errors::recovery_no_factor;
    // A password that came by mail and a link that came by mail prove one thing, not two.
    auto const reset = links_.last_used(tx, user.id, LinkPurpose::reset_password);
    if (reset && rooms_.clock.now() - *reset < MailLinks::kept) return errors::recovery_after_reset;
    if (open_in(tx, user.id)) return errors::recovery_open;
    return success();
}

Result<void> RecoveryService::send_link(SessionRef const& ref, audit::Origin const& origin, std::string_view language) {
    if (!settings_.self_service) return errors::recovery_disabled;
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    // Whoever is all the way in can cancel one, and needs none.
    if (session.pending != errors::mfa_required.id) return errors::mfa_required;
    auto const& id = session.user;
    auto const sent = rooms_.database.write([&](Transaction& tx) -> Result<void> {
        ZEPHYR_TRY(auto const user, rooms_.users.find(tx, id));
        ZEPHYR_CHECK(link_allowed(tx, user));
        ZEPHYR_TRY(auto link, links_.issue(tx, id, LinkPurpose::recovery, *user.canonical_email));
        outbox_.withdraw(tx, id, "recovery_link");
        outbox_.enqueue(tx, {.channel = messages::Channel::email,
                             .user = id,
                             .to = *user.email,
                             .what = "recovery_link",
                             .words = {{"link", std::move(link)}, {"minutes", std::to_string(MailLinks::lifetime.count())}},
                             .language = std::string{language},
                             .until = rooms_.clock.now() + MailLinks::lifetime});
        rooms_.audit.append(tx, {.code = audit::codes::recovery_link_asked, .actor = Actor::user(id), .subject = id, .origin = origin});
        return success();
    });
    if (!sent.ok()) {
        rooms_.audit.append({.code = audit::codes::recovery_link_asked,
                             .actor = Actor::user(id),
                             .subject = id,
                             .outcome = audit::Outcome::failure,
                             .reason = std::string{sent.error().id()},
                             .origin = origin});
    }
    return success();
}

Result<users::User> RecoveryService::owner(Transaction& tx, MailLinks::Link const& link) {
    ZEPHYR_TRY(auto user, rooms_.users.find(tx, link.user));
    if (!user.email_verified() || user.canonical_email != link.address) return errors::link_gone;
    // The password that was proved is the one it has now.
    auto const password = rooms_.passwords.state(link.user);
    if (!password || password->changed_at >= link.created_at) return errors::link_gone;
    if (!link_allowed(tx, user).ok()) return errors::link_gone;
    return user;
}

Result<RecoveryService::Question> RecoveryService::look(std::string_view token) {
    if (!settings_.self_service) return errors::recovery_disabled;
    return rooms_.database.read([&](Transaction& tx) -> Result<Question> {
        ZEPHYR_TRY(auto const link, links_.look(tx, LinkPurpose::recovery, token));
        auto const user = owner(tx, link);
        if (!user.ok()) return errors::link_gone;
        return Question{user.value().username, settings_.wait};
    });
}

Result<TimePoint> RecoveryService::begin(std::string_view token, audit::Origin const& origin) {
    if (!settings_.self_service) return errors::recovery_disabled;
    std::optional<UserId> whose;
    auto const begun = rooms_.database.write([&](Transaction& tx) -> Result<Recovery> {
        ZEPHYR_TRY(auto const link, links_.use(tx, LinkPurpose::recovery, token));
        whose = link.user;
        auto const user = owner(tx, link);
        if (!user.ok()) return errors::link_gone;
        auto const actor = Actor::user(link.user);
        ZEPHYR_TRY(auto recovery, insert(tx, link.user, Recovery::Kind::self, actor, {}, settings_.wait));
        record(tx, audit::codes::recovery_begun, recovery, actor, origin);
        tell(tx, recovery);
        return recovery;
    });
    if (begun.ok()) return begun.value().due_at;
    rooms_.audit.append({.code = audit::codes::auth_link_refused,
                         .actor = Actor::anonymous(),
                         .subject = whose,
                         .outcome = audit::Outcome::failure,
                         .reason = std::string{begun.error().id()},
                         .origin = origin,
                         .details = {{"purpose", "recovery"}}});
    return begun.error();
}

// --- The periodic job.

// An operator at the terminal may always; an administrator must still be one, and still not below the person.
Result<void> RecoveryService::asker_may_ask(Recovery const& recovery) const {
    if (recovery.kind == Recovery::Kind::self || recovery.by_operator) return success();
    auto const asker = UserId::parse(recovery.requested_by);
    if (!asker) return rbac::errors::denied;
    return require_admin(Actor::user(*asker), recovery.user);
}

std::string RecoveryService::hindrance(Transaction& tx, Recovery const& recovery) {
    auto const user = rooms_.users.find(tx, recovery.user);
    if (!user.ok()) return std::string{user.error().id()};
    auto const factors = rooms_.mfa.list(recovery.user);
    auto const later = [&](std::optional<TimePoint> const& at) { return at && *at >= recovery.requested_at; };
    if (std::all_of(factors.begin(), factors.end(), [&](auto const& factor) { return later(factor.confirmed_at); })) return "no_factor_left";
    if (std::any_of(factors.begin(), factors.end(), [&](auto const& factor) { return later(factor.last_used_at) || later(factor.confirmed_at); })) {
        return "factor_used";
    }
    if (recovery.kind == Recovery::Kind::admin) return {};
    if (auto const active = users::check_active(user.value(), rooms_.clock.now()); !active.ok()) return std::string{active.error().id()};
    auto const password = rooms_.passwords.state(recovery.user);
    if (!password || later(password->changed_at)) return "password_changed";
    return {};
}

std::size_t RecoveryService::carry_out_due() {
    std::size_t decided = 0;
    for (auto const& recovery : due()) {
        try {
            carry_out(recovery);
            ++decided;
        } catch (std::exception const& failed) {  // the next round tries it again, and the others wait for nothing
            log_.error("signin.recovery_failed", {{"recovery", recovery.id}, {"why", failed.what()}});
        }
    }
    return decided;
}

void RecoveryService::take(Transaction& tx, Recovery const& recovery, Actor const& actor, audit::Origin const& origin) {
    if (auto const taken = lifecycle_.take_factors(tx, recovery.user, actor, origin); !taken.ok()) {
        throw Fault{"a recovery could not be carried out: " + std::string{taken.error().id()}};
    }
}

void RecoveryService::carry_out(Recovery const& recovery) {
    auto const actor = Actor::system();
    bool const may = asker_may_ask(recovery).ok();
    rooms_.database.write([&](Transaction& tx) {
        auto why_not = may ? hindrance(tx, recovery) : std::string{"requester_may_not"};
        // Cancelled, or carried out by another node, in the same moment: then it is theirs.
        if (!decide(tx, recovery, why_not.empty() ? "done" : "cancelled", actor)) return;
        if (!why_not.empty()) return record(tx, audit::codes::recovery_cancelled, recovery, actor, {}, why_not);
        take(tx, recovery, actor, {});
        record(tx, audit::codes::recovery_done, recovery, actor, {}, "time_over");
    });
}

}  // namespace zephyr::signin
