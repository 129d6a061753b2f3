// What an application behind a proxy is told about a person beyond the sign-in: e-mail and groups.
//
// Remembered between requests, and exactly: entries are dropped by the announcements of every change they rest on
// (storage/database.h; topics "user" and "groups"), and a reading that was overtaken by one is not kept.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/storage/database.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/user_service.h"

namespace zephyr::forward {

struct Contact {
    std::string email;                // empty: none
    std::vector<std::string> groups;  // names, through nesting too, in the order of their canonical names
};

struct PeopleSettings {
    std::size_t entries = 20'000;  // 0: nothing is remembered
    // False while announcements may be missing; nothing is then believed or kept. Absent: on SQLite all are heard, on
    // PostgreSQL none of other nodes.
    std::function<bool()> hears_everything = {};
    // For how long an entry is believed at most; 0: no limit. See guards::HolderCacheSettings.
    std::chrono::milliseconds longest = std::chrono::milliseconds{0};
};

class People {
public:
    People(storage::Database&, users::UserService&, users::GroupService&, Clock const&, PeopleSettings = {});
    ~People();
    People(People const&) = delete;
    People& operator=(People const&) = delete;

    // Never null; empty for a person who is gone. Not inside a transaction. Throws StorageFault.
    std::shared_ptr<Contact const> find(UserId const&);
    // What is remembered, without asking anybody.
    std::shared_ptr<Contact const> remembered(UserId const&) const;

    // Changes another node announced; and: some may have been missed.
    void forget(std::vector<storage::Change> const&);
    void forget_all();

private:
    struct Entry {
        std::shared_ptr<Contact const> contact;
        MonotonicTime kept_at;
    };
    bool usable() const;

    storage::Engine engine_;
    users::UserService& users_;
    users::GroupService& groups_;
    Clock const& clock_;
    PeopleSettings settings_;
    std::shared_mutex mutable mutex_;
    std::unordered_map<UserId, Entry> entries_;
    std::atomic<std::uint64_t> changes_{0};
    storage::ChangeRegistration listening_;
};

}  // namespace zephyr::forward
