// Sessions whose content travels with the client, sealed, behind the token in its cookie.
//
// The table keeps what must be known without the cookie: ref, user, token hash, times, what is pending and what was proved (a step-up, a
// refresh and "end all my sessions" name a session by its ref). Address and browser are in the cookie alone; lists of sessions then show
// times without them.
//
// A request costs one narrow statement: the table says whether the token lives, the cookie what the session holds. A copy is bound to
// the session and to this very token, so one from before a rotation, of another session, changed or cut opens nothing.
#pragma once

#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

class SealedCookieStore final : public SessionStore {
public:
    SealedCookieStore(SqlSessionStore& truth, crypto::Sealer const& sealer) : truth_{truth}, sealer_{sealer} {}

    Placed insert(Row const&, Limit const&, TimePoint now) override;
    std::string carry(Row const&) const override;
    std::optional<Session> find_by_token(ByteView token_hash, std::string_view carried) override;
    std::optional<Row> find(SessionRef const& ref) override { return truth_.find(ref); }
    std::vector<Session> list(UserId const& user) override { return truth_.list(user); }
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override { return truth_.list_all(after, limit); }
    Placed replace(ByteView old_hash, Row const& row, Limit const&, TimePoint now) override;
    void touch(SessionRef const& ref, TimePoint now) override { truth_.touch(ref, now); }
    std::optional<UserId> erase(SessionRef const& ref) override { return truth_.erase(ref); }
    std::vector<SessionRef> erase_user(UserId const& user, std::optional<SessionRef> const& except) override {
        return truth_.erase_user(user, except);
    }
    std::size_t erase_expired(TimePoint now, std::size_t limit) override { return truth_.erase_expired(now, limit); }
    std::size_t count() override { return truth_.count(); }

private:
    SqlSessionStore& truth_;
    crypto::Sealer const& sealer_;
};

}  // namespace zephyr::sessions
