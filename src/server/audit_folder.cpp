#include "server/audit_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "zephyr/audit/epochs.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::server {

namespace fs = std::filesystem;

namespace {

void make_private_folder(fs::path const& folder) {
    std::error_code failed;
    if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), failed);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw StorageFault{"audit: cannot make " + folder.string() + ": " + std::strerror(errno)};
    }
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) throw StorageFault{"audit: " + folder.string() + " is no folder"};
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) throw StorageFault{"audit: others may write in " + folder.string() + "; say chmod go-w"};
}

// Empty when the folder has none yet.
std::string stored_node_name(fs::path const& folder) {
    constexpr std::size_t longest = 64;
    auto const content = read_small_file(folder / "node", longest);
    if (!content) return {};
    auto const text = as_text(*content);
    return std::string{text.substr(0, text.find('\n'))};
}

// Random: names of machines change and repeat, and a log keeps its name for good.
std::string node_name(fs::path const& folder, Random& random) {
    if (auto known = stored_node_name(folder); !known.empty()) return known;
    auto const name = encoding::hex_encode(random.bytes(4));
    replace_file(folder / "node", as_bytes(name + "\n"));
    return name;
}

std::unique_ptr<storage::Database> open_subject_keys(fs::path const& folder, Outside outside) {
    auto database = storage::open_sqlite({.path = (folder / "subject-keys.db").string(), .readers = 4});
    auto const migrated = storage::migrate(*database, audit::SubjectKeys::migrations(), outside.clock);
    if (!migrated.ok()) throw Fault{"audit: subject-keys.db: " + std::string{migrated.error().id()}};
    return database;
}

// A volume that is not mounted must not begin another log. How many entries there are, Trail::open compares, once the log is open.
Result<void> check_is_there(storage::Database& database, fs::path const& folder, std::string const& public_url) {
    auto const node = stored_node_name(folder);
    auto const epoch = audit::current_epoch(folder, audit::log_origin(public_url, node));
    std::error_code unknown;  // opening it says what is wrong
    bool const log_there = fs::exists(epoch.folder / "origin", unknown) || unknown;
    return audit::check_log_known(database, node, epoch.number, log_there ? std::numeric_limits<std::uint64_t>::max() : 0);
}

Error with_reason(Error error, fs::path const& folder) {
    if (!error.reason().empty()) return error;
    auto sentence = "The audit log in " + folder.string() + " can't be opened (" + std::string{error.id()} + "): " + std::string{error.detail()} + ".";
    return std::move(error).with_reason(std::move(sentence));
}

}  // namespace

fs::path audit_folder(config::Settings const& settings, fs::path const& data) {
    return settings.audit.folder.empty() ? data / "audit" : fs::path{settings.audit.folder};
}

Result<OpenedAudit> open_audit(config::Settings const& settings, fs::path const& data, crypto::Keyring const& keyring, storage::Database& database,
                               Outside outside) {
    auto const folder = audit_folder(settings, data);
    ZEPHYR_CHECK(check_is_there(database, folder, settings.server.public_url));
    make_private_folder(folder);
    make_private_folder(folder / "epochs");
    crypto::Sealer const sealer{keyring, outside.random};
    OpenedAudit out;
    out.parts.folder = folder;
    std::error_code none;
    bool const had_keys = fs::exists(folder / "subject-keys.db", none);
    out.parts.node = node_name(folder, outside.random);
    auto const base = audit::log_origin(settings.server.public_url, out.parts.node);
    auto const epoch = audit::current_epoch(folder, base);
    for (auto const& earlier : audit::all_epochs(folder, base)) {
        if (earlier.number < epoch.number) out.parts.earlier_epochs.insert(out.parts.earlier_epochs.begin(), earlier.folder);
    }
    ZEPHYR_TRY(auto keys, audit::load_or_create_log_keys(folder, epoch.folder, epoch.origin, sealer));
    auto writer = tlog::LogWriter::open({.folder = epoch.folder,
                                         .origin = epoch.origin,
                                         .segment_bytes = static_cast<std::uint64_t>(settings.audit.segment_bytes),
                                         .max_entry_bytes = audit::Record::max_bytes,
                                         .checkpoint_every = settings.audit.checkpoint_every},
                                        std::move(keys.current), outside.clock, outside.log);
    if (!writer.ok()) return with_reason(writer.error(), epoch.folder);
    out.parts.writer = std::move(writer).value();
    auto reader = tlog::LogReader::open(epoch.folder);
    if (!reader.ok()) return with_reason(reader.error(), epoch.folder);
    out.parts.reader = std::move(reader).value();
    out.parts.log_folder = epoch.folder;
    if (settings.storage.url.empty()) {
        out.parts.subject_keys = open_subject_keys(folder, outside);
        // Its own backups end sooner than the others', so that people who were erased don't come back with it.
        if (!had_keys && out.parts.writer->size() > 0) outside.log.warning("audit.subject_keys_missing", {{"folder", folder.string()}});
    }
    out.trail = {.node = out.parts.node, .epoch = epoch.number, .gap_file = folder / "gap", .first = audit::epoch_begun(epoch)};
    out.next_key = std::move(keys.next);
    return out;
}

Result<void> begin_audit(Stack& stack, OpenedAudit& opened) {
    ZEPHYR_CHECK(stack.begin_trail(std::move(opened.trail)));
    if (opened.next_key) {
        ZEPHYR_CHECK(audit::finish_key_change(stack.audit, *stack.audit_log.writer, stack.audit_log.folder, std::move(*opened.next_key),
                                              audit::Actor::system()));
    }
    stack.audit.carry_out_erasures();
    return success();
}

}  // namespace zephyr::server
