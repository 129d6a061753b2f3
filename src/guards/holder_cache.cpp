#include "zephyr/guards/holder_cache.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <unordered_map>

#include "guards/packed.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::guards {

namespace {

constexpr std::size_t parts = 32;
constexpr std::size_t few_entries = 1000;  // below it parts would be too small to be even
// Changes are numbered, and each stripe knows the last one that fell on it. Two names on one stripe cost a reading too
// many and nothing else.
constexpr std::size_t stripes = 1 << 17;
constexpr std::size_t most_rested_on = 4;  // the session, the user and two more

std::uint32_t stripe_of(std::string_view topic, std::string_view key) {
    auto const mixed = std::hash<std::string_view>{}(key) ^ (std::hash<std::string_view>{}(topic) * 31);
    return static_cast<std::uint32_t>(mixed % stripes);
}

struct KeyHash {
    std::size_t operator()(CredentialKey const& key) const {
        std::size_t out = 0;
        std::memcpy(&out, key.hash().data(), sizeof out);  // SHA-256 is spread well enough
        return out;
    }
};

void raise_to(std::atomic_ref<std::uint64_t> value, std::uint64_t to) {
    auto seen = value.load();
    while (seen < to && !value.compare_exchange_weak(seen, to)) {
    }
}

// One remembered answer. What readers change is atomic.
struct Entry {
    Entry(Standing const& standing, std::uint64_t began) : packed{standing}, as_of{began} {}

    Packed packed;
    std::uint64_t as_of;
    std::array<std::uint32_t, most_rested_on> rests_on{};
    std::uint32_t kept_at = 0;                  // monotonic seconds
    std::atomic<std::int64_t> last_seen{0};     // milliseconds; what the store has, or less
    std::atomic<std::int64_t> claimed_use{0};   // milliseconds; when somebody last set out to record use
    std::atomic<bool> asked_for{true};          // since the last round for room
};

struct Part {
    std::shared_mutex mutex;
    std::unordered_map<CredentialKey, Entry, KeyHash> entries;
    std::size_t hand = 0;  // the bucket where the next round for room goes on
    std::atomic<std::int64_t> hits{0};
    std::atomic<std::int64_t> misses{0};
};

// Second chance: who was asked for since the last round stays for this one.
void make_room(Part& part) {
    auto const buckets = part.entries.bucket_count();
    for (std::size_t steps = 0; steps <= 2 * buckets; ++steps) {
        part.hand = (part.hand + 1) % buckets;
        for (auto found = part.entries.begin(part.hand); found != part.entries.end(part.hand); ++found) {
            if (found->second.asked_for.exchange(false)) continue;
            part.entries.erase(part.entries.find(found->first));
            return;
        }
    }
}

}  // namespace

CredentialKey CredentialKey::of(Credential kind, std::initializer_list<std::string_view> parts_of_it) {
    SecretText framed{[&] {
        std::string out;
        std::size_t size = 0;
        for (auto const part : parts_of_it) size += part.size() + 8;
        out.reserve(size);  // no copy is left behind by growing
        for (auto const part : parts_of_it) {
            for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(std::uint64_t{part.size()} >> shift));
            out += part;
        }
        return out;
    }()};
    auto const digest = crypto::sha256(as_bytes(framed.reveal()));
    std::array<std::uint8_t, 32> hash{};
    std::memcpy(hash.data(), digest.data(), hash.size());
    return {kind, hash};
}

struct HolderCache::State {
    storage::Engine engine;
    Clock const& clock;
    HolderCacheSettings settings;
    std::size_t part_count;
    std::size_t part_size;
    std::unique_ptr<Part[]> all;
    // The number of the last change, and per stripe the last that fell on it; `floor`: what was read before it is worthless.
    std::atomic<std::uint64_t> last_change{0};
    std::atomic<std::uint64_t> floor{0};
    struct Free {
        void operator()(std::uint64_t* memory) const { std::free(memory); }
    };
    // From calloc: pages nobody announced on cost no memory.
    std::unique_ptr<std::uint64_t[], Free> changed;
    storage::ChangeRegistration listening{};

    State(storage::Engine of, Clock const& now, HolderCacheSettings chosen)
        : engine{of},
          clock{now},
          settings{std::move(chosen)},
          part_count{settings.entries < few_entries ? 1 : parts},
          part_size{(settings.entries + part_count - 1) / part_count},
          all{std::make_unique<Part[]>(part_count)},
          changed{static_cast<std::uint64_t*>(std::calloc(stripes, sizeof(std::uint64_t)))} {
        if (!changed) throw std::bad_alloc{};
    }

    Part& part_of(CredentialKey const& key) const { return all[key.hash()[31] % part_count]; }
    bool usable() const {
        if (part_size == 0) return false;
        return settings.hears_everything ? settings.hears_everything() : engine == storage::Engine::sqlite;
    }
    std::uint32_t now_in_seconds() const {
        return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(clock.monotonic().time_since_epoch()).count());
    }
    std::uint64_t last_on(std::uint32_t stripe) const { return std::atomic_ref{changed[stripe]}.load(); }
    bool untouched(Entry const& entry) const {
        if (entry.as_of < floor.load()) return false;
        for (auto const stripe : entry.rests_on) {
            if (last_on(stripe) > entry.as_of) return false;
        }
        if (settings.longest.count() == 0) return true;
        // Unsigned: right even when the seconds wrap.
        return std::chrono::seconds{now_in_seconds() - entry.kept_at} < settings.longest;
    }
};

