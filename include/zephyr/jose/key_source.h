// Where a verifier's keys come from: a set in hand, or a jwks_uri that rotates.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"
#include "zephyr/jose/jwk.h"
#include "zephyr/jose/jwks.h"
#include "zephyr/ports/http_client.h"

namespace zephyr::jose {

namespace errors {
inline constexpr Failure unknown_key{Kind::unauthenticated, "jose.unknown_key"};
// The keys can't be had now and there are none to go on with: nothing is accepted until they are.
inline constexpr Failure keys_unavailable{Kind::unavailable, "jose.keys_unavailable"};
// "none", an algorithm we do not know, or not the one the key is for.
inline constexpr Failure algorithm_refused{Kind::unauthenticated, "jose.algorithm_refused"};
}  // namespace errors

class KeySource {
public:
    virtual ~KeySource() = default;
    // The key of that id for that algorithm. An empty kid finds the only key of the algorithm. Fails with unknown_key,
    // keys_unavailable, or algorithm_refused when the key is for another algorithm. Safe to call from many threads.
    virtual Result<Jwk> find(std::string_view kid, Algorithm algorithm) = 0;
};

// A set that never changes.
class StaticKeys final : public KeySource {
public:
    explicit StaticKeys(JwkSet keys) : keys_{std::move(keys)} {}
    Result<Jwk> find(std::string_view kid, Algorithm algorithm) override;

private:
    JwkSet keys_;
};

struct RemoteKeysSettings {
    std::string url;
    // A fetched set is used for this long before it is asked for again: how long a withdrawn key may go on working.
    std::chrono::seconds lifetime = 5min;
    // At least this long between two requests, whatever tokens say, and whether the last one failed or not.
    std::chrono::seconds between_requests = 30s;
    // While the source can't be reached or answers nonsense, the last good set serves for this long after it was
    // fetched. Then nothing is accepted.
    std::chrono::seconds last_good = 1h;
    std::chrono::milliseconds deadline = 5s;
    std::size_t max_bytes = JwkSet::max_bytes;
};

// Keys of an issuer, fetched when first needed. One request at a time: who needs an unknown key waits for its answer,
// everybody else goes on with the set at hand.
class RemoteKeys final : public KeySource {
public:
    // Keeps `client` and `clock` by reference. Throws Fault for an empty url, or times that contradict each other.
    RemoteKeys(ports::HttpClient& client, RemoteKeysSettings settings, Clock const& clock);
    Result<Jwk> find(std::string_view kid, Algorithm algorithm) override;

private:
    using Lock = std::unique_lock<std::mutex>;
    struct Fetched {
        JwkSet keys;
        MonotonicTime at;
    };
    bool may_ask(MonotonicTime now) const;
    bool fresh(MonotonicTime now) const;
    bool usable(MonotonicTime now) const;
    void ask(Lock& lock);
    Result<JwkSet> fetch() const;

    ports::HttpClient& client_;
    RemoteKeysSettings const settings_;
    Clock const& clock_;

    std::mutex mutex_;
    std::condition_variable answered_;
    std::optional<Fetched> fetched_;
    std::optional<MonotonicTime> asked_at_;
    bool asking_ = false;
    std::size_t waiting_ = 0;
    bool last_failed_ = false;
    std::string last_problem_;
};

}  // namespace zephyr::jose
