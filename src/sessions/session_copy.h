// A session's content outside the table: sealed, and bound to its ref and its token. A copy of another session, or of the same one under
// an earlier token, does not open.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/crypto/keyring.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

// The factors column, and a member of a copy.
std::string write_factors(std::vector<Factor> const& factors);
std::optional<std::vector<Factor>> parse_factors(std::string_view text);
std::vector<Factor> read_factors(std::string const& text);  // throws Fault for a damaged column

// `kept_in` names the kind of place ("redis", "cookie"): a copy from one does not open in the other.
Bytes seal_copy(crypto::Sealer const&, std::string_view kept_in, SessionStore::Row const&);
// Nothing when it was not sealed for exactly this session and token, or says another person, pending state or end than the table does.
std::optional<Session> open_copy(crypto::Sealer const&, std::string_view kept_in, ByteView token_hash,
                                 SqlSessionStore::Standing const& standing, ByteView sealed);

}  // namespace zephyr::sessions
