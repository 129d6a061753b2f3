#include "zephyr/crypto/keyring.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include "zephyr/crypto/aead.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/crypto/hkdf.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

namespace {

constexpr std::size_t id_bytes = 8;

std::string id_of(ByteView key) {
    Bytes labelled = to_bytes("zephyr master key id");
    labelled.reserve(labelled.size() + key.size());
    labelled.insert(labelled.end(), key.begin(), key.end());
    auto const digest = sha256(labelled);
    wipe(labelled.data(), labelled.size());
    return encoding::hex_encode(ByteView{digest}.first(id_bytes));
}

constexpr std::byte sealed_version{1};
constexpr std::size_t header_bytes = 1 + id_bytes;
constexpr std::size_t nonce_end = header_bytes + aead_long_nonce_bytes;
static_assert(Sealer::overhead_bytes == nonce_end + aead_tag_bytes);

// The labels differ in their first word, so no purpose can name the sealing key.
SecretBytes sealing_key(MasterKey const& master) {
    return hkdf_sha256(master.bytes().reveal(), as_bytes("zephyr master key v1"), as_bytes("seal"), aead_key_bytes);
}
SecretBytes purpose_key(MasterKey const& master, std::string_view purpose) {
    auto const info = "derive " + std::string{purpose};
    return hkdf_sha256(master.bytes().reveal(), as_bytes("zephyr master key v1"), as_bytes(info), 32);
}

void append_with_length(Bytes& out, std::string_view text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw Fault{"crypto: a place's name beyond 4 GiB"};
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(text.size() >> shift));
    auto const bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes associated_data(ByteView header, Place place) {
    constexpr std::size_t length_bytes = 4;
    Bytes out;
    out.reserve(header.size() + 3 * length_bytes + place.table.size() + place.row.size() + place.column.size());
    out.insert(out.end(), header.begin(), header.end());  // version and key id: fixed length
    append_with_length(out, place.table);
    append_with_length(out, place.row);
    append_with_length(out, place.column);
    return out;
}

Bytes header_for(std::string_view key_id) {
    auto const id = encoding::hex_decode(key_id);
    Bytes header{sealed_version};
    header.insert(header.end(), id.value().begin(), id.value().end());
    return header;
}

}  // namespace

MasterKey MasterKey::generate(Random& random) {
    SecretBytes key{random.bytes(size_bytes)};
    auto id = id_of(key.reveal());
    return MasterKey{std::move(key), std::move(id)};
}

Result<MasterKey> MasterKey::from_bytes(SecretBytes key) {
    if (key.size() != size_bytes) return errors::master_key_malformed;
    auto id = id_of(key.reveal());
    return MasterKey{std::move(key), std::move(id)};
}

Keyring::Keyring(MasterKey active) {
    keys_.push_back(std::move(active));
}

Result<Keyring> Keyring::from_keys(std::vector<MasterKey> keys) {
    if (keys.empty()) return Error{errors::master_key_malformed, "no key at all"};
    if (keys.size() > max_keys) return errors::too_many_master_keys;
    std::vector<std::string> ids;
    for (auto const& key : keys) ids.push_back(key.id());
    std::sort(ids.begin(), ids.end());
    if (auto const twin = std::adjacent_find(ids.begin(), ids.end()); twin != ids.end())
        return Error{errors::duplicate_master_key, *twin};
    return Keyring{std::move(keys)};
}

MasterKey const* Keyring::find(std::string_view id) const {
    auto const found = std::find_if(keys_.begin(), keys_.end(), [&](MasterKey const& key) { return key.id() == id; });
    return found == keys_.end() ? nullptr : &*found;
}

std::vector<std::string> Keyring::ids() const {
    std::vector<std::string> out;
    for (auto const& key : keys_) out.push_back(key.id());
    return out;
}

Result<Keyring> Keyring::with_active(MasterKey key) const {
    auto keys = keys_;
    keys.insert(keys.begin(), std::move(key));
    return from_keys(std::move(keys));
}

Result<Keyring> Keyring::with_standby(MasterKey key) const {
    auto keys = keys_;
    keys.push_back(std::move(key));
    return from_keys(std::move(keys));
}

Result<Keyring> Keyring::activating(std::string_view id) const {
    if (find(id) == nullptr) return Error{errors::unknown_key, std::string{id}};
    auto keys = keys_;
    std::stable_partition(keys.begin(), keys.end(), [&](MasterKey const& key) { return key.id() == id; });
    return Keyring{std::move(keys)};
}

Result<Keyring> Keyring::without(std::string_view id) const {
    if (find(id) == nullptr) return Error{errors::unknown_key, std::string{id}};
    if (active().id() == id) return Error{errors::master_key_active, std::string{id}};
    auto keys = keys_;
    std::erase_if(keys, [&](MasterKey const& key) { return key.id() == id; });
    return Keyring{std::move(keys)};
}

