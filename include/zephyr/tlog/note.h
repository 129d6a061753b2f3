// Signed notes (C2SP signed-note): a text, a blank line, and lines "— NAME BASE64(key id || signature)".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/crypto/signatures.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"

namespace zephyr::tlog {

namespace errors {
// No signed note, one beyond the limits (64 KiB, 100 signatures), or two signatures under one name and id.
inline constexpr Failure note_malformed{Kind::invalid, "tlog.note_malformed"};
// No signature by any of the keys asked for.
inline constexpr Failure note_unsigned{Kind::unauthenticated, "tlog.note_unsigned"};
// A signature under the name and id of a key asked for that is not that key's over this text.
inline constexpr Failure signature_wrong{Kind::unauthenticated, "tlog.signature_wrong"};
// No verifier key of the form "name+hash+base64", or of a kind we do not know.
inline constexpr Failure vkey_malformed{Kind::invalid, "tlog.vkey_malformed"};
}  // namespace errors

// What a key signs, and the byte that says so in its id and its vkey.
enum class KeyKind : std::uint8_t {
    ed25519 = 0x01,      // a log: the note's text
    cosignature = 0x04,  // a witness: "cosignature/v1", a time and the text (C2SP tlog-cosignature)
};

// A public key by name, as C2SP writes it: "example.com/log+1234abcd+BASE64".
class NoteKey {
public:
    // Fails with vkey_malformed: also when the hash in the text is not the key's.
    static Result<NoteKey> parse(std::string_view vkey);
    // Throws Fault for a name that is empty, or has spaces or '+', or a key that is not Ed25519.
    NoteKey(std::string name, KeyKind kind, crypto::VerifyKey key);

    std::string const& name() const { return name_; }
    KeyKind kind() const { return kind_; }
    std::uint32_t id() const { return id_; }
    crypto::VerifyKey const& key() const { return key_; }
    std::string vkey() const;

private:
    std::string name_;
    KeyKind kind_;
    std::uint32_t id_;
    crypto::VerifyKey key_;
};

struct NoteSignature {
    std::string name;
    std::uint32_t key_id = 0;
    Bytes bytes;  // behind the key id: 64 bytes of a log, 8 bytes of time (big-endian seconds) and 64 of a witness
};

struct Note {
    std::string text;  // ends in a newline
    std::vector<NoteSignature> signatures;

    std::string str() const;
    // Fails with note_malformed.
    static Result<Note> parse(std::string_view note);
};

// "— NAME BASE64\n"
std::string signature_line(NoteSignature const& signature);
// One or more such lines, nothing else; note_malformed.
Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines);

// That this key signed the note, and for a cosignature the time it states. note_unsigned when it did not, signature_wrong when the
// signature under its name and id is wrong.
struct SignedAt {
    TimePoint time;  // a witness's; of a log, zero
};
Result<SignedAt> verify_note(Note const& note, NoteKey const& key);

class NoteSigner {
public:
    // Throws Fault for a key that is not Ed25519 or a name that is none.
    NoteSigner(std::string name, KeyKind kind, crypto::SigningKey key);
    NoteKey const& key() const { return public_; }
    // Of a cosignature, `time` is what the witness states (whole seconds); a log's signature ignores it. Throws Fault for a text that no
    // note can have (not UTF-8, control characters, no newline at the end, above 64 KiB), and for a cosignature before 1970.
    NoteSignature sign(std::string_view text, TimePoint time) const;

private:
    NoteKey public_;
    crypto::SigningKey key_;
};

}  // namespace zephyr::tlog
