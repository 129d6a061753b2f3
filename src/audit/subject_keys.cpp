#include "zephyr/audit/subject_keys.h"

#include <list>
#include <mutex>
#include <unordered_map>

#include <fmt/format.h>

#include "zephyr/crypto/aead.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::audit {

namespace {

constexpr std::size_t remembered = 10'000;
constexpr std::size_t ref_bytes = 16;
constexpr std::byte format{1};
constexpr std::string_view strangers = "strangers ";
// Where other nodes may erase people and destroy keys unheard, what is remembered is believed this long.
constexpr std::chrono::milliseconds believed{5000};

TimePoint day_of(TimePoint time) { return std::chrono::floor<std::chrono::days>(time); }

// A key is for the events of one quarter of a year (UTC), so that it ends however active the person is.
struct Period {
    std::string name;  // "2026Q4"
    TimePoint end;     // no event of it at or after this
};

Period period_of(TimePoint time) {
    std::chrono::year_month_day const date{std::chrono::floor<std::chrono::days>(time)};
    auto const quarter = (static_cast<unsigned>(date.month()) - 1) / 3;
    auto const begin = date.year() / std::chrono::month{quarter * 3 + 1};
    return {fmt::format("{:04}Q{}", static_cast<int>(date.year()), quarter + 1),
            std::chrono::sys_days{(begin + std::chrono::months{3}) / std::chrono::day{1}}};
}

std::string key_id(std::string_view ref, RetentionClass retention, std::string_view period) {
    return fmt::format("{}/{}/{}", ref, retention_name(retention), period);
}

crypto::Place place_of(std::string const& id) { return {"audit_subject_key", id, "secret"}; }

Bytes associated_data(std::string const& id, std::string_view event_id) {
    std::string text{"zephyr audit part"};
    for (auto const part : {std::string_view{id}, event_id}) {
        text += '\0';
        text += part;
    }
    return to_bytes(text);
}

// A map that forgets what was not asked for longest.
template <class Value>
class Recent {
public:
    Value* find(std::string const& key) {
        auto const found = index_.find(key);
        if (found == index_.end()) return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        return &found->second->second;
    }
    void put(std::string const& key, Value value) {
        erase(key);
        order_.emplace_front(key, std::move(value));
        index_.emplace(key, order_.begin());
        if (order_.size() <= remembered) return;
        index_.erase(order_.back().first);
        order_.pop_back();
    }
    void erase(std::string const& key) {
        auto const found = index_.find(key);
        if (found == index_.end()) return;
        order_.erase(found->second);
        index_.erase(found);
    }
    void erase_beginning(std::string_view with) {
        std::erase_if(order_, [&](auto const& each) { return each.first.starts_with(with) && index_.erase(each.first) > 0; });
    }
    void clear() {
        index_.clear();
        order_.clear();
    }

private:
    std::list<std::pair<std::string, Value>> order_;
    std::unordered_map<std::string, typename std::list<std::pair<std::string, Value>>::iterator> index_;
};

struct Known {
    SecretBytes key;
    bool committed;       // else it may be from a transaction that is still rolled back, and seals nothing
    TimePoint looked_at;  // when the database last had it
};

struct KnownRef {
    std::string ref;
    TimePoint looked_at;
};

}  // namespace

struct SubjectKeys::Batch::Collected {
    State* owner;
    Collected* before;  // on this thread
    std::unordered_map<std::string, std::string> refs{};  // by person
    std::unordered_map<std::string, std::string> people{};  // by ref
    struct NewKey {
        std::string ref;
        RetentionClass retention;
        TimePoint ends_at;
        SecretBytes key;
    };
    std::unordered_map<std::string, NewKey> keys{};  // by key_id
};

namespace {
thread_local SubjectKeys::Batch::Collected* collecting = nullptr;
}

struct SubjectKeys::State {
    storage::Database& database;
    crypto::Sealer const& sealer;
    Clock const& clock;
    Random& random;
    std::mutex mutex{};
    Recent<KnownRef> refs{};  // by person
    Recent<Known> keys{};     // by key_id
    // Counts what was forgotten: an answer read before that must not be remembered after it.
    std::uint64_t forgotten = 0;
    storage::ChangeRegistration hearing{};

