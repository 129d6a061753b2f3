#include "zephyr/mfa/backup_codes.h"

#include <algorithm>
#include <set>

#include "mfa/backup_tables.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/mfa/totp_service.h"

namespace zephyr::mfa {

namespace {

// Crockford's base32: no I, L, O and U.
constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t code_characters = selector_characters + secret_characters;
constexpr std::size_t group_characters = 4;
constexpr std::size_t longest_typed_bytes = 256;
constexpr std::int64_t most_codes = 50;

// What prepare() found out: whose row the selector names, and whether the secret is its.
struct Work {
    std::string row_id;
    bool right = false;
};

// 256 is a multiple of 32, so each character is as likely as any other.
SecretText make_code(Random& random) {
    SecretBytes const bytes{random.bytes(code_characters)};
    std::string code;
    code.reserve(code_characters);
    for (auto const byte : bytes.reveal()) code.push_back(alphabet[std::to_integer<std::size_t>(byte) % alphabet.size()]);
    return SecretText{std::move(code)};
}

SecretText grouped(SecretText const& code) {
    std::string out;
    out.reserve(code_characters + code_characters / group_characters);
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (i > 0 && i % group_characters == 0) out.push_back('-');
        out.push_back(code.reveal()[i]);
    }
    return SecretText{std::move(out)};
}

std::string selector_of(SecretText const& code) { return code.reveal().substr(0, selector_characters); }
SecretText secret_of(SecretText const& code) { return SecretText{code.reveal().substr(selector_characters)}; }

crypto::Place place(std::string_view id) { return {"backup_code", id, "secret"}; }

// The person is sealed in: a row moved to another account opens nothing there.
Bytes seal_hash(crypto::Sealer const& sealer, std::string_view id, UserId const& user, std::string_view phc) {
    return sealer.seal(place(id), as_bytes(user.str() + " " + std::string{phc}));
}

std::string open_hash(crypto::Sealer const& sealer, backup_tables::CodeRow const& row, UserId const& user) {
    auto const opened = sealer.open(place(row.id), row.secret);
    if (!opened.ok()) throw Fault{"a backup code cannot be opened: " + std::string{opened.error().id()}};
    auto const text = to_text(opened.value().reveal());
    auto const owner = user.str() + " ";
    if (!text.starts_with(owner)) throw Fault{"a backup code is in the row of another account"};
    return text.substr(owner.size());
}

bool is_separator(std::string_view character) {
    constexpr std::string_view separators[] = {"-",            "_",            "\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x92",
                                               "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x88\x92", "\xEF\xBC\x8D"};
    if (std::find(std::begin(separators), std::end(separators), character) != std::end(separators)) return true;
    return encoding::trim_blanks(character).empty();
}

std::size_t length_of_character(char lead) {
    auto const byte = static_cast<unsigned char>(lead);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

std::optional<SecretText> normalise_backup_code(std::string_view typed) {
    if (typed.size() > longest_typed_bytes || !encoding::is_valid_utf8(typed)) return std::nullopt;
    // Separators go first: canonical_name refuses text with blanks inside. It makes full width plain, and everything small.
    std::string joined;
    joined.reserve(typed.size());
    for (std::size_t at = 0; at < typed.size();) {
        auto const length = length_of_character(typed[at]);
        auto const character = typed.substr(at, length);
        if (!is_separator(character)) joined += character;
        at += length;
    }
    auto plain = encoding::canonical_name(joined);
    wipe(joined.data(), joined.size());
    if (!plain) return std::nullopt;
    SecretText const small{*std::move(plain)};
    if (small.size() != code_characters) return std::nullopt;
    std::string code;
    code.reserve(code_characters);
    for (auto const typed_character : small.reveal()) {
        auto character = typed_character >= 'a' && typed_character <= 'z' ? static_cast<char>(typed_character - 'a' + 'A') : typed_character;
        if (character == 'O') character = '0';
        if (character == 'I' || character == 'L') character = '1';
        if (alphabet.find(character) == std::string_view::npos) return std::nullopt;
        code.push_back(character);
    }
    return SecretText{std::move(code)};
}

BackupCodes::BackupCodes(storage::Database& database, audit::AuditLog& audit, crypto::Sealer const& sealer, Attempts const& attempts,
                         passwords::HashGate& gate, Clock const& clock, Random& random, BackupCodeSettings settings)
    : database_{database},
      audit_{audit},
      sealer_{sealer},
      attempts_{attempts},
      gate_{gate},
      clock_{clock},
      random_{random},
      settings_{settings},
      dummy_phc_{crypto::argon2id_hash(random.bytes(secret_characters), settings.argon2, random)} {
    if (settings_.count < 1 || settings_.count > most_codes || settings_.low < 0) throw Fault{"settings of backup codes are out of range"};
}

//= NIST SP 800-63B-4, 3.1.2.2
// # Look-up secrets that are shorter than the minimum security strength … (112 bits as of the date of this publication) SHALL be stored in a
// # salted and hashed form using a suitable password hashing scheme
// The secret's 60 bits are fewer than the 112 that a plain hash would ask for, so it is kept as a password is: Argon2id, salted. No pepper:
// like the seal it would come from the master key, but nobody could renew it, and old keys could never be retired.
Result<BackupCodes::Set> BackupCodes::make(UserId const& user) {
    auto const now = clock_.now();
    Set set{.codes = {}, .rows = {}, .id = FactorId::make(now, random_)};
    std::set<std::string> selectors;  // two codes of one set never share a row
    while (set.rows.size() < static_cast<std::size_t>(settings_.count)) {
        auto const code = make_code(random_);
        if (!selectors.insert(selector_of(code)).second) continue;
        ZEPHYR_TRY(auto const permit, gate_.enter(settings_.argon2.memory_kib, settings_.argon2.weight()));
        auto const phc = crypto::argon2id_hash(secret_of(code), settings_.argon2, random_);
        auto id = make_uuid_v7(now, random_);
        auto sealed = seal_hash(sealer_, id, user, phc);
        set.rows.push_back({.id = std::move(id), .selector = selector_of(code), .sealed_hash = std::move(sealed)});
        set.codes.push_back(grouped(code));
    }
    return set;
}

void BackupCodes::store(storage::Transaction& tx, UserId const& user, Set const& set, audit::Actor const& actor,
                        audit::Origin const& origin) {
    backup_tables::remove_all(tx, user);
    auto const now = clock_.now();
    for (auto const& row : set.rows) backup_tables::insert(tx, user, set.id, row.id, row.selector, row.sealed_hash, now);
    record(tx, audit::codes::mfa_backup_codes_made, user, actor, origin, {}, {{"count", std::to_string(set.rows.size())}});
}

// Whether or not there is such a row, one hash is computed: else the time would tell which selectors exist. Text that can be nobody's code
// costs none; that much everybody can see by looking at it.
Result<void> BackupCodes::prepare(Presented& presented) {
    auto work = std::make_shared<Work>();
    auto const code = normalise_backup_code(presented.code);
    if (!code) {
        presented.work = std::move(work);
        return success();
    }
    auto const row =
        database_.read([&](storage::Transaction& tx) { return backup_tables::find(tx, presented.user, selector_of(*code)); });
    auto const phc = row ? open_hash(sealer_, *row, presented.user) : dummy_phc_;
    auto const parameters = crypto::argon2id_parameters(phc);
    if (!parameters.ok()) throw Fault{"the hash of a backup code is malformed"};
    ZEPHYR_TRY(auto const permit, gate_.enter(parameters.value().memory_kib, parameters.value().weight()));
    auto const match = crypto::argon2id_verify(secret_of(*code), phc, settings_.argon2);
    if (!match.ok()) throw Fault{"the hash of a backup code is malformed"};
    if (row) *work = {.row_id = row->id, .right = match.value() != crypto::PasswordMatch::no};
    presented.work = std::move(work);
    return success();
}

Result<VerifiedFactor> BackupCodes::verify(storage::Transaction& tx, Presented const& presented) {
    auto const* work = static_cast<Work const*>(presented.work.get());
    if (work == nullptr) throw Fault{"a backup code was checked without being prepared"};
    auto const actor = audit::Actor::user(presented.user);
    if (auto closed = attempts_.blocked(tx, presented, kind())) return std::move(*closed);
    auto const set = backup_tables::set_of(tx, presented.user);
    if (!set) {
        record(tx, audit::codes::mfa_refused, presented.user, actor, presented.origin, errors::not_enrolled.id);
        return errors::not_enrolled;
    }
    // The row again: between the hash and now its set may have been replaced, or somebody else may have used it.
    auto const row = work->right ? backup_tables::find_by_id(tx, presented.user, work->row_id) : std::nullopt;
    if (!row) {
        attempts_.failed(tx, presented, kind());
        record(tx, audit::codes::mfa_refused, presented.user, actor, presented.origin, errors::wrong_code.id);
        return errors::wrong_code;
    }
    //= NIST SP 800-63B-4, 3.1.2.2
    // # A secret from a look-up secret authenticator SHALL be used successfully only once.
    auto const now = clock_.now();
    if (!backup_tables::use(tx, row->id, now)) {
        record(tx, audit::codes::mfa_code_reused, presented.user, actor, presented.origin, errors::code_reused.id);
        return errors::code_reused;
    }
    attempts_.passed(tx, presented, kind());
    auto const left = set->left - 1;
    record(tx, audit::codes::mfa_verified, presented.user, actor, presented.origin, {}, {{"device", set->id.str()}});
    record(tx, audit::codes::mfa_backup_code_used, presented.user, actor, presented.origin, {}, {{"left", std::to_string(left)}});
    if (left <= settings_.low)
        record(tx, audit::codes::mfa_backup_codes_low, presented.user, actor, presented.origin, {}, {{"left", std::to_string(left)}});
    return proof(presented.user, set->id, now);
}

// A set with nothing left proves nothing, so it is no factor any more; left() still tells that there was one.
std::vector<FactorSummary> BackupCodes::list(storage::Transaction& tx, UserId const& user) {
    auto const set = backup_tables::set_of(tx, user);
    if (!set || set->left == 0) return {};
    return {{.id = set->id,
             .kind = &kind(),
             .shown = std::to_string(set->left) + "/" + std::to_string(set->codes),
             .confirmed_at = set->created_at,
             .last_used_at = set->last_used_at}};
}

Result<void> BackupCodes::remove(storage::Transaction& tx, UserId const& user, FactorId const& factor, audit::Actor const& actor,
                                 audit::Origin const& origin) {
    if (backup_tables::remove_set(tx, user, factor) == 0) return errors::device_not_found;
    record(tx, audit::codes::mfa_removed, user, actor, origin, {}, {{"device", factor.str()}});
    return success();
}

std::int64_t BackupCodes::remove_all(storage::Transaction& tx, UserId const& user) {
    auto const set = backup_tables::set_of(tx, user);
    backup_tables::remove_all(tx, user);
    return set && set->left > 0 ? 1 : 0;
}

std::optional<std::int64_t> BackupCodes::left(storage::Transaction& tx, UserId const& user) {
    auto const set = backup_tables::set_of(tx, user);
    if (!set) return std::nullopt;
    return set->left;
}

std::optional<std::int64_t> BackupCodes::left(UserId const& user) {
    return database_.read([&](storage::Transaction& tx) { return left(tx, user); });
}

void BackupCodes::record(storage::Transaction& tx, std::string_view code, UserId const& user, audit::Actor const& actor,
                         audit::Origin const& origin, std::string_view reason,
                         std::vector<std::pair<std::string, std::string>> details) const {
    bool const refusal = code == audit::codes::mfa_refused || code == audit::codes::mfa_code_reused;
    audit::Event event{.code = code,
                       .actor = actor,
                       .subject = user,
                       .outcome = refusal ? audit::Outcome::failure : audit::Outcome::success,
                       .reason = std::string{reason},
                       .origin = origin,
                       .details = {{"factor", std::string{kind().name}}}};
    for (auto& detail : details) event.details.push_back(std::move(detail));
    audit_.append(tx, event);
}

}  // namespace zephyr::mfa
