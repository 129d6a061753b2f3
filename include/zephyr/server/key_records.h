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
    // Refuses as reconcile does, and changes nothing: before other things are opened with these keys.
    Result<void> check(crypto::Keyring const& keyring);
    // The start-up check. An empty table learns the keyring. A keyring whose active key is new and which still holds all the others is a
    // rotation in progress and is taken over. Anything else fails with crypto.master_key_mismatch, its reason naming the ids.
    Result<void> reconcile(crypto::Keyring const& keyring, audit::AuditLog& audit);

private:
    storage::Database& database_;
    Clock const& clock_;
};

// Seals again under the active key what an older key sealed, a piece at a time, each from where the last one ended. What passwords were
// peppered with changes at each person's next sign-in instead.
class Resealer {
public:
    // `subject_keys_alone`: the database holds nothing but the audit log's subject keys.
    Resealer(storage::Database& database, crypto::Sealer const& sealer, bool subject_keys_alone = false)
        : database_{database}, sealer_{sealer}, subject_keys_alone_{subject_keys_alone} {}

    struct Progress {
        std::size_t sealed = 0;  // values that now lie under the active key
        bool finished = false;   // a pass over all tables has found nothing to do
    };
    // Looks at the next `rows` rows (at least 1). Throws StorageFault, and then takes the same rows again.
    Progress next(std::size_t rows);

private:
    static constexpr std::size_t at_once = 50;  // values a transaction: others write too
    void begin_next_column();

    storage::Database& database_;
    crypto::Sealer const& sealer_;
    bool subject_keys_alone_;
    std::size_t column_ = 0;
    std::string after_;
    std::size_t in_this_pass_ = 0;
    bool finished_ = false;
};

}  // namespace zephyr::server
