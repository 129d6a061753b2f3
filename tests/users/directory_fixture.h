// An empty directory over in-memory SQLite, for the tests of this room.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/personal_data.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/personal_data.h"
#include "zephyr/users/user_service.h"

namespace zephyr::users {

class DirectoryTest : public ::testing::Test {
protected:
    User add(std::string const& username, std::optional<std::string> const& email = std::nullopt) {
        auto user = users.create({.username = username, .email = email}, by_operator);
        EXPECT_TRUE(user.ok()) << user.error();
        return std::move(user).value();
    }
    Group add_group(std::string const& name) {
        auto group = groups.create(name, by_operator);
        EXPECT_TRUE(group.ok()) << group.error();
        return std::move(group).value();
    }
    std::int64_t rows(std::string const& table) {
        return database->read([&](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM " + table)->integer(0); });
    }
    // Names of the events, oldest first.
    std::vector<std::string> events() {
        std::vector<std::string> out;
        for (auto const& event : audit.query({})) out.insert(out.begin(), event.name);
        return out;
    }
    audit::StoredEvent last_event() { return audit.query({.limit = 1}).at(0); }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    std::unique_ptr<storage::Database> database = testing::memory_database();
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    UserService users{*database, audit, clock, random};
    GroupService groups{*database, audit, clock, random};
    audit::Actor const by_operator = audit::Actor::operator_cli();
};

}  // namespace zephyr::users
