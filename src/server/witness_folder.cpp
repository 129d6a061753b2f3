#include "server/witness_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::server {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_key_file = 4096;
constexpr std::size_t largest_list = 1 << 20;
constexpr std::string_view pem_begin = "-----BEGIN PRIVATE KEY-----\n";
constexpr std::string_view pem_end = "\n-----END PRIVATE KEY-----\n";

Error damaged(fs::path const& file, std::string const& why) {
    return Error{errors::witness_folder_damaged, file.string()}.with_reason(file.string() + " " + why + ".");
}

// An Ed25519 key takes one line of base64.
SecretText pem_of(crypto::SigningKey const& key) {
    return SecretText{std::string{pem_begin} + encoding::base64_encode(key.pkcs8_der().reveal()) + std::string{pem_end}};
}

Result<crypto::SigningKey> key_of(fs::path const& file, Bytes content) {
    SecretBytes const held{std::move(content)};
    auto text = as_text(held.reveal());
    if (!text.starts_with(pem_begin) || !text.ends_with(pem_end) || text.size() < pem_begin.size() + pem_end.size()) {
        return damaged(file, "is no PKCS #8 key in PEM");
    }
    text.remove_prefix(pem_begin.size());
    text.remove_suffix(pem_end.size());
    auto der = encoding::base64_decode(text);
    if (!der.ok()) return damaged(file, "is no PKCS #8 key in PEM");
    auto key = crypto::SigningKey::from_pkcs8_der(crypto::SignatureAlgorithm::ed25519, SecretBytes{std::move(der).value()});
    if (!key.ok()) return damaged(file, "is no Ed25519 key");
    return key;
}

Result<void> check_private(fs::path const& file) {
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) throw StorageFault{file.string() + ": " + std::strerror(errno)};
    if ((facts.st_mode & 077) != 0) return damaged(file, "can be read by others; say chmod 600");
    return success();
}

Result<crypto::SigningKey> load_or_create_key(fs::path const& file, bool has_memory) {
    if (auto content = read_small_file(file, largest_key_file)) {
        ZEPHYR_CHECK(check_private(file));
        return key_of(file, std::move(*content));
    }
    if (has_memory) return damaged(file, "is gone; put back its backup");
    auto key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
    replace_file(file, as_bytes(pem_of(key).reveal()));
    return key;
}

Result<std::string> load_or_keep_name(fs::path const& file, std::string const& wanted) {
    if (auto const content = read_small_file(file, largest_key_file)) {
        auto const text = as_text(*content);
        std::string kept{text.substr(0, text.find('\n'))};
        if (!wanted.empty() && wanted != kept) {
            return Error{errors::witness_name_missing}.with_reason("This witness is called \"" + kept + "\", and stays so: its signatures say it.");
        }
        return kept;
    }
    if (wanted.empty() || wanted.find_first_of(" +\n\t") != std::string::npos) {
        return Error{errors::witness_name_missing}.with_reason(
            "Give the witness a name with --name, such as the address it has: w1.example.com. It can't have spaces or '+'.");
    }
    replace_file(file, as_bytes(wanted + "\n"));
    return wanted;
}

}  // namespace

Result<WitnessFolder> WitnessFolder::open(fs::path const& folder, std::string const& name) {
    std::error_code failed;
    if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), failed);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) throw StorageFault{folder.string() + ": " + std::strerror(errno)};
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) return damaged(folder, "is no folder");
    if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) return damaged(folder, "can be written by others; say chmod go-w");
    bool const has_memory = fs::exists(folder / "state", failed);
    ZEPHYR_TRY(auto kept, load_or_keep_name(folder / "name", name));
    ZEPHYR_TRY(auto key, load_or_create_key(folder / "key", has_memory));
    return WitnessFolder{folder, tlog::NoteSigner{std::move(kept), tlog::KeyKind::cosignature, std::move(key)}};
}

WitnessFolder::WitnessFolder(WitnessFolder&& other) noexcept
    : folder_{std::move(other.folder_)}, signer_{std::move(other.signer_)}, lock_{std::exchange(other.lock_, -1)} {}

WitnessFolder::~WitnessFolder() {
    if (lock_ >= 0) ::close(lock_);
}

Result<void> WitnessFolder::lock() {
    lock_ = ::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock_ < 0) throw StorageFault{(folder_ / "lock").string() + ": " + std::strerror(errno)};
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        return Error{errors::witness_in_use}.with_reason("Another process runs the witness in " + folder_.string() + ".");
    }
    if (::mkdir(state().c_str(), 0700) == 0) sync_folder(folder_);
    else if (errno != EEXIST) throw StorageFault{state().string() + ": " + std::strerror(errno)};
    return success();
}

Result<std::vector<tlog::NoteKey>> WitnessFolder::logs() const {
    std::vector<tlog::NoteKey> keys;
    auto const content = read_small_file(folder_ / "logs", largest_list);
    std::string_view rest = content ? as_text(*content) : std::string_view{};
    while (!rest.empty()) {
        auto const end = rest.find('\n');
        auto const line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.empty() || line.starts_with('#')) continue;
        auto key = tlog::NoteKey::parse(line);
        if (!key.ok() || key.value().kind() != tlog::KeyKind::ed25519) return damaged(folder_ / "logs", "has a line that is no log's key: " + std::string{line});
        keys.push_back(std::move(key).value());
    }
    return keys;
}

Result<bool> WitnessFolder::add_log(std::string_view vkey) const {
    ZEPHYR_TRY(auto const key, tlog::NoteKey::parse(vkey));
    if (key.kind() != tlog::KeyKind::ed25519) return Error{tlog::errors::vkey_malformed}.with_reason("This is a witness's key, not a log's.");
    ZEPHYR_TRY(auto const known, logs());
    for (auto const& each : known) {
        if (each.vkey() == key.vkey()) return false;
    }
    auto const before = read_small_file(folder_ / "logs", largest_list);
    auto text = before ? to_text(*before) : std::string{};
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    replace_file(folder_ / "logs", as_bytes(text + key.vkey() + "\n"));
    return true;
}

}  // namespace zephyr::server
