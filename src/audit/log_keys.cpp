#include "zephyr/audit/log_keys.h"

#include <algorithm>
#include <mutex>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/record.h"
#include "zephyr/crypto/signatures.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::audit {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view new_key_field = "new_key";
constexpr std::string_view old_key_field = "old_key";
constexpr std::size_t largest_key_file = 4096;

// Loading seals a file again, which must not put the old key over the one a change has just moved there.
std::mutex files_mutex;

fs::path current_file(fs::path const& folder) { return folder / "signing-key"; }
fs::path next_file(fs::path const& folder) { return folder / "signing-key.next"; }

// One place for both files, so that the next key becomes the current one by a rename.
constexpr crypto::Place place{"audit_files", "signing-key", "pkcs8"};

void write_key(fs::path const& file, crypto::SigningKey const& key, crypto::Sealer const& sealer) {
    replace_file(file, sealer.seal(place, key.pkcs8_der()));
}

Error damaged(fs::path const& file, std::string_view why) {
    return Error{errors::log_key_damaged, file.string() + ": " + std::string{why}}.with_reason(
        "The key that signs the audit log, " + file.string() + ", can't be opened. Put back its backup, or the master key it was sealed under.");
}

// Nothing when there is no such file.
Result<std::optional<crypto::SigningKey>> read_key(fs::path const& file, crypto::Sealer const& sealer) {
    auto const sealed = read_small_file(file, largest_key_file);
    if (!sealed) return std::optional<crypto::SigningKey>{};
    auto const der = sealer.open(place, *sealed);
    if (!der.ok()) return damaged(file, der.error().id());
    auto key = crypto::SigningKey::from_pkcs8_der(crypto::SignatureAlgorithm::ed25519, der.value());
    if (!key.ok()) return damaged(file, key.error().id());
    if (sealer.needs_reseal(*sealed)) write_key(file, key.value(), sealer);
    return std::optional{std::move(key).value()};
}

bool any_log(fs::path const& audit_folder) {
    std::error_code none;
    for (auto const& epoch : fs::directory_iterator{audit_folder / "epochs", none}) {
        if (fs::exists(epoch.path() / "origin", none) || fs::exists(epoch.path() / "checkpoints", none)) return true;
    }
    return false;
}

tlog::NoteSigner signer_of(std::string const& origin, crypto::SigningKey key) {
    return tlog::NoteSigner{origin, tlog::KeyKind::ed25519, std::move(key)};
}

// The last checkpoint, of a log that is there and can be read. What is wrong with one that can't, LogWriter::open says.
std::optional<tlog::SignedCheckpoint> last_of(fs::path const& log_folder) {
    auto reader = tlog::LogReader::open(log_folder);
    if (!reader.ok()) return std::nullopt;
    auto last = reader.value()->last_checkpoint();
    if (!last.ok() || last.value().note.signatures.empty()) return std::nullopt;
    return std::move(last).value();
}

Result<tlog::NoteKey> finish_change(AuditLog& audit, tlog::LogWriter& log, fs::path const& audit_folder, tlog::NoteSigner next,
                                    Actor const& actor) {
    auto const key = next.key();
    if (log.public_key().id() != key.id()) {  // else all but the renaming went well the last time
        audit.append({.code = codes::audit_key_changed,
                      .actor = actor,
                      .details = {{std::string{old_key_field}, log.public_key().vkey()}, {std::string{new_key_field}, key.vkey()}}});
        ZEPHYR_CHECK(log.change_key(std::move(next)));
    }
    std::error_code failed;
    fs::rename(next_file(audit_folder), current_file(audit_folder), failed);
    if (failed) throw StorageFault{next_file(audit_folder).string() + ": rename: " + failed.message()};
    sync_folder(audit_folder);
    return key;
}

bool has_signed(tlog::SignedCheckpoint const& checkpoint, tlog::NoteSigner const& signer) {
    return tlog::verify_note(checkpoint.note, signer.key()).ok();
}

}  // namespace

Result<LogKeys> load_or_create_log_keys(fs::path const& audit_folder, fs::path const& log_folder, std::string const& origin,
                                        crypto::Sealer const& sealer) {
    std::lock_guard const guard{files_mutex};
    ZEPHYR_TRY(auto current, read_key(current_file(audit_folder), sealer));
    if (!current) {
        if (any_log(audit_folder)) {
            return Error{errors::log_key_missing, current_file(audit_folder).string()}.with_reason(
                "There is an audit log, but not the key that signs it, " + current_file(audit_folder).string() + ". Put back its backup.");
        }
        current = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
        write_key(current_file(audit_folder), *current, sealer);
    }
    ZEPHYR_TRY(auto const next, read_key(next_file(audit_folder), sealer));
    LogKeys keys{signer_of(origin, *current)};
    if (next) keys.next = signer_of(origin, *next);

    auto const last = last_of(log_folder);
    if (!last || last->checkpoint.origin != origin) return keys;
    if (keys.next && has_signed(*last, *keys.next)) {
        // The change went through, and the crash came before the file was moved. The old key must sign nothing more.
        fs::rename(next_file(audit_folder), current_file(audit_folder));
        sync_folder(audit_folder);
        return LogKeys{std::move(*keys.next)};
    }
    if (has_signed(*last, keys.current)) return keys;
    return Error{errors::log_key_wrong, origin}.with_reason("The audit log's last checkpoint was signed by another key than " +
                                                            current_file(audit_folder).string() + ". Put back the key of this log.");
}

Result<tlog::NoteKey> rotate_log_key(AuditLog& audit, tlog::LogWriter& log, fs::path const& audit_folder, crypto::Sealer const& sealer,
                                     Actor const& actor) {
    std::lock_guard const guard{files_mutex};
    ZEPHYR_TRY(auto begun, read_key(next_file(audit_folder), sealer));  // a change that failed half-way goes on with its key
    if (!begun) {
        begun = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
        write_key(next_file(audit_folder), *begun, sealer);
    }
    return finish_change(audit, log, audit_folder, signer_of(log.public_key().name(), *begun), actor);
}

Result<tlog::NoteKey> finish_key_change(AuditLog& audit, tlog::LogWriter& log, fs::path const& audit_folder, tlog::NoteSigner next,
                                        Actor const& actor) {
    std::lock_guard const guard{files_mutex};
    return finish_change(audit, log, audit_folder, std::move(next), actor);
}

std::optional<std::string> next_log_key(ByteView entry) {
    // Cheap for the many that are none: the code stands in the entry as it is.
    if (as_text(entry).find(codes::audit_key_changed) == std::string_view::npos) return std::nullopt;
    auto const record = Record::parse(entry);
    if (!record.ok() || record.value().code != codes::audit_key_changed) return std::nullopt;
    for (auto const& [name, value] : record.value().details) {
        if (name == new_key_field) return value;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> kept_from(ByteView entry) {
    if (as_text(entry).find(codes::audit_segments_deleted) == std::string_view::npos) return std::nullopt;
    auto const record = Record::parse(entry);
    if (!record.ok() || record.value().code != codes::audit_segments_deleted) return std::nullopt;
    for (auto const& [name, value] : record.value().details) {
        auto const index = name == "first_kept" ? parse_integer(value) : std::nullopt;
        if (index && *index >= 0) return static_cast<std::uint64_t>(*index);
    }
    return std::nullopt;
}

}  // namespace zephyr::audit
