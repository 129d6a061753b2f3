#include <algorithm>

#include "sessions/session_limit.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/sessions/session_store.h"

namespace zephyr::sessions {

namespace {
bool older(Session const& a, Session const& b) {
    return a.created_at != b.created_at ? a.created_at < b.created_at : a.ref < b.ref;
}
}  // namespace

void MemorySessionStore::forget(std::map<SessionRef, Row>::iterator found) {
    by_token_.erase(found->second.token_hash);
    by_ref_.erase(found);
}

// Called with the lock held. Takes away whoever must go for `newcomer`.
SessionStore::Placed MemorySessionStore::make_room(Session const& newcomer, Limit const& limit, TimePoint now) {
    std::vector<Session> others;
    for (auto const& [ref, kept] : by_ref_) {
        if (kept.session.user == newcomer.user && kept.session.expires_at > now && ref != newcomer.ref) others.push_back(kept.session);
    }
    std::sort(others.begin(), others.end(), older);
    std::vector<detail::Held> held;
    for (auto const& session : others) held.push_back({session.ref, !session.pending.empty()});
    auto placed = detail::make_room(held, !newcomer.pending.empty(), limit);
    for (auto const& ref : placed.evicted) forget(by_ref_.find(ref));
    return placed;
}

SessionStore::Placed MemorySessionStore::insert(Row const& row, Limit const& limit, TimePoint now) {
    std::lock_guard const lock{mutex_};
    auto placed = limit.per_user > 0 ? make_room(row.session, limit, now) : Placed{};
    if (placed.refused) return placed;
    by_ref_.emplace(row.session.ref, row);
    by_token_.emplace(row.token_hash, row.session.ref);
    return placed;
}

std::optional<Session> MemorySessionStore::find_by_token(ByteView token_hash, std::string_view carried) {
    if (!carried.empty()) return std::nullopt;
    std::lock_guard const lock{mutex_};
    auto const found = by_token_.find(to_bytes(token_hash));
    if (found == by_token_.end()) return std::nullopt;
    return by_ref_.at(found->second).session;
}

std::optional<SessionStore::Row> MemorySessionStore::find(SessionRef const& ref) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(ref);
    if (found == by_ref_.end()) return std::nullopt;
    return found->second;
}

std::vector<Session> MemorySessionStore::list(UserId const& user) {
    std::lock_guard const lock{mutex_};
    std::vector<Session> held;
    for (auto const& [ref, row] : by_ref_) {
        if (row.session.user == user) held.push_back(row.session);
    }
    std::sort(held.begin(), held.end(), [](auto const& a, auto const& b) { return older(b, a); });
    return held;
}

std::vector<Session> MemorySessionStore::list_all(SessionRef const& after, std::size_t limit) {
    std::lock_guard const lock{mutex_};
    std::vector<Session> page;
    for (auto at = by_ref_.upper_bound(after); at != by_ref_.end() && page.size() < limit; ++at) {
        page.push_back(at->second.session);
    }
    return page;
}

SessionStore::Placed MemorySessionStore::replace(ByteView old_hash, Row const& row, Limit const& limit, TimePoint now) {
    if (row.token_hash == to_bytes(old_hash)) throw Fault{"sessions: a session changed without its token"};
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(row.session.ref);
    if (found == by_ref_.end() || found->second.token_hash != to_bytes(old_hash)) return {.lost = true};
    Placed placed;
    if (!found->second.session.pending.empty() && row.session.pending.empty()) placed = make_room(row.session, limit, now);
    if (placed.refused) return placed;
    by_token_.erase(found->second.token_hash);
    found->second = row;
    by_token_.emplace(row.token_hash, row.session.ref);
    return placed;
}

void MemorySessionStore::touch(SessionRef const& ref, TimePoint now) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(ref);
    if (found == by_ref_.end()) return;
    found->second.session.last_seen_at = std::max(found->second.session.last_seen_at, now);
}

std::optional<UserId> MemorySessionStore::erase(SessionRef const& ref) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(ref);
    if (found == by_ref_.end()) return std::nullopt;
    auto user = found->second.session.user;
    forget(found);
    return user;
}

std::vector<SessionRef> MemorySessionStore::erase_user(UserId const& user, std::optional<SessionRef> const& except) {
    std::lock_guard const lock{mutex_};
    std::vector<SessionRef> erased;
    for (auto at = by_ref_.begin(); at != by_ref_.end();) {
        auto const next = std::next(at);
        if (at->second.session.user == user && (!except || at->first != *except)) {
            erased.push_back(at->first);
            forget(at);
        }
        at = next;
    }
    return erased;
}

std::size_t MemorySessionStore::erase_expired(TimePoint now, std::size_t limit) {
    std::lock_guard const lock{mutex_};
    std::size_t erased = 0;
    for (auto at = by_ref_.begin(); at != by_ref_.end() && erased < limit;) {
        auto const next = std::next(at);
        if (at->second.session.expires_at <= now) {
            forget(at);
            ++erased;
        }
        at = next;
    }
    return erased;
}

std::size_t MemorySessionStore::count() {
    std::lock_guard const lock{mutex_};
    return by_ref_.size();
}

}  // namespace zephyr::sessions
