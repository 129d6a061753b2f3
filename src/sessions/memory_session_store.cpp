#include <algorithm>

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

SessionStore::Inserted MemorySessionStore::insert(Row const& row, Limit const& limit, TimePoint now) {
    std::lock_guard const lock{mutex_};
    Inserted result;
    if (limit.per_user > 0) {
        std::vector<Session> held;
        for (auto const& [ref, kept] : by_ref_) {
            if (kept.session.user == row.session.user && kept.session.expires_at > now) held.push_back(kept.session);
        }
        std::sort(held.begin(), held.end(), older);
        if (held.size() >= limit.per_user) {
            if (limit.when_full == Limit::WhenFull::refuse) return {.refused = true, .evicted = {}};
            std::size_t const excess = held.size() - limit.per_user + 1;
            for (std::size_t i = 0; i < excess; ++i) {
                forget(by_ref_.find(held[i].ref));
                result.evicted.push_back(held[i].ref);
            }
        }
    }
    by_ref_.emplace(row.session.ref, row);
    by_token_.emplace(row.token_hash, row.session.ref);
    return result;
}

std::optional<Session> MemorySessionStore::find_by_token(ByteView token_hash) {
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

bool MemorySessionStore::replace(ByteView old_hash, Row const& row) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(row.session.ref);
    if (found == by_ref_.end() || found->second.token_hash != to_bytes(old_hash)) return false;
    by_token_.erase(found->second.token_hash);
    found->second = row;
    by_token_.emplace(row.token_hash, row.session.ref);
    return true;
}

void MemorySessionStore::touch(SessionRef const& ref, TimePoint now) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(ref);
    if (found == by_ref_.end()) return;
    found->second.session.last_seen_at = std::max(found->second.session.last_seen_at, now);
}

bool MemorySessionStore::erase(SessionRef const& ref) {
    std::lock_guard const lock{mutex_};
    auto const found = by_ref_.find(ref);
    if (found == by_ref_.end()) return false;
    forget(found);
    return true;
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
