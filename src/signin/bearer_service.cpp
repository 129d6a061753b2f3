#include "zephyr/signin/bearer_service.h"

namespace zephyr::signin {

using audit::Actor;
using storage::Transaction;

Result<BearerSignIn> BearerService::sign_in(Attempt const& attempt, std::optional<GivenCode> const& code) {
    ZEPHYR_CHECK(tokens_.ready());
    auto browserless = attempt;
    browserless.remember_browser = false;  // it keeps no cookies
    ZEPHYR_TRY(auto done, sign_in_.sign_in(browserless));
    if (code && done.mfa == MfaState::required) {
        auto const& ref = done.issued.session.ref;
        auto origin = attempt.origin;
        origin.session_ref = ref.str();
        auto given = *code;
        given.remember_browser = false;
        auto accepted = sign_in_.verify_code(ref, given, origin, SignInService::Purpose::prove);
        if (!accepted.ok()) {
            // Nobody holds its tokens: it is of no use to anybody.
            (void)rooms_.sessions.end(ref, Actor::user(done.user.id), origin, "code_refused").ok();
            return accepted.error();
        }
        done.issued = std::move(accepted).value().issued;
        bool const waits = done.issued.session.pending == errors::mfa_enrolment_required.id;
        done.mfa = waits ? MfaState::enrolment_required : MfaState::none;
    }
    auto issued = tokens_.issue(done.issued);
    if (!issued.ok()) {
        (void)rooms_.sessions.end(done.issued.session.ref, Actor::user(done.user.id), attempt.origin, "no_tokens").ok();
        return issued.error();
    }
    return BearerSignIn{std::move(issued).value(), std::move(done.user), done.mfa};
}

Result<BearerCode> BearerService::verify_code(SessionRef const& session, GivenCode const& code, audit::Origin const& origin,
                                              SignInService::Purpose purpose) {
    ZEPHYR_CHECK(tokens_.ready());
    auto given = code;
    given.remember_browser = false;
    ZEPHYR_TRY(auto accepted, sign_in_.verify_code(session, given, origin, purpose));
    ZEPHYR_TRY(auto issued, tokens_.issue(accepted.issued));
    return BearerCode{std::move(issued), accepted.enrolled, std::move(accepted.backup_codes)};
}

Result<tokens::IssuedTokens> BearerService::refresh(SecretText const& refresh_token, audit::Origin const& origin) {
    tokens::RefreshRules const rules{
        .admit = [this](Transaction&, UserId const& id) -> Result<void> {
            ZEPHYR_TRY(auto const user, rooms_.users.find(id));
            return users::check_active(user, rooms_.clock.now());
        },
        .reuse_detected = [this](Transaction& tx, UserId const& id) { notices_.post(tx, id, "token_reused"); }};
    return tokens_.refresh(refresh_token, rules, origin);
}

Result<void> BearerService::sign_out(SessionRef const& session, audit::Origin const& origin) {
    return rooms_.database.write([&](Transaction&) -> Result<void> {
        ZEPHYR_CHECK(sign_in_.sign_out(session, origin));
        tokens_.end_family(session);
        return success();
    });
}

}  // namespace zephyr::signin