Result<void> check_database_keys(Keyring const& keyring, DatabaseKeys const& database) {
    for (auto const& id : database.needed_ids) {
        if (keyring.find(id) != nullptr) continue;
        return Error{errors::master_key_mismatch, id}.with_reason(
            "The database holds secrets sealed under master key " + id +
            ", which this node does not have. Its active key is " + keyring.active().id() +
            ". Give this node the key file that belongs to the database.");
    }
    if (keyring.active().id() == database.active_id) return success();
    return Error{errors::master_key_mismatch, database.active_id}.with_reason(
        "The database expects master key " + database.active_id + " to be the active one, but this node's is " +
        keyring.active().id() +
        ". Give every node the same key file, or record the rotation with `zephyr key rotate`.");
}

struct Sealer::State {
    struct Entry {
        Bytes header;
        SecretBytes sealing;
    };
    Keyring keyring;
    std::vector<Entry> entries;  // as keyring.keys()

    explicit State(Keyring ring) : keyring{std::move(ring)} {
        for (auto const& key : keyring.keys()) entries.push_back({header_for(key.id()), sealing_key(key)});
    }
    Entry const* find(ByteView header) const {
        auto const found = std::find_if(entries.begin(), entries.end(), [&](Entry const& entry) {
            return std::equal(entry.header.begin(), entry.header.end(), header.begin(), header.end());
        });
        return found == entries.end() ? nullptr : &*found;
    }
};

struct Sealer::Shared {
    std::mutex mutex;
    std::shared_ptr<State const> state;
};

Sealer::Sealer(Keyring keyring, Random& random) : shared_{std::make_shared<Shared>()}, random_{&random} {
    replace(std::move(keyring));
}

void Sealer::replace(Keyring keyring) {
    auto fresh = std::make_shared<State const>(std::move(keyring));
    std::lock_guard const lock{shared_->mutex};
    shared_->state.swap(fresh);
}

std::shared_ptr<Sealer::State const> Sealer::state() const {
    std::lock_guard const lock{shared_->mutex};
    return shared_->state;
}

Bytes Sealer::seal(Place place, ByteView secret) const {
    auto const now = state();
    auto const& active = now->entries.front();
    auto const nonce = random_->bytes(aead_long_nonce_bytes);
    auto const box =
        aead_seal_long_nonce(active.sealing.reveal(), nonce, associated_data(active.header, place), secret);
    Bytes out;
    out.reserve(secret.size() + overhead_bytes);
    out.insert(out.end(), active.header.begin(), active.header.end());
    out.insert(out.end(), nonce.begin(), nonce.end());
    out.insert(out.end(), box.begin(), box.end());
    return out;
}

Result<SecretBytes> Sealer::open(Place place, ByteView sealed) const {
    if (sealed.size() < overhead_bytes || sealed.front() != sealed_version) return errors::sealed_data_damaged;
    auto const header = sealed.first(header_bytes);
    auto const now = state();
    auto const* const entry = now->find(header);
    if (entry == nullptr) return Error{errors::unknown_key, key_id_of(sealed)};
    auto opened = aead_open_long_nonce(entry->sealing.reveal(), sealed.subspan(header_bytes, aead_long_nonce_bytes),
                                       associated_data(header, place), sealed.subspan(nonce_end));
    if (!opened.ok()) {
        // The table and column help the operator; the row may be personal.
        return Error{errors::sealed_data_damaged, std::string{place.table} + "." + std::string{place.column}};
    }
    return opened;
}

std::string Sealer::active_key_id() const {
    return state()->keyring.active().id();
}

bool Sealer::needs_reseal(ByteView sealed) const {
    return key_id_of(sealed) != active_key_id();
}

std::string Sealer::key_id_of(ByteView sealed) {
    if (sealed.size() < overhead_bytes || sealed.front() != sealed_version) return {};
    return encoding::hex_encode(sealed.subspan(1, id_bytes));
}

SecretBytes Sealer::derive(std::string_view purpose) const {
    return purpose_key(state()->keyring.active(), purpose);
}

std::vector<DerivedKey> Sealer::derive_all(std::string_view purpose) const {
    std::vector<DerivedKey> out;
    auto const now = state();
    for (auto const& key : now->keyring.keys()) out.push_back({key.id(), purpose_key(key, purpose)});
    return out;
}

Result<SecretBytes> Sealer::derive_from(std::string_view master_key_id, std::string_view purpose) const {
    auto const now = state();
    auto const* const key = now->keyring.find(master_key_id);
    if (key == nullptr) return Error{errors::unknown_key, std::string{master_key_id}};
    return purpose_key(*key, purpose);
}

}  // namespace zephyr::crypto
