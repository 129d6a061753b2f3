// The key that signs the log's checkpoints: where it is kept, and how it is changed.
//
// <audit folder>/signing-key       the key that signs, PKCS #8, sealed under the master key
// <audit folder>/signing-key.next  only while a key is changed: the key that will sign
//
// A change survives a crash at every point. The next key is on disk before the log speaks of it; the log says so in an entry
// (audit.key_changed) before a checkpoint bears the next key's signature; and the first such checkpoint bears both signatures. So a reader
// who knows one key only follows the log to the next.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "zephyr/audit/event.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"
#include "zephyr/tlog/log.h"
#include "zephyr/tlog/note.h"

namespace zephyr::audit {

class AuditLog;

namespace errors {
// There is a log, but no key file: it was lost, and making another in silence would hide that.
inline constexpr Failure log_key_missing{Kind::conflict, "audit.log_key_missing"};
// The key file is there and can't be opened: changed, cut, or sealed under a master key that this node does not hold.
inline constexpr Failure log_key_damaged{Kind::conflict, "audit.log_key_damaged"};
// The last checkpoint bears the signature of none of the keys in the folder.
inline constexpr Failure log_key_wrong{Kind::conflict, "audit.log_key_wrong"};
}  // namespace errors

struct LogKeys {
    tlog::NoteSigner current;  // what tlog::LogWriter::open takes
    // A change that was begun and not finished: hand it to finish_key_change once the log is open.
    std::optional<tlog::NoteSigner> next = std::nullopt;
};

// The keys for the log in `log_folder`, whose origin is the keys' name. Makes the first key when no epoch of `audit_folder` has a log
// yet, and seals the files again where another master key is active by now. Fails with log_key_missing, log_key_damaged, log_key_wrong;
// throws StorageFault.
Result<LogKeys> load_or_create_log_keys(std::filesystem::path const& audit_folder, std::filesystem::path const& log_folder,
                                        std::string const& origin, crypto::Sealer const& sealer);

// Lets a new key sign from now on, and tells it. Fails as tlog::LogWriter::change_key does; may throw AuditUnavailable and StorageFault:
// then the old key signs on, and the change is finished at the next start.
Result<tlog::NoteKey> rotate_log_key(AuditLog& audit, tlog::LogWriter& log, std::filesystem::path const& audit_folder,
                                     crypto::Sealer const& sealer, Actor const& actor);
// The rest of a change that was begun. The entry may stand in the log twice; that says nothing new.
Result<tlog::NoteKey> finish_key_change(AuditLog& audit, tlog::LogWriter& log, std::filesystem::path const& audit_folder,
                                        tlog::NoteSigner next, Actor const& actor);

// For tlog::VerifyOptions::key_change: the vkey of the next key when the entry is audit.key_changed.
std::optional<std::string> next_log_key(ByteView entry);
// For tlog::VerifyOptions::deletion: the first index that was kept, when the entry is audit.segments_deleted.
std::optional<std::uint64_t> kept_from(ByteView entry);

}  // namespace zephyr::audit
