// What the database remembers of the master keys, so that a node with other keys refuses to start and a rotation can finish.
//
// Owns: table master_key. Emits: keys.created, keys.rotated, keys.resealed.
#pragma once

#include <string>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/storage/database.h"

namespace zephyr::server {

struct KeyRecord {
    std::string id;
    bool active = false;
    TimePoint first_seen_at;
};

class KeyRecords {
public:
    KeyRecords(storage::Database& database, Clock const& clock) : database_{database}, clock_{clock} {}

    std::vector<KeyRecord> list();
    // The start-up check. An empty table learns the keyring. A keyring whose active key is new and which still holds all the others is a
    // rotation in progress and is taken over. Anything else fails with crypto.master_key_mismatch, its reason naming the ids.
    Result<void> reconcile(crypto::Keyring const& keyring, audit::AuditLog& audit);

private:
    storage::Database& database_;
    Clock const& clock_;
};

// Seals up to `limit` values again that an older key sealed; how many. Zero: nothing is left to do. What passwords were peppered with
// changes at each person's next sign-in instead.
std::size_t reseal(storage::Database& database, crypto::Sealer const& sealer, std::size_t limit);

}  // namespace zephyr::server
