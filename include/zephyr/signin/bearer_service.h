// Signing in for clients that keep tokens instead of cookies: the same rules, and tokens (room tokens) for what they end in.
//
// Owns: no table. Emits: through signin, tokens, mfa and sessions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/signin/notice_board.h"
#include "zephyr/signin/sign_in_service.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::signin {

struct BearerSignIn {
    tokens::IssuedTokens tokens;
    users::User user;
    MfaState mfa = MfaState::none;
};

struct BearerCode {
    tokens::IssuedTokens tokens;
    bool enrolled = false;  // see CodeAccepted
    std::vector<SecretText> backup_codes = {};
};

class BearerService {
public:
    BearerService(Rooms rooms, SignInService& sign_in, tokens::TokenService& tokens, NoticeBoard& notices)
        : rooms_{rooms}, sign_in_{sign_in}, tokens_{tokens}, notices_{notices} {}

    // Fails as SignInService::sign_in does. With `code`, the second factor is proved in the same call if one is demanded; a code that is
    // refused (mfa.*) ends the sign-in. Without it, the tokens of someone who has a second factor open factor routes alone.
    Result<BearerSignIn> sign_in(Attempt const& attempt, std::optional<GivenCode> const& code);
    // As SignInService::verify_code; the tokens of before are dead.
    Result<BearerCode> verify_code(SessionRef const& session, GivenCode const& code, audit::Origin const& origin,
                                   SignInService::Purpose purpose);
    // New tokens for a refresh token, while its session lives and its account may be used. One that was used and comes again after the
    // grace ends the session, and the person is told. Fails with tokens.refresh_refused or jose.keys_unavailable.
    Result<tokens::IssuedTokens> refresh(SecretText const& refresh_token, audit::Origin const& origin);
    // Ends the session, and with it every token.
    Result<void> sign_out(SessionRef const& session, audit::Origin const& origin);

private:
    Rooms rooms_;
    SignInService& sign_in_;
    tokens::TokenService& tokens_;
    NoticeBoard& notices_;
};

}  // namespace zephyr::signin
