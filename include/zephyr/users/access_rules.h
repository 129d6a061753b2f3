// What room rbac has to say about changes to users and groups, within their transaction. Users do not know roles;
// this is the interface they own.
#pragma once

#include <functional>

#include "zephyr/audit/event.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/result.h"
#include "zephyr/storage/database.h"

namespace zephyr::users {

class AccessRules {
public:
    virtual ~AccessRules() = default;
    // Runs `change`, which may take access away from somebody, and may refuse the outcome; the caller then rolls back.
    virtual Result<void> around(storage::Transaction& tx, audit::Actor const& actor,
                                std::function<Result<void>()> const& change) = 0;
    // May this actor change that person's account? Not if the person holds more: else whoever may edit accounts could
    // become an administrator by taking one over. Everybody may change their own.
    virtual Result<void> may_change(storage::Transaction& tx, audit::Actor const& actor, UserId const& user) = 0;
    // May this actor let somebody into the group, and so into every role the group and its parents carry? Asked before
    // anything is written.
    virtual Result<void> may_join(storage::Transaction& tx, audit::Actor const& actor, GroupId const& group) = 0;
    // States or memberships changed in this transaction.
    virtual void changed(storage::Transaction& tx) = 0;
    // The group is about to go: forget what it carried.
    virtual void group_removed(storage::Transaction& tx, GroupId const& group) = 0;
};

}  // namespace zephyr::users
