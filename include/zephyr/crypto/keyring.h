// Secrets at rest: master keys, and the Sealer that encrypts single values under them.
//
// Where the keys come from is key_file.h. Everything here is safe to share between threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/random.h"
#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::crypto {

namespace errors {
// Sealed under a key that this node does not hold.
inline constexpr Failure unknown_key{Kind::unavailable, "crypto.unknown_key"};
// Changed, cut, or moved here from another table, row or column.
inline constexpr Failure sealed_data_damaged{Kind::invalid, "crypto.sealed_data_damaged"};
inline constexpr Failure master_key_malformed{Kind::invalid, "crypto.master_key_malformed"};
inline constexpr Failure duplicate_master_key{Kind::conflict, "crypto.duplicate_master_key"};
inline constexpr Failure too_many_master_keys{Kind::invalid, "crypto.too_many_master_keys"};
// The active key may not be retired.
inline constexpr Failure master_key_active{Kind::conflict, "crypto.master_key_active"};
// This node's keys are not the database's.
inline constexpr Failure master_key_mismatch{Kind::conflict, "crypto.master_key_mismatch"};
}  // namespace errors

// 32 secret bytes and the id they have everywhere: 16 hex digits, the start of SHA-256("zephyr master key id" || key).
// The id tells nothing about the key and may be logged and stored.
class MasterKey {
public:
    static constexpr std::size_t size_bytes = 32;
    static MasterKey generate(Random& random);
    // master_key_malformed unless there are exactly 32 bytes.
    static Result<MasterKey> from_bytes(SecretBytes key);

    std::string const& id() const { return id_; }
    SecretBytes const& bytes() const { return bytes_; }

private:
    MasterKey(SecretBytes bytes, std::string id) : bytes_{std::move(bytes)}, id_{std::move(id)} {}
    SecretBytes bytes_;
    std::string id_;
};

// One to 64 master keys with different ids. The first is active: it seals. The others only open.
class Keyring {
public:
    static constexpr std::size_t max_keys = 64;
    explicit Keyring(MasterKey active);
    // In the order given. Fails with master_key_malformed when empty, duplicate_master_key, too_many_master_keys.
    static Result<Keyring> from_keys(std::vector<MasterKey> keys);

    MasterKey const& active() const { return keys_.front(); }
    MasterKey const* find(std::string_view id) const;
    std::vector<MasterKey> const& keys() const { return keys_; }
    std::vector<std::string> ids() const;  // active first

    // New keyrings; this one stays as it is.
    Result<Keyring> with_active(MasterKey key) const;       // new key first
    Result<Keyring> with_standby(MasterKey key) const;      // new key last: opens, does not seal yet
    Result<Keyring> activating(std::string_view id) const;  // a held key becomes the first; unknown_key
    Result<Keyring> without(std::string_view id) const;     // unknown_key, master_key_active

private:
    explicit Keyring(std::vector<MasterKey> keys) : keys_{std::move(keys)} {}
    std::vector<MasterKey> keys_;
};

// What the database remembers about keys, for the start-up check.
struct DatabaseKeys {
    std::string active_id;                // the key that sealed last
    std::vector<std::string> needed_ids;  // every key something may still be sealed under
};
// Fails with master_key_mismatch, with a reason naming the ids, unless the keyring holds every needed key and has the
// database's active key active.
Result<void> check_database_keys(Keyring const& keyring, DatabaseKeys const& database);

// The one place a sealed value belongs to. A value copied to another place does not open there.
struct Place {
    std::string_view table;
    std::string_view row;  // the primary key as text
    std::string_view column;
};

// A key for one purpose and the id of the master key it came from.
struct DerivedKey {
    std::string master_key_id;
    SecretBytes key;  // 32 bytes
};

// Seals single values: version (1 byte), key id (8), random nonce (24), ciphertext, tag (16), under XAES-256-GCM.
// The associated data names version, key id, table, row and column, each with its length in front, so that no two
// places share one ("ab","c" is not "a","bc").
class Sealer {
public:
    static constexpr std::size_t overhead_bytes = 1 + 8 + 24 + 16;

    // Keeps `random` by reference: it must outlive the sealer.
    Sealer(Keyring keyring, Random& random);

    Bytes seal(Place place, ByteView secret) const;
    Bytes seal(Place place, SecretBytes const& secret) const { return seal(place, secret.reveal()); }
    Bytes seal(Place place, SecretText const& secret) const { return seal(place, as_bytes(secret.reveal())); }
    // Fails with unknown_key or sealed_data_damaged.
    Result<SecretBytes> open(Place place, ByteView sealed) const;

    std::string active_key_id() const;
    // True for anything not sealed by the active key: seal it again after opening, so that an old key can be retired.
    bool needs_reseal(ByteView sealed) const;
    // The id written in a sealed value; empty when it is no sealed value. Not yet authenticated: for reports and
    // counts.
    static std::string key_id_of(ByteView sealed);

    // A 32-byte key for one purpose, such as "session token mac": HKDF-SHA-256 of the *active* master key. It changes
    // when the active key does, so that retiring a master key retires everything made from it. Whoever stores values
    // made with it stores the master key id beside them, or tries derive_all in turn.
    SecretBytes derive(std::string_view purpose) const;
    // For every held key, active first.
    std::vector<DerivedKey> derive_all(std::string_view purpose) const;
    // For one held key; unknown_key.
    Result<SecretBytes> derive_from(std::string_view master_key_id, std::string_view purpose) const;

    // Goes on with other keys, here and in every copy of this sealer: after a rotation, in a running server. Values and
    // derived keys that callers hold already stay as they are.
    void replace(Keyring keyring);

private:
    struct State;
    struct Shared;
    std::shared_ptr<State const> state() const;
    std::shared_ptr<Shared> shared_;
    Random* random_;
};

}  // namespace zephyr::crypto
