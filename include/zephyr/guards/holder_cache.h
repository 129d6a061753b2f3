// Who a credential stands for, remembered between requests, and exactly: a decision from memory is the decision the
// database would give.
//
// Owns: no table. Emits: nothing.
//
// Two things end what is remembered. Changes: every store announces what it writes (storage/database.h), and an entry is
// good only while nothing it rests on was announced since before it was read; so a reader that was overtaken by a
// revocation can keep what it read, but nobody will believe it. Time: the entry carries every limit, and the caller looks
// at the clock for each request. Only what is good is remembered, never a refusal.
//
// Exact while this process hears of every change: on SQLite always, with stores that announce (MemorySessionStore does not). Where other nodes write too, somebody must bring
// their announcements to forget(), and say through HolderCacheSettings::hears_everything whether they arrive.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/sessions/session.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/user.h"

namespace zephyr::guards {

enum class Credential : std::uint8_t { session_cookie = 1, access_token = 2, forward_cookie = 3 };

// Names one presented credential without keeping it: its kind, and SHA-256 over its parts, each behind its length. Two
// different tuples never give one key, whatever bytes they hold: caches keyed by joined strings are where others' decisions
// leaked (OpenFGA CVE-2026-33729, Oathkeeper CVE-2026-33496).
class CredentialKey {
public:
    // A cookie alone, or all that decides what it opens: {host, cookie}.
    static CredentialKey of(Credential kind, std::initializer_list<std::string_view> parts);

    Credential kind() const { return kind_; }
    std::array<std::uint8_t, 32> const& hash() const { return hash_; }
    bool operator==(CredentialKey const&) const = default;

private:
    CredentialKey(Credential kind, std::array<std::uint8_t, 32> const& hash) : kind_{kind}, hash_{hash} {}
    Credential kind_;
    std::array<std::uint8_t, 32> hash_;
};

// What stands behind a credential: as the stores say it, before the clock is asked.
struct Standing {
    sessions::Session session;  // without address and user agent when it comes from memory
    std::string username;
    std::string display_name;
    users::AccountLimits account;
    // The credential's own time, if it has one (a token's nbf and exp): good from `from` up to, not at, `until`.
    TimePoint from = TimePoint::min();
    TimePoint until = TimePoint::max();
    // What else it rests on, beside its session and its user: {"signing_keys", ""} for a token. At most two.
    std::vector<storage::Change> rests_on = {};
};

struct HolderCacheSettings {
    // About 400 bytes each. 0: nothing is remembered.
    std::size_t entries = 100'000;
    // False while announcements may be missing; nothing is then believed or kept. Absent: on SQLite all are heard, on
    // PostgreSQL none of other nodes.
    std::function<bool()> hears_everything = {};
    // For how long an entry is believed at most, on the monotonic clock. For nodes that hear through others: one that
    // died between its commit and its announcement told nobody. 0: no limit.
    std::chrono::milliseconds longest = std::chrono::milliseconds{0};
};

class HolderCache {
public:
    HolderCache(storage::Database&, Clock const&, HolderCacheSettings = {});
    ~HolderCache();
    HolderCache(HolderCache const&) = delete;
    HolderCache& operator=(HolderCache const&) = delete;

    // When a reading begins: taken before the first question to a store, outside any transaction (an open one may see
    // less than what was announced). Absent: nothing can be remembered now.
    class Reading {
        friend class HolderCache;
        Reading(std::uint64_t as_of, std::uint32_t began) : as_of_{as_of}, began_{began} {}
        std::uint64_t as_of_;
        std::uint32_t began_;  // monotonic seconds
    };
    std::optional<Reading> begin() const;
    // Remembers what was read since; worthless at once if something it rests on was announced meanwhile.
    void keep(CredentialKey const&, Standing const&, Reading const&);
    // What is remembered and untouched by changes. The caller looks at every limit in it with the clock.
    std::optional<Standing> find(CredentialKey const&);

    // Shall the caller record now that the session is used? True for one of many callers, once in `interval`. Tell
    // recorded() if that worked.
    bool claim_use(CredentialKey const&, TimePoint now, std::chrono::milliseconds interval);
    void recorded(CredentialKey const&, TimePoint now);

    // Changes another node announced.
    void forget(std::vector<storage::Change> const&);
    // Announcements may have been missed: everything read until now is worthless.
    void forget_all();

    struct Counts {
        std::int64_t hits = 0;
        std::int64_t misses = 0;
        std::size_t entries = 0;
    };
    Counts counts() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::guards
