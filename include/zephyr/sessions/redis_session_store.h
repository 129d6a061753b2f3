// Sessions with sealed copies in Redis, which also takes the minute-wise activity, so that a busy session writes to the database rarely.
//
// The table is the truth: every find asks it whether the token lives and what its session may say. Redis gone, flushed or restored from
// an old copy therefore opens nothing and ends nothing: the session is read from the table and goes on. The table hears of activity when
// it is a quarter of the idle time behind, so that losing Redis costs a session no more than that quarter.
//
// Keys: "zephyr:s:" and the base64url of the token's hash. A copy lives until the session would end, idle or absolute, and is bound to
// session and token (see session_copy.h). Nothing is deleted at logout: a copy is worth nothing without its row.
#pragma once

#include <chrono>

#include "zephyr/ports/redis.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

class RedisSessionStore final : public SessionStore {
public:
    // `idle`: SessionSettings::idle.
    RedisSessionStore(SqlSessionStore& truth, ports::Redis& redis, crypto::Sealer const& sealer, Clock const& clock,
                      std::chrono::milliseconds idle)
        : truth_{truth}, redis_{redis}, sealer_{sealer}, clock_{clock}, idle_{idle} {}

    Placed insert(Row const& row, Limit const& limit, TimePoint now) override { return truth_.insert(row, limit, now); }
    std::optional<Session> find_by_token(ByteView token_hash, std::string_view carried) override;
    std::optional<Row> find(SessionRef const&) override;
    std::vector<Session> list(UserId const&) override;
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override;
    Placed replace(ByteView old_hash, Row const& row, Limit const& limit, TimePoint now) override {
        return truth_.replace(old_hash, row, limit, now);
    }
    void touch(SessionRef const&, TimePoint now) override;
    std::optional<UserId> erase(SessionRef const& ref) override { return truth_.erase(ref); }
    std::vector<SessionRef> erase_user(UserId const& user, std::optional<SessionRef> const& except) override {
        return truth_.erase_user(user, except);
    }
    std::size_t erase_expired(TimePoint now, std::size_t limit) override { return truth_.erase_expired(now, limit); }
    std::size_t count() override { return truth_.count(); }

private:
    bool keep(Row const& row, bool even_if_older);
    std::vector<Session> with_activity(std::vector<Row> rows);

    SqlSessionStore& truth_;
    ports::Redis& redis_;
    crypto::Sealer const& sealer_;
    Clock const& clock_;
    std::chrono::milliseconds idle_;
};

}  // namespace zephyr::sessions
