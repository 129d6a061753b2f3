// What people hold, remembered: bounded, and every entry names what it was worked out from.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rbac/graph.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/rbac/role.h"

namespace zephyr::rbac {

// The version rows: a change of either makes what was worked out before worthless.
struct Versions {
    std::int64_t roles = 0;
    std::int64_t grants = 0;
    bool operator==(Versions const&) const = default;
};

// The time in which no limit of what was looked at begins or ends: outside it the clock alone may change the answer. Both
// ends, for a clock may be set back.
struct Span {
    TimePoint from = TimePoint::min();
    TimePoint until = TimePoint::max();
    bool holds(TimePoint at) const { return from <= at && at < until; }
    // Something changes at `limit`.
    void split(TimePoint limit, TimePoint now) {
        if (limit > now) until = std::min(until, limit);
        else from = std::max(from, limit);
    }
};

struct Held {
    Versions versions;
    Span span;
    std::shared_ptr<EffectiveRoles const> roles;
};

// One answer for everybody who was given the same roles: a hundred thousand people hold a handful of different things.
class Closures {
public:
    // Names in any order. `graph` must be of a committed version.
    std::shared_ptr<EffectiveRoles const> find(Graph const& graph, std::vector<std::string> names) {
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        {
            std::lock_guard const lock{mutex_};
            auto const found = known_.find(names);
            if (version_ == graph.version && found != known_.end()) return found->second;
        }
        auto fresh = std::make_shared<EffectiveRoles const>(graph.closure(names));
        std::lock_guard const lock{mutex_};
        if (version_ < graph.version) {
            known_.clear();
            version_ = graph.version;
        }
        if (version_ == graph.version && known_.size() < most) known_.emplace(std::move(names), fresh);
        return fresh;
    }

private:
    static constexpr std::size_t most = 4096;
    std::mutex mutex_;
    std::int64_t version_ = -1;
    std::map<std::vector<std::string>, std::shared_ptr<EffectiveRoles const>> known_;
};

// In parts, so that threads seldom meet. Each part has two generations: when the young one is full it becomes the old one
// and the old one goes. No entry is kept for being asked often; it is worked out again, which is two indexed reads.
class HeldCache {
public:
    explicit HeldCache(std::size_t capacity)
        : used_parts_{capacity < small ? 1 : parts}, generation_size_{capacity / 2 / used_parts_} {}

    std::shared_ptr<EffectiveRoles const> find(UserId const& user, Versions const& versions, TimePoint now) const {
        auto const& part = part_of(user);
        std::shared_lock const lock{part.mutex};
        for (auto const* generation : {&part.young, &part.old}) {
            auto const found = generation->find(user);
            if (found == generation->end()) continue;
            auto const& held = found->second;
            return held.versions == versions && held.span.holds(now) ? held.roles : nullptr;
        }
        return nullptr;
    }

    void keep(UserId const& user, Held held) {
        if (generation_size_ == 0) return;
        auto& part = part_of(user);
        std::unique_lock const lock{part.mutex};
        if (part.young.size() >= generation_size_ && !part.young.contains(user)) {
            part.old = std::move(part.young);
            part.young.clear();
        }
        part.young.insert_or_assign(user, std::move(held));
    }

private:
    static constexpr std::size_t parts = 16;
    static constexpr std::size_t small = 1000;  // below it parts would be too small to be even
    struct Part {
        mutable std::shared_mutex mutex;
        std::unordered_map<UserId, Held> young;
        std::unordered_map<UserId, Held> old;
    };
    Part& part_of(UserId const& user) { return parts_[std::hash<UserId>{}(user) % used_parts_]; }
    Part const& part_of(UserId const& user) const { return parts_[std::hash<UserId>{}(user) % used_parts_]; }

    std::size_t used_parts_;
    std::size_t generation_size_;
    std::array<Part, parts> parts_;
};

}  // namespace zephyr::rbac
