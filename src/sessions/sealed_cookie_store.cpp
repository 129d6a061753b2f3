#include "zephyr/sessions/sealed_cookie_store.h"

#include "sessions/session_copy.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::sessions {

namespace {

constexpr std::string_view kept_in = "cookie";
// Tried in turn when a strange browser name, escaped, would make the cookie too long.
constexpr std::size_t agent_bytes[] = {256, 64, 0};

SessionStore::Row without_origin(SessionStore::Row row) {
    row.session.address.clear();
    row.session.user_agent.clear();
    return row;
}

}  // namespace

SessionStore::Placed SealedCookieStore::insert(Row const& row, Limit const& limit, TimePoint now) {
    return truth_.insert(without_origin(row), limit, now);
}

SessionStore::Placed SealedCookieStore::replace(ByteView old_hash, Row const& row, Limit const& limit, TimePoint now) {
    return truth_.replace(old_hash, without_origin(row), limit, now);
}

std::string SealedCookieStore::carry(Row const& row) const {
    auto shortened = row;
    for (auto const bytes : agent_bytes) {
        if (shortened.session.user_agent.size() > bytes) shortened.session.user_agent.resize(bytes);
        auto text = encoding::base64url_encode(seal_copy(sealer_, kept_in, shortened));
        if (text.size() <= max_carried) return text;
    }
    throw Fault{"sessions: the content of a session does not fit a cookie"};
}

std::optional<Session> SealedCookieStore::find_by_token(ByteView token_hash, std::string_view carried) {
    if (carried.empty() || carried.size() > max_carried) return std::nullopt;
    auto const sealed = encoding::base64url_decode(carried);
    if (!sealed.ok()) return std::nullopt;
    auto const standing = truth_.standing(token_hash);
    if (!standing) return std::nullopt;
    return open_copy(sealer_, kept_in, token_hash, *standing, sealed.value());
}

}  // namespace zephyr::sessions
