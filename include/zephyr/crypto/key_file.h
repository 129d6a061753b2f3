// Where master keys are kept: a text file (key_text.h has its form) that belongs to the server's user alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "zephyr/crypto/key_text.h"
#include "zephyr/crypto/keyring.h"

namespace zephyr::crypto {

// Each carries a reason: a sentence for the operator, naming the file and the way out, never a key.
namespace errors {
inline constexpr Failure key_file_missing{Kind::not_found, "crypto.key_file_missing"};
inline constexpr Failure key_file_exists{Kind::conflict, "crypto.key_file_exists"};
inline constexpr Failure key_file_permissions{Kind::denied, "crypto.key_file_permissions"};
inline constexpr Failure key_file_inside_data{Kind::denied, "crypto.key_file_inside_data"};
inline constexpr Failure key_file_unreadable{Kind::unavailable, "crypto.key_file_unreadable"};
inline constexpr Failure key_file_unwritable{Kind::unavailable, "crypto.key_file_unwritable"};
}  // namespace errors

struct KeySources {
    std::filesystem::path data_folder;
    // A file the operator keeps outside the data folder, so that a copy of the folder is worth nothing without it.
    std::optional<std::filesystem::path> key_file;
    // systemd's credential folder; the file in it is "zephyr.key". See systemd_credentials_folder().
    std::optional<std::filesystem::path> credentials_folder;
};
// $CREDENTIALS_DIRECTORY, if set and not empty.
std::optional<std::filesystem::path> systemd_credentials_folder();

// Whether anything may already be sealed. Only the caller knows; a wrong `none_yet` is how data gets lost.
enum class DatabaseState { none_yet, exists };
enum class KeyOrigin { key_file, credential, data_folder, made_now };

struct LoadedKeys {
    Keyring keyring;
    KeyOrigin origin;
    std::filesystem::path path;
};

// In this order: the operator's file if one is named (it must exist, outside the data folder); else the credential
// "zephyr.key" if it exists; else `master.key` in the data folder; else, only with `none_yet`, a new key written
// there. A key is never made while a database exists: that fails with key_file_missing.
//
// A file must be a regular file, owned by this user, and closed to group and others (0600 or less): otherwise
// key_file_permissions. A credential may also belong to root and be readable by its group, as systemd makes them.
// Two processes that start at once get the same key.
Result<LoadedKeys> load_or_create_keys(KeySources const& sources, DatabaseState database, Random& random);

inline constexpr std::string_view data_folder_key_name = "master.key";
std::filesystem::path data_folder_key(std::filesystem::path const& data_folder);

// One file, with the checks above; key_file_malformed when it is damaged.
Result<Keyring> load_key_file(std::filesystem::path const& path);
// Makes a file with one new key: 0600, file and folder synced to disk. key_file_exists when anything is there already;
// the file appears whole or not at all.
Result<Keyring> create_key_file(std::filesystem::path const& path, Random& random);

// Changes to the file: written aside, synced, renamed over the old one (0600), the folder synced and locked meanwhile.
// A running server goes on with the keys it has until Sealer::replace or a restart. With several nodes, add a standby
// key, hand the file to every node, then activate it: no node ever meets a value it cannot open.
Result<Keyring> rotate_key_file(std::filesystem::path const& path, Random& random);    // new key, active at once
Result<Keyring> add_standby_key(std::filesystem::path const& path, Random& random);    // new key, last
Result<Keyring> activate_key(std::filesystem::path const& path, std::string_view id);  // unknown_key
Result<Keyring> retire_key(std::filesystem::path const& path, std::string_view id);    // unknown_key, master_key_active

}  // namespace zephyr::crypto
