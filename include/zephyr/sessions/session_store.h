// Where sessions are kept. Every backend passes tests/sessions/session_store_suite.h.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/sessions/session.h"

namespace zephyr::storage {
class Database;
}
namespace zephyr::crypto {
class Sealer;
}

namespace zephyr::sessions {

// How many sessions one person may have. 0: any number.
struct Limit {
    std::size_t per_user = 0;
    enum class WhenFull { evict_oldest, refuse } when_full = WhenFull::evict_oldest;
};

class SessionStore {
public:
    struct Row {
        Session session;
        Bytes token_hash;  // SHA-256 of the token: a copy of the table opens no session
    };
    struct Inserted {
        bool refused = false;             // the limit was reached and says refuse
        std::vector<SessionRef> evicted;  // the limit was reached and says evict; oldest first
    };

    virtual ~SessionStore() = default;
    // Keeps a new session. Counting and inserting are one step: of many racing callers none exceeds the limit. Sessions that ended by
    // time at `now` do not count.
    virtual Inserted insert(Row const&, Limit const&, TimePoint now) = 0;
    virtual std::optional<Session> find_by_token(ByteView token_hash) = 0;
    virtual std::optional<Row> find(SessionRef const&) = 0;
    // Newest first.
    virtual std::vector<Session> list(UserId const&) = 0;
    // Of everyone, by ref (which is by age), after `after` (empty: from the oldest).
    virtual std::vector<Session> list_all(SessionRef const& after, std::size_t limit) = 0;
    // Puts `row` in the place of the session of the same ref if its token hash is still `old_hash`: of two racing callers one gets false.
    virtual bool replace(ByteView old_hash, Row const& row) = 0;
    // Moves last_seen_at forward, never back, and never brings an erased session back.
    virtual void touch(SessionRef const&, TimePoint now) = 0;
    virtual bool erase(SessionRef const&) = 0;
    virtual std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) = 0;
    // Removes at most `limit` sessions whose absolute end has passed.
    virtual std::size_t erase_expired(TimePoint now, std::size_t limit) = 0;
    virtual std::size_t count() = 0;
};

// Lost when the process ends; for programs that want no table and for tests of the suite.
class MemorySessionStore final : public SessionStore {
public:
    Inserted insert(Row const&, Limit const&, TimePoint now) override;
    std::optional<Session> find_by_token(ByteView token_hash) override;
    std::optional<Row> find(SessionRef const&) override;
    std::vector<Session> list(UserId const&) override;
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override;
    bool replace(ByteView old_hash, Row const& row) override;
    void touch(SessionRef const&, TimePoint now) override;
    bool erase(SessionRef const&) override;
    std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) override;
    std::size_t erase_expired(TimePoint now, std::size_t limit) override;
    std::size_t count() override;

private:
    void forget(std::map<SessionRef, Row>::iterator found);
    std::mutex mutex_;
    std::map<SessionRef, Row> by_ref_;
    std::map<Bytes, SessionRef> by_token_;
};

// Table session, on either engine. Address and user agent are stored sealed.
class SqlSessionStore final : public SessionStore {
public:
    SqlSessionStore(storage::Database& database, crypto::Sealer const& sealer) : database_{database}, sealer_{sealer} {}
    Inserted insert(Row const&, Limit const&, TimePoint now) override;
    std::optional<Session> find_by_token(ByteView token_hash) override;
    std::optional<Row> find(SessionRef const&) override;
    std::vector<Session> list(UserId const&) override;
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override;
    bool replace(ByteView old_hash, Row const& row) override;
    void touch(SessionRef const&, TimePoint now) override;
    bool erase(SessionRef const&) override;
    std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) override;
    std::size_t erase_expired(TimePoint now, std::size_t limit) override;
    std::size_t count() override;

private:
    storage::Database& database_;
    crypto::Sealer const& sealer_;
};

}  // namespace zephyr::sessions