    std::optional<std::string> known_ref(std::string const& person) {
        std::lock_guard const lock{mutex};
        auto const* found = refs.find(person);
        return found == nullptr || !believe(found->looked_at) ? std::nullopt : std::optional{found->ref};
    }
    bool believe(TimePoint looked_at) const {
        return database.engine() == storage::Engine::sqlite || clock.now() < looked_at + believed;
    }

    // Only what is committed may be remembered: a key that is rolled back opens nothing it sealed.
    void remember_ref_after(storage::Transaction& tx, std::string const& person, std::string const& ref) {
        tx.after_commit([this, person, ref, looked_at = clock.now(), seen = forgotten_now()] {
            std::lock_guard const lock{mutex};
            if (seen == forgotten) refs.put(person, {ref, looked_at});
        });
    }
    void remember_key_after(storage::Transaction& tx, std::string const& id, Known known) {
        tx.after_commit([this, id, known = std::move(known), seen = forgotten_now()] {
            std::lock_guard const lock{mutex};
            if (seen == forgotten) keys.put(id, known);
        });
    }
    std::uint64_t forgotten_now() {
        std::lock_guard const lock{mutex};
        return forgotten;
    }

    Batch::Collected* batch() {
        auto* found = collecting;
        while (found != nullptr && found->owner != this) found = found->before;
        return found;
    }

    std::optional<std::string> stored_ref(std::string const& person) {
        auto const looked_at = clock.now();
        auto const seen = forgotten_now();
        auto const row = database.read(
            [&](storage::Transaction& tx) { return tx.row("SELECT ref FROM audit_subject WHERE person = $1", person); });
        if (!row) return std::nullopt;
        std::lock_guard const lock{mutex};
        // Believed again when it is known as committed; what stands there now may be rolled back.
        if (auto* const known = refs.find(person); known != nullptr && seen == forgotten && known->ref == row->text(0)) {
            known->looked_at = looked_at;
        }
        return row->text(0);
    }

    std::string ref_of(std::string const& person) {
        if (auto const known = known_ref(person)) return *known;
        if (auto* const many = batch()) {
            if (auto const found = many->refs.find(person); found != many->refs.end()) return found->second;
            if (auto stored = stored_ref(person)) return *stored;
            auto ref = encoding::hex_encode(random.bytes(ref_bytes));
            many->refs.emplace(person, ref);
            many->people.emplace(ref, person);
            return ref;
        }
        return database.write([&](storage::Transaction& tx) {
            auto row = tx.row("SELECT ref FROM audit_subject WHERE person = $1", person);
            if (!row) {
                tx.run("INSERT INTO audit_subject (person, ref, created_at) VALUES ($1, $2, $3) ON CONFLICT (person) DO NOTHING", person,
                       encoding::hex_encode(random.bytes(ref_bytes)), clock.now());
                row = tx.row("SELECT ref FROM audit_subject WHERE person = $1", person);
            }
            remember_ref_after(tx, person, row->text(0));
            return row->text(0);
        });
    }

    // The key that seals, made when there is none; empty when nobody has this pseudonym.
    SecretBytes sealing_key(std::string_view ref, RetentionClass retention, Period const& period) {
        auto const id = key_id(ref, retention, period.name);
        {
            std::lock_guard const lock{mutex};
            if (auto const* known = keys.find(id); known != nullptr && known->committed && believe(known->looked_at)) return known->key;
        }
        if (auto* const many = batch(); many != nullptr && many->people.contains(std::string{ref})) {
            auto const found = many->keys.find(id);
            if (found != many->keys.end()) return found->second.key;
            SecretBytes key{random.bytes(crypto::aead_key_bytes)};
            many->keys.emplace(id, Batch::Collected::NewKey{std::string{ref}, retention, period.end, key});
            return key;
        }
        return database.write([&](storage::Transaction& tx) { return sealing_key_in(tx, ref, retention, id, period.end); });
    }

    SecretBytes sealing_key_in(storage::Transaction& tx, std::string_view ref, RetentionClass retention, std::string const& id,
                               TimePoint ends_at) {
        if (!tx.row("SELECT ref FROM audit_subject WHERE ref = $1", ref)) return {};
        auto const select = [&] { return tx.row("SELECT secret FROM audit_subject_key WHERE id = $1", id); };
        auto row = select();
        if (!row) {
            tx.run("INSERT INTO audit_subject_key (id, ref, class, ends_at, secret) VALUES ($1, $2, $3, $4, $5)"
                   " ON CONFLICT (id) DO NOTHING",
                   id, ref, retention_name(retention), ends_at, sealer.seal(place_of(id), random.bytes(crypto::aead_key_bytes)));
            row = select();
        }
        auto opened = sealer.open(place_of(id), row->blob(0));
        // Not an event without what was to be sealed, and not one sealed under a key nobody can open.
        if (!opened.ok()) throw Fault{"a subject key can't be opened: " + std::string{opened.error().id()}};
        remember_key_after(tx, id, {opened.value(), true, clock.now()});
        return std::move(opened).value();
    }

