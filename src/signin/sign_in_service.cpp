#include "zephyr/signin/sign_in_service.h"

#include <algorithm>

#include "zephyr/audit/codes.h"

namespace zephyr::signin {

using audit::Actor;
using sessions::Factor;

namespace {

constexpr std::string_view password_factor = "pwd";
constexpr std::string_view code_factor = "otp";

std::optional<TimePoint> proved(sessions::Session const& session, std::string_view factor) {
    for (auto const& held : session.factors) {
        if (held.name == factor) return held.at;
    }
    return std::nullopt;
}

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
    auto const whose = [&](storage::Transaction&) {
        found = rooms_.users.find_by_login(attempt.login);
        if (found.ok()) known = found.value().id;
        return known;
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

    bool const demanded = mfa_demanded(user.id);
    // One transaction: a sign-in happens with all that belongs to it, or not at all.
    auto signed_in = rooms_.database.write([&](storage::Transaction& tx) { return open_session(tx, user, verified.value(), attempt, demanded); });
    if (!signed_in.ok() && signed_in.error() == errors::invalid_credentials) return refuse(known, attempt, signed_in.error().detail());
    return signed_in;
}

Result<SignedIn> SignInService::open_session(storage::Transaction& tx, users::User const& user, passwords::VerifiedPassword const& verified,
                                             Attempt const& attempt, bool demanded) {
    if (overtaken(tx, user.id, verified)) return Error{errors::invalid_credentials, "overtaken"};
    auto state = MfaState::none;
    std::string pending;
    if (has_second_factor(user.id)) {
        state = MfaState::required;
        pending = errors::mfa_required.id;
    } else {
        if (verified.must_change()) pending = errors::change_required.id;
        if (demanded) state = MfaState::enrolment_required;
    }
    ZEPHYR_TRY(auto issued, rooms_.sessions.start({.user = user.id,
                                                   .factors = {{std::string{password_factor}, verified.at()}},
                                                   .pending = pending,
                                                   .remember = attempt.remember,
                                                   .origin = attempt.origin}));
    if (attempt.replaces) {
        // It may have ended meanwhile; either way it is gone now.
        (void)rooms_.sessions.end(*attempt.replaces, Actor::user(user.id), attempt.origin, "replaced_by_sign_in").ok();
    }
    auto origin = attempt.origin;
    origin.session_ref = issued.session.ref.str();
    rooms_.audit.append(tx, {.code = pending.empty() ? audit::codes::auth_signed_in : audit::codes::auth_pending,
                             .actor = Actor::user(user.id),
                             .subject = user.id,
                             .reason = pending,
                             .origin = origin,
                             .details = {{"amr", std::string{password_factor}}}});
    return SignedIn{std::move(issued), user, state};
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

Result<mfa::VerifiedFactor> SignInService::check_code(sessions::Session const& session, std::string_view code,
                                                      audit::Origin const& origin, bool enrolling, bool may_prove) {
    if (!enrolling) return rooms_.totp.verify(session.user, session.ref, code, origin);
    // The secret was shown to a session that had just proved itself; using it asks for the same.
    ZEPHYR_CHECK(require_fresh(session));
    auto confirmed = rooms_.totp.confirm(session.user, session.ref, code, origin);
    if (confirmed.ok() || !may_prove || !rooms_.totp.has_confirmed(session.user)) return confirmed;
    return rooms_.totp.verify(session.user, session.ref, code, origin);
}

Result<CodeAccepted> SignInService::verify_code(SessionRef const& ref, std::string_view code, audit::Origin const& origin,
                                                Purpose purpose) {
    if (!settings_.mfa_enabled) return errors::mfa_disabled;
    // One transaction: a code is used up with all that it opens, or not at all. Not itself a Result, so that a refusal commits its count.
    struct Kept {
        Result<CodeAccepted> answer;
    };
    return rooms_.database.write([&](storage::Transaction& tx) { return Kept{verify_code_in(tx, ref, code, origin, purpose)}; }).answer;
}

Result<CodeAccepted> SignInService::verify_code_in(storage::Transaction& tx, SessionRef const& ref, std::string_view code,
                                                   audit::Origin const& origin, Purpose purpose) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (purpose == Purpose::enrol && !session.pending.empty()) return errors::mfa_required;
    auto const before = rooms_.totp.list(session.user);
    bool const enrolling = purpose == Purpose::enrol || (purpose == Purpose::either && session.pending.empty() &&
                                                         rooms_.totp.has_pending(session.user, ref));
    ZEPHYR_TRY(auto const factor, check_code(session, code, origin, enrolling, purpose == Purpose::either));
    bool const enrolled =
        enrolling && std::none_of(before.begin(), before.end(), [&](auto const& device) { return device.id == factor.factor(); });
    // A stolen TotpService answer for somebody else would be worth nothing here.
    if (factor.user() != session.user) return errors::invalid_credentials;

    sessions::Change change{.proved = Factor{std::string{factor.amr()}, factor.at()}, .pending = {}};
    bool const completes = session.pending == errors::mfa_required.id;
    if (completes) {
        auto const state = rooms_.passwords.state(session.user);
        change.pending = state && state->must_change ? std::string{errors::change_required.id} : std::string{};
    }
    if (enrolled && before.empty()) rooms_.sessions.end_all(session.user, ref, Actor::user(session.user), origin, "first_factor_added");
    ZEPHYR_TRY(auto issued, rooms_.sessions.rotate(ref, change, origin));
    rooms_.audit.append(tx, {.code = completes ? audit::codes::auth_signed_in : audit::codes::auth_step_up,
                             .actor = Actor::user(session.user),
                             .subject = session.user,
                             .origin = origin,
                             .details = {{"amr", completes ? "pwd otp" : "otp"}}});
    return CodeAccepted{std::move(issued), enrolled};
}

Result<sessions::IssuedSession> SignInService::verify_password(SessionRef const& ref, SecretText const& password,
                                                               audit::Origin const& origin) {
    ZEPHYR_TRY(auto const session, rooms_.sessions.find(ref));
    if (!session.pending.empty()) return errors::mfa_required;
    if (has_second_factor(session.user)) return errors::step_up_required;
    auto const verified = rooms_.passwords.verify(session.user, password, origin);
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

Result<void> SignInService::require_fresh(sessions::Session const& session) {
    auto const at = proved(session, has_second_factor(session.user) ? code_factor : password_factor);
    auto const now = rooms_.clock.now();
    // A proof from the future (a clock set back) proves nothing about now.
    if (!at || *at > now || now - *at >= settings_.fresh) return errors::step_up_required;
    return success();
}

bool SignInService::mfa_demanded(UserId const& user) const {
    return settings_.mfa_enabled && settings_.mfa_required_for_admin && rooms_.roles.effective(user).has_role(rbac::admin_role);
}

}  // namespace zephyr::signin
