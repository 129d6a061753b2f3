#include "zephyr/tlog/note.h"

#include <algorithm>
#include <limits>

#include "tlog/lines.h"
#include "tlog/note_check.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

namespace {

constexpr std::size_t largest_note = 64 * 1024;
constexpr std::size_t most_signatures = 100;
constexpr std::size_t id_bytes = 4;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t ed25519_bytes = 64;
constexpr std::string_view dash = "\u2014 ";  // em dash, space

Bytes big_endian(std::uint64_t number, std::size_t bytes) {
    Bytes out(bytes);
    for (std::size_t i = bytes; i-- > 0; number >>= 8) out[i] = static_cast<std::byte>(number & 0xff);
    return out;
}

std::uint64_t from_big_endian(ByteView bytes) {
    std::uint64_t number = 0;
    for (auto const byte : bytes) number = number << 8 | std::to_integer<std::uint64_t>(byte);
    return number;
}

// C2SP signed-note: "key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]".
std::uint32_t key_id(std::string_view name, KeyKind kind, ByteView point) {
    std::array const newline{std::byte{'\n'}};
    std::array const type{static_cast<std::byte>(kind)};
    auto const hash = crypto::sha256_of({as_bytes(name), newline, type, point});
    return static_cast<std::uint32_t>(from_big_endian(ByteView{hash}.first(id_bytes)));
}

// C2SP tlog-cosignature: "two newline (U+000A) terminated lines (one header line and one timestamp line) followed by the whole note body".
std::string cosigned_message(std::uint64_t seconds, std::string_view text) {
    std::string message = "cosignature/v1\ntime " + std::to_string(seconds) + "\n";
    message += text;
    return message;
}

bool is_note_text(std::string_view text) {
    return text.size() < largest_note && text.ends_with('\n') && is_note_characters(text);
}

std::optional<NoteSignature> parse_signature_line(std::string_view line) {
    if (!line.starts_with(dash)) return std::nullopt;
    line.remove_prefix(dash.size());
    auto const blank = line.find(' ');
    if (blank == std::string_view::npos || !is_key_name(line.substr(0, blank))) return std::nullopt;
    auto const bytes = encoding::base64_decode(line.substr(blank + 1));
    if (!bytes.ok() || bytes.value().size() <= id_bytes) return std::nullopt;
    ByteView const all{bytes.value()};
    return NoteSignature{std::string{line.substr(0, blank)}, static_cast<std::uint32_t>(from_big_endian(all.first(id_bytes))),
                         to_bytes(all.subspan(id_bytes))};
}

}  // namespace

bool is_key_name(std::string_view name) {
    if (name.empty() || name.find('+') != std::string_view::npos || name.find('\n') != std::string_view::npos) return false;
    if (!is_note_characters(name)) return false;
    for (std::size_t at = 0; at < name.size();) {
        std::size_t next = at + 1;
        while (next < name.size() && (static_cast<unsigned char>(name[next]) & 0xc0) == 0x80) ++next;  // UTF-8's later bytes
        if (encoding::trim_blanks(name.substr(at, next - at)).empty()) return false;
        at = next;
    }
    return true;
}

NoteKey::NoteKey(std::string name, KeyKind kind, crypto::VerifyKey key)
    : name_{std::move(name)}, kind_{kind}, id_{0}, key_{std::move(key)} {
    if (!is_key_name(name_)) throw Fault{"tlog: no name for a key: " + name_};
    if (key_.algorithm() != crypto::SignatureAlgorithm::ed25519) throw Fault{"tlog: keys of notes are Ed25519"};
    id_ = key_id(name_, kind_, key_.ed25519_point());
}

Result<NoteKey> NoteKey::parse(std::string_view vkey) {
    if (vkey.size() > largest_note) return errors::vkey_malformed;
    auto const first = vkey.find('+');
    auto const second = first == std::string_view::npos ? first : vkey.find('+', first + 1);  // base64 may have more of them
    if (second == std::string_view::npos) return errors::vkey_malformed;
    auto const name = vkey.substr(0, first);
    if (!is_key_name(name)) return errors::vkey_malformed;
    auto const bytes = encoding::base64_decode(vkey.substr(second + 1));
    if (!bytes.ok() || bytes.value().size() != 1 + key_bytes) return errors::vkey_malformed;
    auto const kind = static_cast<KeyKind>(bytes.value().front());
    if (kind != KeyKind::ed25519 && kind != KeyKind::cosignature) return errors::vkey_malformed;
    auto point = crypto::VerifyKey::from_ed25519_point(ByteView{bytes.value()}.subspan(1));
    if (!point.ok()) return errors::vkey_malformed;
    NoteKey key{std::string{name}, kind, std::move(point).value()};
    // The hash guards against a slip of the hand, so it is compared as text: one spelling.
    if (encoding::hex_encode(big_endian(key.id(), id_bytes)) != vkey.substr(first + 1, second - first - 1)) return errors::vkey_malformed;
    return key;
}

