// What people hold, remembered: bounded, and every entry names what it was worked out from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

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

struct Held {
    Versions versions;
    TimePoint valid_until;  // the first moment at which a clock alone changes the answer
    std::shared_ptr<EffectiveRoles const> roles;
};

// Two generations: when the young one is full it becomes the old one and the old one goes. No entry is kept for being
// asked often; it is worked out again, which is two indexed reads.
class HeldCache {
public:
    explicit HeldCache(std::size_t capacity) : generation_size_{capacity / 2} {}

    std::shared_ptr<EffectiveRoles const> find(UserId const& user, Versions const& versions, TimePoint now) const {
        std::shared_lock const lock{mutex_};
        for (auto const* generation : {&young_, &old_}) {
            auto const found = generation->find(user);
            if (found == generation->end()) continue;
            auto const& held = found->second;
            return held.versions == versions && now < held.valid_until ? held.roles : nullptr;
        }
        return nullptr;
    }

    void keep(UserId const& user, Held held) {
        if (generation_size_ == 0) return;
        std::unique_lock const lock{mutex_};
        if (young_.size() >= generation_size_ && !young_.contains(user)) {
            old_ = std::move(young_);
            young_.clear();
        }
        young_.insert_or_assign(user, std::move(held));
    }

    std::size_t size() const {
        std::shared_lock const lock{mutex_};
        return young_.size() + old_.size();
    }

private:
    std::size_t generation_size_;
    mutable std::shared_mutex mutex_;
    std::unordered_map<UserId, Held> young_;
    std::unordered_map<UserId, Held> old_;
};

}  // namespace zephyr::rbac