    Result<SecretBytes> opening_key(std::string const& id) {
        std::uint64_t seen = 0;
        {
            std::lock_guard const lock{mutex};
            auto const* known = keys.find(id);
            if (known != nullptr && believe(known->looked_at)) return known->key;
            seen = forgotten;
        }
        auto const row = database.read(
            [&](storage::Transaction& tx) { return tx.row("SELECT secret FROM audit_subject_key WHERE id = $1", id); });
        if (!row) return errors::subject_erased;
        ZEPHYR_TRY(auto key, sealer.open(place_of(id), row->blob(0)));
        std::lock_guard const lock{mutex};
        if (seen == forgotten) keys.put(id, {key, false, clock.now()});
        return key;
    }

    void forget_ref(std::string_view ref) {
        keys.erase_beginning(std::string{ref} + "/");
    }
};

SubjectKeys::SubjectKeys(storage::Database& database, crypto::Sealer const& sealer, Clock const& clock, Random& random)
    : state_{new State{database, sealer, clock, random}} {
    state_->hearing = database.on_change([this](std::vector<storage::Change> const& changes) {
        for (auto const& change : changes) {
            if (change.topic == "audit_subject") forget(change.key);
        }
    });
}

SubjectKeys::~SubjectKeys() { state_->hearing = {}; }

std::vector<storage::Migration> SubjectKeys::migrations() {
    // The same tables as in migrations/0011_audit_log.sql; a test compares them.
    return storage::make_migrations({{"0001_subject_keys.sql",
                                      "CREATE TABLE audit_subject (\n"
                                      "    person TEXT NOT NULL PRIMARY KEY,\n"
                                      "    ref TEXT NOT NULL UNIQUE,\n"
                                      "    created_at {int} NOT NULL\n"
                                      ") {strict};\n"
                                      "CREATE TABLE audit_subject_key (\n"
                                      "    id TEXT NOT NULL PRIMARY KEY,\n"
                                      "    ref TEXT NOT NULL,\n"
                                      "    class TEXT NOT NULL,\n"
                                      "    ends_at {int} NOT NULL,\n"
                                      "    secret {blob} NOT NULL\n"
                                      ") {strict};\n"
                                      "CREATE INDEX audit_subject_key_ref ON audit_subject_key (ref);\n"}});
}

std::string SubjectKeys::ref_of(UserId const& person) { return state_->ref_of(person.str()); }

std::optional<std::string> SubjectKeys::find_ref(UserId const& person) {
    if (auto known = state_->known_ref(person.str())) return known;
    if (auto const* many = state_->batch()) {
        if (auto const found = many->refs.find(person.str()); found != many->refs.end()) return found->second;
    }
    return state_->stored_ref(person.str());
}

std::optional<UserId> SubjectKeys::person_of(std::string_view ref) {
    auto const row = state_->database.read(
        [&](storage::Transaction& tx) { return tx.row("SELECT person FROM audit_subject WHERE ref = $1", ref); });
    if (!row || row->text(0).starts_with(strangers)) return std::nullopt;
    return UserId::trusted(row->text(0));
}

std::string SubjectKeys::ref_of_strangers() {
    return state_->ref_of(std::string{strangers} + to_rfc3339(state_->clock.now()).substr(0, 10));
}

Bytes SubjectKeys::seal(std::string_view ref, RetentionClass retention, TimePoint time, std::string_view event_id, ByteView fields) {
    auto const period = period_of(time);
    auto const key = state_->sealing_key(ref, retention, period);
    if (key.empty()) return {};
    auto const nonce = state_->random.bytes(crypto::aead_long_nonce_bytes);
    auto const sealed =
        crypto::aead_seal_long_nonce(key.reveal(), nonce, associated_data(key_id(ref, retention, period.name), event_id), fields);
    Bytes out{format};
    out.insert(out.end(), nonce.begin(), nonce.end());
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
}

