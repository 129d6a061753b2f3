// Freshness as a type: whoever holds a FreshProof proved, moments ago and in this session, what their account can prove.
#pragma once

#include <utility>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::signin {
class SignInService;
}

namespace zephyr::mfa {

// Only SignInService makes one (require_fresh). Changes of factors take it, so that none can be written without asking.
class FreshProof {
public:
    UserId const& user() const { return user_; }
    SessionRef const& session() const { return session_; }
    int strength() const { return strength_; }  // mfa::strength of the strongest factor proved lately enough
    TimePoint at() const { return at_; }        // when that was

private:
    friend class zephyr::signin::SignInService;
    FreshProof(UserId user, SessionRef session, int strength, TimePoint at)
        : user_{std::move(user)}, session_{std::move(session)}, strength_{strength}, at_{at} {}
    UserId user_;
    SessionRef session_;
    int strength_;
    TimePoint at_;
};

}  // namespace zephyr::mfa
