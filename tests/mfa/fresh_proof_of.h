// Fresh proofs for tests of this room, which does not know the real SignInService: it is the only one that can make them, so this test
// program has one of its own.
#pragma once

#include "zephyr/mfa/factor.h"
#include "zephyr/mfa/fresh_proof.h"

namespace zephyr::signin {

class SignInService {
public:
    static mfa::FreshProof fresh_proof_of(UserId const& user, SessionRef const& session, TimePoint at,
                                          int strength = mfa::strength::password) {
        return {user, session, strength, at};
    }
};

}  // namespace zephyr::signin
