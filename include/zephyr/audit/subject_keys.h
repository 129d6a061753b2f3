// Keys that make a person's share of the audit log readable, and pseudonyms that stand for the person in it.
//
// Owns: table audit_subject_key. On SQLite it stands in a file of its own (audit/subject-keys.db), so that ordinary backups of the
// database and the log don't hold it; on PostgreSQL in the same database, to be left out of ordinary dumps by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/ids.h"
#include "zephyr/foundation/random.h"
#include "zephyr/storage/database.h"
#include "zephyr/storage/migrations.h"

namespace zephyr::audit {

namespace errors {
// The key was destroyed: the person was erased, or the time of these events is over.
inline constexpr Failure subject_erased{Kind::not_found, "audit.subject_erased"};
}  // namespace errors

// Safe from many threads. Remembers keys it used lately; a destroyed key is forgotten at once here, and by other nodes with the change
// bus (topic "audit_subject").
class SubjectKeys {
public:
    // `database` needs the table; migrations() makes it in a database of its own.
    SubjectKeys(storage::Database& database, crypto::Sealer const&, Clock const&, Random&);
    ~SubjectKeys();
    static std::vector<storage::Migration> migrations();

    // The person's pseudonym: 128 random bits as 32 hex digits. The first asks makes it.
    std::string ref_of(UserId const& person);
    std::optional<std::string> find_ref(UserId const& person);
    // Nothing once the person is erased, for refs that never were, and for strangers.
    std::optional<UserId> person_of(std::string_view ref);
    // A pseudonym for people nobody knows (a typed name that has no account): one per UTC day.
    std::string ref_of_strangers();

    // XAES-256-GCM under the key of this pseudonym, class and quarter of the year of the event's time; bound to the event's id. Empty when
    // nobody has this pseudonym (any more): what is about somebody who was erased is not kept.
    Bytes seal(std::string_view ref, RetentionClass retention, TimePoint time, std::string_view event_id, ByteView fields);
    // Fails with subject_erased, crypto::errors::sealed_data_damaged.
    Result<SecretBytes> open(std::string_view ref, RetentionClass retention, TimePoint time, std::string_view event_id, ByteView sealed);

    // Destroys the keys of every class and the link from person to pseudonym, and overwrites them in the file. Returns the pseudonym,
    // nothing when there was none. Doing it again is harmless.
    std::optional<std::string> destroy(UserId const& person);
    // Destroys keys of one class whose quarter (UTC) was over by `before`. How many.
    // But for those of the people in `kept` (pseudonyms).
    std::int64_t destroy_expired(RetentionClass retention, TimePoint before, std::vector<std::string> const& kept = {});

    // True when the keys stand in this database, so that they go in one transaction with what is in it.
    bool lives_in(storage::Database const& database) const;
    storage::Database& database();
    // Another node changed something about this person (topic "audit_subject").
    void forget(std::string_view person);
    void forget_all();

    // For many new people in one transaction of another database: while it lives on this thread, their pseudonyms and keys are collected,
    // and write() makes all of them durable at once. Call it before that transaction ends; without it, roll back. Where the keys stand in
    // the same database it does nothing, for they are part of the transaction anyway.
    class Batch {
    public:
        Batch(SubjectKeys& keys, storage::Database const& of);
        ~Batch();
        Batch(Batch const&) = delete;
        Batch& operator=(Batch const&) = delete;
        void write();  // throws StorageFault

        struct Collected;

    private:
        SubjectKeys& keys_;
        std::unique_ptr<Collected> collected_;  // null: nothing to do
    };

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::audit