Result<SecretBytes> SubjectKeys::open(std::string_view ref, RetentionClass retention, TimePoint time, std::string_view event_id,
                                      ByteView sealed) {
    auto const id = key_id(ref, retention, period_of(time).name);
    ZEPHYR_TRY(auto const key, state_->opening_key(id));
    if (sealed.size() < 1 + crypto::aead_long_nonce_bytes || sealed[0] != format) return crypto::errors::sealed_data_damaged;
    auto opened = crypto::aead_open_long_nonce(key.reveal(), sealed.subspan(1, crypto::aead_long_nonce_bytes),
                                               associated_data(id, event_id), sealed.subspan(1 + crypto::aead_long_nonce_bytes));
    if (!opened.ok()) return crypto::errors::sealed_data_damaged;
    return opened;
}

std::optional<std::string> SubjectKeys::destroy(UserId const& person) {
    forget(person.str());  // from here on nothing is sealed with what is about to go
    return state_->database.write([&](storage::Transaction& tx) -> std::optional<std::string> {
        tx.announce("audit_subject", person.str());
        auto const row = tx.row("SELECT ref FROM audit_subject WHERE person = $1", person.str());
        if (!row) return std::nullopt;
        tx.run("DELETE FROM audit_subject_key WHERE ref = $1", row->text(0));
        tx.run("DELETE FROM audit_subject WHERE person = $1", person.str());
        return row->text(0);
    });
}

std::int64_t SubjectKeys::destroy_expired(RetentionClass retention, TimePoint before, std::vector<std::string> const& kept) {
    std::string sql = "DELETE FROM audit_subject_key WHERE class = $1 AND ends_at <= $2";
    storage::Values values{storage::bind(retention_name(retention)), storage::bind(before)};
    for (auto const& ref : kept) {
        values.push_back(storage::bind(ref));
        sql += (values.size() == 3 ? " AND ref NOT IN ($" : ", $") + std::to_string(values.size());
    }
    if (!kept.empty()) sql += ")";
    auto const destroyed = state_->database.write([&](storage::Transaction& tx) {
        auto const count = tx.execute(sql, values);
        // A day of strangers that has no key left stands for nobody.
        tx.run("DELETE FROM audit_subject WHERE person LIKE 'strangers %' AND created_at < $1 AND NOT EXISTS"
               " (SELECT 1 FROM audit_subject_key k WHERE k.ref = audit_subject.ref)",
               day_of(before));
        return count;
    });
    if (destroyed > 0) forget_all();
    return destroyed;
}

SubjectKeys::Batch::Batch(SubjectKeys& keys, storage::Database const& of) : keys_{keys} {
    if (keys.lives_in(of)) return;
    collected_ = std::make_unique<Collected>(Collected{keys.state_.get(), collecting});
    collecting = collected_.get();
}

SubjectKeys::Batch::~Batch() {
    if (collected_) collecting = collected_->before;
}

void SubjectKeys::Batch::write() {
    if (!collected_ || collected_->refs.empty()) return;
    auto& state = *keys_.state_;
    auto const now = state.clock.now();
    state.database.write([&](storage::Transaction& tx) {
        for (auto const& [person, ref] : collected_->refs) {
            tx.run("INSERT INTO audit_subject (person, ref, created_at) VALUES ($1, $2, $3)", person, ref, now);
        }
        for (auto const& [id, made] : collected_->keys) {
            tx.run("INSERT INTO audit_subject_key (id, ref, class, ends_at, secret) VALUES ($1, $2, $3, $4, $5)", id, made.ref,
                   retention_name(made.retention), made.ends_at, state.sealer.seal(place_of(id), made.key));
        }
    });
    *collected_ = Collected{collected_->owner, collected_->before};
}

bool SubjectKeys::lives_in(storage::Database const& database) const { return &state_->database == &database; }
storage::Database& SubjectKeys::database() { return state_->database; }

void SubjectKeys::forget(std::string_view person) {
    std::lock_guard const lock{state_->mutex};
    ++state_->forgotten;
    std::string const key{person};
    if (auto const* known = state_->refs.find(key)) {
        state_->forget_ref(known->ref);
        state_->refs.erase(key);
    } else {
        state_->keys.clear();  // whose they are is not remembered, and they must go
    }
}

void SubjectKeys::forget_all() {
    std::lock_guard const lock{state_->mutex};
    ++state_->forgotten;
    state_->refs.clear();
    state_->keys.clear();
}

}  // namespace zephyr::audit
