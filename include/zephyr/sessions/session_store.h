// Where sessions are kept. Every backend passes tests/sessions/session_store_suite.h.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
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

// How many sessions one person may have. 0: any number. A pending sign-in (Session::pending) ends no whole session and keeps none from
// starting: who knows only a password must not be able to sign others out. It counts when it becomes whole.
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
    // What became of an insert or a replace.
    struct Placed {
        bool lost = false;                // replace alone: the session has another token by now, or is gone
        bool refused = false;             // the limit was reached and says refuse
        std::vector<SessionRef> evicted;  // the limit was reached and says evict: pending ones first, then the oldest

        bool done() const { return !lost && !refused; }
    };

    virtual ~SessionStore() = default;
    // Keeps a new session. Counting and inserting are one step: of many racing callers none exceeds the limit. Sessions that ended by
    // time at `now` do not count.
    virtual Placed insert(Row const&, Limit const&, TimePoint now) = 0;
    // What the client keeps for us beside its token: sealed, for this session under this token alone. Empty for most stores. At most
    // max_carried characters, all fit for a cookie.
    virtual std::string carry(Row const&) const { return {}; }
    // `carried` is what came with the token. A store refuses what it never gave out.
    virtual std::optional<Session> find_by_token(ByteView token_hash, std::string_view carried) = 0;
    virtual std::optional<Row> find(SessionRef const&) = 0;
    // Newest first.
    virtual std::vector<Session> list(UserId const&) = 0;
    // Of everyone, by ref (which is by age), after `after` (empty: from the oldest).
    virtual std::vector<Session> list_all(SessionRef const& after, std::size_t limit) = 0;
    // Puts `row` in the place of the session of the same ref if its token hash is still `old_hash`: of two racing callers one has lost.
    // The limit counts as for insert when a pending sign-in becomes whole. What a session says changes only together with its token:
    // throws Fault for a row with the old hash, so that no copy of a session can be worth more than the session.
    virtual Placed replace(ByteView old_hash, Row const& row, Limit const&, TimePoint now) = 0;
    // Moves last_seen_at forward, never back, and never brings an erased session back. The only change under a token.
    virtual void touch(SessionRef const&, TimePoint now) = 0;
    // Whose session it was; nothing when there was none.
    virtual std::optional<UserId> erase(SessionRef const&) = 0;
    virtual std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) = 0;
    // Removes at most `limit` sessions whose absolute end has passed.
    virtual std::size_t erase_expired(TimePoint now, std::size_t limit) = 0;
    virtual std::size_t count() = 0;
};

// So that a cookie stays below the 4096 bytes browsers keep (RFC 6265 6.1), name and token included.
inline constexpr std::size_t max_carried = 3072;

// Lost when the process ends; for programs that want no table and for tests of the suite.
class MemorySessionStore final : public SessionStore {
public:
    Placed insert(Row const&, Limit const&, TimePoint now) override;
    std::optional<Session> find_by_token(ByteView token_hash, std::string_view carried) override;
    std::optional<Row> find(SessionRef const&) override;
    std::vector<Session> list(UserId const&) override;
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override;
    Placed replace(ByteView old_hash, Row const& row, Limit const&, TimePoint now) override;
    void touch(SessionRef const&, TimePoint now) override;
    std::optional<UserId> erase(SessionRef const&) override;
    std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) override;
    std::size_t erase_expired(TimePoint now, std::size_t limit) override;
    std::size_t count() override;

private:
    void forget(std::map<SessionRef, Row>::iterator found);
    Placed make_room(Session const& newcomer, Limit const&, TimePoint now);
    std::mutex mutex_;
    std::map<SessionRef, Row> by_ref_;
    std::map<Bytes, SessionRef> by_token_;
};

// Table session, on either engine: the truth about which sessions live, for every store that keeps copies elsewhere. Address and user
// agent are stored sealed; a session without both is stored without.
class SqlSessionStore final : public SessionStore {
public:
    // What decides whether a copy of a session counts: narrow enough to be asked on every request.
    struct Standing {
        SessionRef ref = SessionRef::trusted({});
        UserId user = UserId::trusted({});
        std::string pending;
        TimePoint last_seen_at;
        TimePoint expires_at;
    };

    SqlSessionStore(storage::Database& database, crypto::Sealer const& sealer) : database_{database}, sealer_{sealer} {}
    Placed insert(Row const&, Limit const&, TimePoint now) override;
    std::optional<Session> find_by_token(ByteView token_hash, std::string_view carried) override;
    std::optional<Row> find(SessionRef const&) override;
    std::vector<Session> list(UserId const&) override;
    std::vector<Session> list_all(SessionRef const& after, std::size_t limit) override;
    Placed replace(ByteView old_hash, Row const& row, Limit const&, TimePoint now) override;
    void touch(SessionRef const&, TimePoint now) override;
    std::optional<UserId> erase(SessionRef const&) override;
    std::vector<SessionRef> erase_user(UserId const&, std::optional<SessionRef> const& except) override;
    std::size_t erase_expired(TimePoint now, std::size_t limit) override;
    std::size_t count() override;

    std::optional<Standing> standing(ByteView token_hash);
    std::vector<Row> rows_of(UserId const&);                                  // list(), with token hashes
    std::vector<Row> page_of_rows(SessionRef const& after, std::size_t limit);  // list_all(), with token hashes

private:
    storage::Database& database_;
    crypto::Sealer const& sealer_;
};

}  // namespace zephyr::sessions
