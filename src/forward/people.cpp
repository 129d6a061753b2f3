#include "zephyr/forward/people.h"

#include <mutex>

namespace zephyr::forward {

People::People(storage::Database& database, users::UserService& users, users::GroupService& groups, Clock const& clock,
               PeopleSettings settings)
    : engine_{database.engine()}, users_{users}, groups_{groups}, clock_{clock}, settings_{std::move(settings)} {
    listening_ = database.on_change([this](std::vector<storage::Change> const& changes) { forget(changes); });
}

People::~People() { listening_ = {}; }

bool People::usable() const {
    if (settings_.entries == 0) return false;
    return settings_.hears_everything ? settings_.hears_everything() : engine_ == storage::Engine::sqlite;
}

std::shared_ptr<Contact const> People::remembered(UserId const& id) const {
    if (!usable()) return nullptr;
    std::shared_lock const lock{mutex_};
    auto const found = entries_.find(id);
    if (found == entries_.end()) return nullptr;
    bool const too_old = settings_.longest.count() > 0 && clock_.monotonic() - found->second.kept_at >= settings_.longest;
    return too_old ? nullptr : found->second.contact;
}

std::shared_ptr<Contact const> People::find(UserId const& id) {
    if (auto known = remembered(id)) return known;
    // Before the first question: what is announced from here on may be missing in the answers.
    auto const before = changes_.load();
    auto const began = clock_.monotonic();
    auto contact = std::make_shared<Contact>();
    if (auto const user = users_.find(id); user.ok()) {
        contact->email = user.value().email.value_or("");
        contact->groups = groups_.names_of(id);
    }
    if (usable()) {
        std::unique_lock const lock{mutex_};
        // Everything is read again when full: simple, and rare with as many places as people who are about.
        if (entries_.size() >= settings_.entries) entries_.clear();
        if (changes_.load() == before) entries_.insert_or_assign(id, Entry{contact, began});
    }
    return contact;
}

void People::forget(std::vector<storage::Change> const& changes) {
    for (auto const& change : changes) {
        if (change.topic == "groups") return forget_all();
        if (change.topic != "user") continue;
        std::unique_lock const lock{mutex_};
        ++changes_;
        entries_.erase(UserId::trusted(change.key));
    }
}

void People::forget_all() {
    std::unique_lock const lock{mutex_};
    ++changes_;
    entries_.clear();
}

}  // namespace zephyr::forward