std::string NoteKey::vkey() const {
    auto bytes = key_.ed25519_point();
    bytes.insert(bytes.begin(), static_cast<std::byte>(kind_));
    return name_ + "+" + encoding::hex_encode(big_endian(id_, id_bytes)) + "+" + encoding::base64_encode(bytes);
}

std::string signature_line(NoteSignature const& signature) {
    auto bytes = big_endian(signature.key_id, id_bytes);
    bytes.insert(bytes.end(), signature.bytes.begin(), signature.bytes.end());
    return std::string{dash} + signature.name + " " + encoding::base64_encode(bytes) + "\n";
}

Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines) {
    if (lines.empty() || lines.size() > largest_note || !lines.ends_with('\n')) return errors::note_malformed;
    std::vector<NoteSignature> signatures;
    while (auto const line = take_line(lines)) {
        auto signature = parse_signature_line(*line);
        if (!signature || signatures.size() == most_signatures) return errors::note_malformed;
        // "The tuple of key name and key ID uniquely identifies the key that performed the signature": which of two would count?
        for (auto const& other : signatures)
            if (other.name == signature->name && other.key_id == signature->key_id) return errors::note_malformed;
        signatures.push_back(std::move(*signature));
    }
    return signatures;
}

std::string Note::str() const {
    auto out = text + "\n";
    for (auto const& signature : signatures) out += signature_line(signature);
    return out;
}

Result<Note> Note::parse(std::string_view note) {
    if (note.size() > largest_note || !is_note_characters(note)) return errors::note_malformed;
    // "the text is separated from the signatures by the last empty line in the note."
    auto const blank = note.rfind("\n\n");
    if (blank == std::string_view::npos) return errors::note_malformed;
    ZEPHYR_TRY(auto signatures, parse_signature_lines(note.substr(blank + 2)));
    return Note{std::string{note.substr(0, blank + 1)}, std::move(signatures)};
}

std::optional<Result<SignedAt>> check_signature(Note const& note, NoteKey const& key) {
    auto const ours = [&](NoteSignature const& s) { return s.name == key.name() && s.key_id == key.id(); };
    auto const found = std::ranges::find_if(note.signatures, ours);
    if (found == note.signatures.end()) return std::nullopt;
    ByteView const bytes{found->bytes};
    Result<SignedAt> const wrong{Error{errors::signature_wrong, "a wrong signature of " + key.name()}};
    if (key.kind() == KeyKind::ed25519) {
        if (bytes.size() != ed25519_bytes || !key.key().verify(as_bytes(note.text), bytes).ok()) return wrong;
        return Result{SignedAt{}};
    }
    if (bytes.size() != time_bytes + ed25519_bytes) return wrong;
    auto const seconds = from_big_endian(bytes.first(time_bytes));
    constexpr auto latest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 1000);
    if (seconds > latest) return wrong;  // no time that TimePoint can state
    if (!key.key().verify(as_bytes(cosigned_message(seconds, note.text)), bytes.subspan(time_bytes)).ok()) return wrong;
    return Result{SignedAt{from_millis(static_cast<std::int64_t>(seconds) * 1000)}};
}

Result<SignedAt> verify_note(Note const& note, NoteKey const& key) {
    if (auto const checked = check_signature(note, key)) return *checked;
    return Error{errors::note_unsigned, "no signature of " + key.name()};
}

NoteSigner::NoteSigner(std::string name, KeyKind kind, crypto::SigningKey key)
    : public_{std::move(name), kind, key.verify_key()}, key_{std::move(key)} {}

NoteSignature NoteSigner::sign(std::string_view text, TimePoint time) const {
    if (!is_note_text(text)) throw Fault{"tlog: no text for a note"};
    NoteSignature signature{public_.name(), public_.id(), {}};
    if (public_.kind() == KeyKind::ed25519) {
        signature.bytes = key_.sign(as_bytes(text));
        return signature;
    }
    if (time < TimePoint{}) throw Fault{"tlog: a cosignature cannot state a time before 1970"};
    auto const seconds = static_cast<std::uint64_t>(to_millis(time) / 1000);
    signature.bytes = big_endian(seconds, time_bytes);
    auto const made = key_.sign(as_bytes(cosigned_message(seconds, text)));
    signature.bytes.insert(signature.bytes.end(), made.begin(), made.end());
    return signature;
}

}  // namespace zephyr::tlog
