#include "zephyr/signin/sign_in_service.h"

#include <algorithm>

#include "zephyr/audit/codes.h"

namespace zephyr::signin {

using audit::Actor;
using sessions::Factor;

namespace {

constexpr std::string_view password_factor = "pwd";

}  // namespace

std::string_view to_string(MfaState state) {
    switch (state) {
        case MfaState::none: return "none";
        case MfaState::required: return "required";
        case MfaState::enrolment_required: return "enrolment_required";
    }
    return "required";
}

passwords::PolicyContext policy_context(users::User const& user, bool has_second_factor) {
    passwords::PolicyContext context{.has_second_factor = has_second_factor, .words = {user.username, user.display_name}};
    if (user.email) context.words.push_back(*user.email);
    return context;
}

Error SignInService::refuse(std::optional<UserId> const& user, Attempt const& attempt, std::string_view reason) {
    rooms_.audit.append({.code = audit::codes::auth_refused,
                         .actor = Actor::anonymous(),
                         .subject = user,
                         .outcome = audit::Outcome::failure,
                         .reason = std::string{reason},
                         .origin = attempt.origin,
                         .personal = {{"login", attempt.login.substr(0, 254)}}});
    return Error{errors::invalid_credentials, std::string{reason}};
}

Result<SignedIn> SignInService::sign_in(Attempt const& attempt) {
    Result<users::User> found = users::errors::not_found;
    std::optional<UserId> known;
    auto const whose = [&](storage::Transaction& tx) -> std::optional<passwords::Claimant> {
        found = rooms_.users.find_by_login(attempt.login);
        if (found.ok()) known = found.value().id;
        // Failures count on the account, however its name was spelt; apart in a browser that this person signed in from before. Looked
        // up for a name nobody has, too: the time is the same.
        static UserId const nobody = UserId::trusted("00000000-0000-0000-0000-000000000000");
        auto const device = rooms_.devices.find(tx, known.value_or(nobody), attempt.device_cookie);
        if (!known) return std::nullopt;
        return passwords::Claimant{*known, device ? device->id : std::string{}};
    };
    // For a name nobody has, this costs the same as for one that exists.
    auto const verified = rooms_.passwords.verify(whose, attempt.password, attempt.origin);
    if (!verified.ok()) {
        if (verified.error().kind() == Kind::unavailable) return verified.error();
        if (verified.error() == passwords::errors::too_long) rooms_.database.read(whose);  // refused before anybody was looked for
        return refuse(known, attempt, known ? verified.error().id() : found.error().id());
    }
    auto const& user = found.value();
    if (auto const active = users::check_active(user, rooms_.clock.now()); !active.ok()) return refuse(known, attempt, active.error().id());

    auto const rules = rooms_.policy.rules_for(user.id);
    // One transaction: a sign-in happens with all that belongs to it, or not at all.
    auto signed_in = rooms_.database.write([&](storage::Transaction& tx) { return open_session(tx, user, verified.value(), attempt, rules); });
    if (!signed_in.ok() && signed_in.error() == errors::invalid_credentials) return refuse(known, attempt, signed_in.error().detail());
    return signed_in;
}

Result<SignedIn> SignInService::open_session(storage::Transaction& tx, users::User const& user, passwords::VerifiedPassword const& verified,
                                             Attempt const& attempt, MfaPolicy::Applying const& rules) {
    if (overtaken(tx, user.id, verified)) return Error{errors::invalid_credentials, "overtaken"};
    auto state = MfaState::none;
    std::string pending;
    std::optional<TimePoint> enrol_by;
    bool trusted = false;
    if (has_factor(user.id)) {
        // Trust stands in for the question, never for the factor: the session has proved a password and nothing more. Not for whoever must
        // have a factor, and not before a new password, which is set without the old one.
        trusted = !rules.any() && !verified.must_change() && rooms_.devices.trusted(tx, user.id, attempt.device_cookie);
        if (!trusted) {
            state = MfaState::required;
            pending = errors::mfa_required.id;
        }
    } else {
        auto const demand = rooms_.policy.begin(tx, user.id, rules);
        if (demand.sign_in_waits) pending = errors::mfa_enrolment_required.id;
        if (verified.must_change()) pending = errors::change_required.id;
        if (demand.what == MfaDemand::What::now) state = MfaState::enrolment_required;
        enrol_by = demand.until;  // the session ends with the grace: what is remembered must not outlive it
    }
    ZEPHYR_TRY(auto issued, rooms_.sessions.start({.user = user.id,
                                                   .factors = {{std::string{password_factor}, verified.at()}},
                                                   .pending = pending,
                                                   .remember = attempt.remember,
                                                   .origin = attempt.origin,
                                                   .until = enrol_by}));
    if (attempt.replaces) {
        // It may have ended meanwhile; either way it is gone now.
        (void)rooms_.sessions.end(*attempt.replaces, Actor::user(user.id), attempt.origin, "replaced_by_sign_in").ok();
    }
    auto origin = attempt.origin;
    origin.session_ref = issued.session.ref.str();
    std::vector<std::pair<std::string, std::string>> details{{"amr", std::string{password_factor}}};
    if (trusted) details.emplace_back("browser", "trusted");
    rooms_.audit.append(tx, {.code = pending.empty() ? audit::codes::auth_signed_in : audit::codes::auth_pending,
                             .actor = Actor::user(user.id),
                             .subject = user.id,
                             .reason = pending,
                             .origin = origin,
                             .details = std::move(details)});
    SignedIn out{.issued = std::move(issued), .user = user, .mfa = state, .enrol_by = enrol_by};
    if (pending.empty() && attempt.remember_browser) {
        out.device_cookie = rooms_.devices.remember(tx, user.id, attempt.device_cookie, false, origin);
    }
    return out;
}

// Did the account change while the password was being hashed? Whoever changed it ended the sessions there were; this one comes later. Any
// change after this transaction finds the session and ends it like the others.
bool SignInService::overtaken(storage::Transaction& tx, UserId const& id, passwords::VerifiedPassword const& verified) {
    auto const user = rooms_.users.find(tx, id);
    if (!user.ok() || !users::check_active(user.value(), rooms_.clock.now()).ok()) return true;
    auto const password = rooms_.passwords.state(id);
    return !password || password->changed_at > verified.at();
}

Result<users::User> SignInService::register_user(Registration const& registration) {
    if (!settings_.sign_up_open) return errors::sign_up_closed;
    // Everything a stranger may be told about their own input comes first: shape of the names, then the password's policy. Only then
    // are names looked up, so that what is answered tells nothing about who else is here.
    ZEPHYR_TRY(auto const name, users::parse_username(registration.username));
    if (registration.email) ZEPHYR_CHECK(users::parse_email(*registration.email));
    passwords::PolicyContext context{.has_second_factor = false, .words = {name.shown, registration.display_name}};
    if (registration.email) context.words.push_back(*registration.email);
    ZEPHYR_TRY(auto const prepared, rooms_.passwords.prepare(registration.password, context));

    auto const refused = [&](std::string_view reason) {
        rooms_.audit.append({.code = audit::codes::auth_registration_refused,
                             .actor = Actor::anonymous(),
                             .outcome = audit::Outcome::failure,
                             .reason = std::string{reason},
                             .origin = registration.origin,
                             .personal = {{"username", name.shown}}});
        return Error{errors::registration_refused, std::string{reason}};
    };
    try {
        auto created = rooms_.database.write([&](storage::Transaction& tx) -> Result<users::User> {
            ZEPHYR_TRY(auto user, rooms_.users.create(tx,
                                                      {.username = registration.username,
                                                       .email = registration.email,
                                                       .display_name = registration.display_name},
                                                      Actor::anonymous(), registration.origin));
            rooms_.passwords.store(tx, user.id, prepared, passwords::MustChange::no, Actor::user(user.id), registration.origin);
            rooms_.audit.append(tx, {.code = audit::codes::auth_registered,
                                     .actor = Actor::user(user.id),
                                     .subject = user.id,
                                     .origin = registration.origin});
            return user;
        });
        if (!created.ok() && created.error().kind() == Kind::conflict) return refused(created.error().id());
        return created;
    } catch (storage::UniqueViolation const&) {  // somebody registered the same name in the same moment
        return refused("lost_race");
    }
}

Result<void> SignInService::sign_out(SessionRef const& session, audit::Origin const& origin) {
    return rooms_.database.write([&](storage::Transaction& tx) -> Result<void> {
        ZEPHYR_TRY(auto const found, rooms_.sessions.find(session));
        ZEPHYR_CHECK(rooms_.sessions.end(session, Actor::user(found.user), origin, "signed_out"));
        rooms_.audit.append(
            tx, {.code = audit::codes::auth_signed_out, .actor = Actor::user(found.user), .subject = found.user, .origin = origin});
        return success();
    });
}

Result<sessions::IssuedSession> SignInService::verify_password(SessionRef const& ref, SecretText const& password,
                                                               audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (!session.pending.empty()) return errors::mfa_required;
    if (has_factor(session.user)) return errors::step_up_required;
    // Whoever holds this session is no stranger, and strangers' failures must not keep them out: it has a lane of its own.
    auto const verified = rooms_.passwords.verify(passwords::Claimant{session.user, ref.str()}, password, origin);
    if (!verified.ok()) {
        if (verified.error().kind() == Kind::unavailable) return verified.error();
        rooms_.audit.append({.code = audit::codes::auth_step_up_refused,
                             .actor = Actor::user(session.user),
                             .subject = session.user,
                             .outcome = audit::Outcome::failure,
                             .reason = std::string{verified.error().id()},
                             .origin = origin});
        return Error{errors::invalid_credentials, std::string{verified.error().id()}};
    }
    return rooms_.database.write([&](storage::Transaction& tx) -> Result<sessions::IssuedSession> {
        ZEPHYR_TRY(auto issued, rooms_.sessions.rotate(
                                    ref, {.proved = Factor{std::string{password_factor}, verified.value().at()}, .pending = {}}, origin));
        rooms_.audit.append(tx, {.code = audit::codes::auth_step_up,
                                 .actor = Actor::user(session.user),
                                 .subject = session.user,
                                 .origin = origin,
                                 .details = {{"amr", std::string{password_factor}}}});
        return issued;
    });
}

}  // namespace zephyr::signin