HolderCache::HolderCache(storage::Database& database, Clock const& clock, HolderCacheSettings settings)
    : state_{std::make_unique<State>(database.engine(), clock, std::move(settings))} {
    state_->listening = database.on_change([this](std::vector<storage::Change> const& changes) { forget(changes); });
}

HolderCache::~HolderCache() { state_->listening = {}; }

std::optional<HolderCache::Reading> HolderCache::begin() const {
    if (!state_->usable()) return std::nullopt;
    return Reading{state_->last_change.load(), state_->now_in_seconds()};
}

void HolderCache::keep(CredentialKey const& key, Standing const& standing, Reading const& reading) {
    auto& state = *state_;
    if (!state.usable()) return;
    auto const& session = standing.session;
    if (standing.rests_on.size() > most_rested_on - 2) throw Fault{"guards: a credential rests on too much to be remembered"};
    std::array<std::uint32_t, most_rested_on> rests_on;
    rests_on.fill(stripe_of("session", session.ref.str()));
    rests_on[1] = stripe_of("user", session.user.str());
    for (std::size_t i = 0; i < standing.rests_on.size(); ++i) {
        rests_on[2 + i] = stripe_of(standing.rests_on[i].topic, standing.rests_on[i].key);
    }

    auto& part = state.part_of(key);
    std::unique_lock const lock{part.mutex};
    if (auto const found = part.entries.find(key); found != part.entries.end()) {
        if (found->second.as_of > reading.as_of_) return;  // another reader was later, and knows better
        part.entries.erase(found);
    }
    if (part.entries.size() >= state.part_size) make_room(part);
    auto& entry = part.entries.try_emplace(key, standing, reading.as_of_).first->second;
    entry.rests_on = rests_on;
    entry.kept_at = reading.began_;
    entry.last_seen = entry.claimed_use = to_millis(session.last_seen_at);
}

std::optional<Standing> HolderCache::find(CredentialKey const& key) {
    auto& state = *state_;
    if (!state.usable()) return std::nullopt;
    auto& part = state.part_of(key);
    {
        std::shared_lock const lock{part.mutex};
        auto const found = part.entries.find(key);
        if (found == part.entries.end()) {
            part.misses.fetch_add(1, std::memory_order_relaxed);
            return std::nullopt;
        }
        auto& entry = found->second;
        if (state.untouched(entry)) {
            part.hits.fetch_add(1, std::memory_order_relaxed);
            if (!entry.asked_for.load(std::memory_order_relaxed)) entry.asked_for = true;
            auto standing = entry.packed.unpack();
            standing.session.last_seen_at = from_millis(entry.last_seen);
            return standing;
        }
    }
    // It will never be good again: what it says about a person must not stay longer than it has to.
    part.misses.fetch_add(1, std::memory_order_relaxed);
    std::unique_lock const lock{part.mutex};
    auto const found = part.entries.find(key);
    if (found != part.entries.end() && !state.untouched(found->second)) part.entries.erase(found);
    return std::nullopt;
}

bool HolderCache::claim_use(CredentialKey const& key, TimePoint now, std::chrono::milliseconds interval) {
    auto& part = state_->part_of(key);
    std::shared_lock const lock{part.mutex};
    auto const found = part.entries.find(key);
    if (found == part.entries.end()) return false;
    auto claimed = found->second.claimed_use.load();
    if (to_millis(now) - claimed < interval.count()) return false;
    return found->second.claimed_use.compare_exchange_strong(claimed, to_millis(now));
}

void HolderCache::recorded(CredentialKey const& key, TimePoint now) {
    auto& part = state_->part_of(key);
    std::shared_lock const lock{part.mutex};
    auto const found = part.entries.find(key);
    if (found == part.entries.end()) return;
    auto& last_seen = found->second.last_seen;
    auto seen = last_seen.load();
    while (seen < to_millis(now) && !last_seen.compare_exchange_weak(seen, to_millis(now))) {
    }
}

void HolderCache::forget(std::vector<storage::Change> const& changes) {
    // Numbered after the commit: whoever begins to read and sees this number sees what was committed too.
    auto const number = ++state_->last_change;
    for (auto const& change : changes) raise_to(std::atomic_ref{state_->changed[stripe_of(change.topic, change.key)]}, number);
}

void HolderCache::forget_all() {
    auto const number = ++state_->last_change;
    auto seen = state_->floor.load();
    while (seen < number && !state_->floor.compare_exchange_weak(seen, number)) {
    }
}

HolderCache::Counts HolderCache::counts() const {
    Counts out;
    for (std::size_t i = 0; i < state_->part_count; ++i) {
        auto& part = state_->all[i];
        std::shared_lock const lock{part.mutex};
        out.hits += part.hits.load(std::memory_order_relaxed);
        out.misses += part.misses.load(std::memory_order_relaxed);
        out.entries += part.entries.size();
    }
    return out;
}

}  // namespace zephyr::guards
