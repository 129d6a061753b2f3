#include "zephyr/tlog/note.h"

#include <gtest/gtest.h>

#include <limits>

#include "tlog/note_keys.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {
namespace {

// Known answers of Go's golang.org/x/mod/sumdb/note.
constexpr std::string_view peter_key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view enoch_key = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
constexpr std::string_view peter_seed = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
std::string const text =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
std::string const peter_line =
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
std::string const enoch_line =
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

NoteKey key(std::string_view vkey) {
    return NoteKey::parse(vkey).value();
}
void malformed(std::string const& note) {
    auto const parsed = Note::parse(note);
    ASSERT_FALSE(parsed.ok()) << note;
    EXPECT_EQ(parsed.error(), errors::note_malformed);
}

TEST(Note, what_has_no_blank_line_or_no_signature_is_malformed) {
    malformed("");
    malformed("\n");
    malformed(text);
    malformed(text + "\n");
    malformed(text + peter_line);
    malformed(peter_line);
    malformed("\n" + peter_line);  // the blank line would be the text's own end
}

TEST(Note, a_note_ends_with_its_last_signature_lines_newline) {
    malformed(text + "\n" + peter_line.substr(0, peter_line.size() - 1));
    malformed(text + "\n" + peter_line + "Unexpected line.\n");
    malformed(text + "\n" + peter_line + "\n");
    malformed(text + "\nUnexpected line.\n" + peter_line);
}

// C2SP signed-note: "Signed notes MUST be valid UTF-8 and MUST NOT contain any ASCII control characters (those below U+0020) other than
// newline."
TEST(Note, control_characters_and_broken_utf8_are_refused_anywhere) {
    for (auto const& bad : {std::string{"\x01"}, std::string(1, '\0'), std::string{"\t"}, std::string{"\r"}, std::string{"\x1f"},
                                  std::string{"\xff"}, std::string{"\xc0\xaf"}, std::string{"\xed\xa0\x80"}, std::string{"\xe2\x80"}}) {
        malformed(bad + text + "\n" + peter_line);
        malformed(text.substr(0, text.size() - 1) + bad + "\n\n" + peter_line);
        malformed(text + "\n— Peter" + bad + peter_line.substr(std::string{"— Peter"}.size()));
    }
    EXPECT_TRUE(Note::parse("\x7f ¡ \n\n" + peter_line).ok());
}

// "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus (U+002B) characters."
TEST(Note, a_name_that_is_empty_or_has_a_plus_or_any_unicode_space_is_refused) {
    std::string const base64 = peter_line.substr(peter_line.rfind(' '));
    for (std::string const name : {"", "a+b", "+", "a b", " a", "a\u00a0b", "\u2003", "a\u3000", "a\u0085b", "\u2028x", "\u1680", "\u202f"})
        malformed(text + "\n— " + name + base64);
    EXPECT_TRUE(Note::parse(text + "\n— Pétèr\u200b" + base64).ok());  // a zero-width space is no White_Space
}

TEST(Note, a_signature_line_begins_with_an_em_dash_and_one_space) {
    std::string const rest = peter_line.substr(std::string{"— "}.size());
    for (std::string const start : {"", "- ", "– ", "—", "—  ", " — ", "—\u00a0", "-- "}) malformed(text + "\n" + start + rest);
}

TEST(Note, base64_has_one_spelling) {
    auto const with = [](std::string const& base64) { return text + "\n— n " + base64 + "\n"; };
    EXPECT_TRUE(Note::parse(with("AAAAAAE=")).ok());
    for (std::string const bad : {"AAAAAAE", "AAAAAAF=", "AAAAAAE==", "AAAA AAE=", "AAAAAAE= ", "AAAAA-E=", "!", "", "AAAAAAE=AAAA"})
        malformed(with(bad));
}

TEST(Note, a_signature_is_more_than_its_key_id) {
    malformed(text + "\n— n AAAAAA==\n");  // four bytes
    malformed(text + "\n— n AAAA\n");
    EXPECT_EQ(Note::parse(text + "\n— n AAAAAAE=\n").value().signatures[0].bytes, Bytes{std::byte{1}});
}

TEST(Note, two_signatures_of_one_key_are_refused_and_of_one_name_are_not) {
    malformed(text + "\n" + peter_line + peter_line);
    malformed(text + "\n" + peter_line + enoch_line + "— PeterNeumann x08gowAA\n");
    EXPECT_TRUE(Note::parse(text + "\n" + peter_line + "— PeterNeumann x08gpAAA\n").ok());
    EXPECT_TRUE(Note::parse(text + "\n" + peter_line + "— PeterNeumanN x08gowAA\n").ok());
}

TEST(Note, a_note_beyond_64_kib_or_a_hundred_signatures_is_refused) {
    auto const note_of = [](std::size_t bytes) { return std::string(bytes - 2 - peter_line.size(), 'x') + "\n\n" + peter_line; };
    EXPECT_TRUE(Note::parse(note_of(64 * 1024)).ok());
    malformed(note_of(64 * 1024 + 1));
    auto note = text + "\n";
    for (int i = 0; i < 100; ++i) note += "— n" + std::to_string(i) + " AAAAAAE=\n";
    // "Verifiers SHOULD apply a maximum limit to the number of signatures in a note [...] but MUST accept at least up to 16 signatures."
    EXPECT_EQ(Note::parse(note).value().signatures.size(), 100u);
    malformed(note + "— n100 AAAAAAE=\n");
}

// "If a signature from a known key fails to verify, clients SHOULD reject the whole note."
TEST(Note, no_bit_of_text_or_signature_may_change) {
    auto const peter = key(peter_key);
    auto const whole = Note::parse(text + "\n" + peter_line).value();
    EXPECT_TRUE(verify_note(whole, peter).ok());
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto note = whole;
        note.text[i] = static_cast<char>(note.text[i] ^ 1);
        EXPECT_EQ(verify_note(note, peter).error(), errors::signature_wrong) << i;
    }
    for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
        auto note = whole;
        note.signatures[0].bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        ASSERT_FALSE(verify_note(note, peter).ok()) << bit;
    }
}

TEST(Note, a_signature_of_another_length_is_wrong) {
    auto note = Note::parse(text + "\n" + peter_line).value();
    note.signatures[0].bytes.push_back({});
    EXPECT_EQ(verify_note(note, key(peter_key)).error(), errors::signature_wrong);
    note.signatures[0].bytes.resize(63);
    EXPECT_EQ(verify_note(note, key(peter_key)).error(), errors::signature_wrong);
}

// "Verifiers MUST ignore signatures from unknown keys, even if they share a name or ID (but not both) with a known key."
TEST(Note, a_signature_under_another_name_or_id_is_nobodys) {
    auto const peter = key(peter_key);
    auto renamed = Note::parse(text + "\n" + peter_line).value();
    renamed.signatures[0].name = "CarmenSandiego";
    EXPECT_EQ(verify_note(renamed, peter).error(), errors::note_unsigned);
    auto another_id = Note::parse(text + "\n" + peter_line).value();
    ++another_id.signatures[0].key_id;
    EXPECT_EQ(verify_note(another_id, peter).error(), errors::note_unsigned);
    EXPECT_TRUE(verify_note(Note::parse(text + "\n— PeterNeumann AAAAAAE=\n" + peter_line).value(), peter).ok());
}

TEST(Note, a_key_does_not_count_for_the_other_kind_of_signature) {
    auto const pair = key_named("both");
    NoteSigner const log{"n", KeyKind::ed25519, pair};
    NoteSigner const witness{"n", KeyKind::cosignature, pair};
    EXPECT_NE(log.key().id(), witness.key().id());
    Note const note{text, {log.sign(text, {})}};
    EXPECT_FALSE(verify_note(note, witness.key()).ok());
    // Nor under the other's id: what they sign differs.
    auto passed_off = witness.sign(text, from_millis(5000));
    passed_off.key_id = log.key().id();
    EXPECT_FALSE(verify_note(Note{text, {passed_off}}, log.key()).ok());
    passed_off.bytes.erase(passed_off.bytes.begin(), passed_off.bytes.begin() + 8);
    EXPECT_FALSE(verify_note(Note{text, {passed_off}}, log.key()).ok());
}

TEST(Note, a_witnesss_time_is_signed_too) {
    auto const witness = witness_signer();
    Note note{text, {witness.sign(text, from_millis(1'679'315'147'999))}};
    EXPECT_EQ(verify_note(note, witness.key()).value().time, from_millis(1'679'315'147'000));
    ++reinterpret_cast<unsigned char&>(note.signatures[0].bytes[7]);
    EXPECT_EQ(verify_note(note, witness.key()).error(), errors::signature_wrong);
}

// C2SP tlog-cosignature: "It MUST NOT exceed 2^63 - 1".
TEST(Note, a_time_that_no_clock_can_show_is_wrong) {
    auto const pair = key_named("far");
    NoteSigner const witness{"w", KeyKind::cosignature, pair};
    for (std::uint64_t const seconds : {std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max(),
                                        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 1000 + 1)}) {
        NoteSignature signature{"w", witness.key().id(), {}};
        for (int shift = 56; shift >= 0; shift -= 8) signature.bytes.push_back(static_cast<std::byte>(seconds >> shift & 0xff));
        auto const made = pair.sign(as_bytes("cosignature/v1\ntime " + std::to_string(seconds) + "\n" + text));
        signature.bytes.insert(signature.bytes.end(), made.begin(), made.end());
        EXPECT_FALSE(verify_note(Note{text, {signature}}, witness.key()).ok()) << seconds;
    }
}

TEST(Note, a_signer_refuses_what_can_be_no_note) {
    auto const log = log_signer();
    for (auto const& bad : {std::string{}, std::string{"no newline"}, std::string{"tab\t\n"}, std::string{"\xff\n"},
                                  std::string(64 * 1024, 'x') + "\n"})
        EXPECT_THROW(log.sign(bad, {}), Fault);
    EXPECT_THROW(witness_signer().sign(text, from_millis(-1)), Fault);
}

TEST(NoteKey, no_part_of_a_vkey_and_no_change_of_one_is_a_vkey) {
    for (std::size_t from = 0; from <= peter_key.size(); ++from)
        for (auto until = from; until <= peter_key.size(); ++until)
            EXPECT_EQ(NoteKey::parse(peter_key.substr(from, until - from)).ok(), from == 0 && until == peter_key.size()) << from << until;
    for (std::size_t i = 0; i < peter_key.size(); ++i) {
        for (int other = 0; other < 256; ++other) {
            std::string changed{peter_key};
            changed[i] = static_cast<char>(other);
            EXPECT_EQ(NoteKey::parse(changed).ok(), changed == peter_key) << changed;
        }
    }
}

TEST(NoteKey, a_key_of_another_length_or_kind_is_refused_even_with_a_hash_that_fits) {
    EXPECT_FALSE(NoteKey::parse("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==").ok());
    EXPECT_FALSE(NoteKey::parse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").ok());
    EXPECT_EQ(NoteKey::parse("PeterNeumann").error(), errors::vkey_malformed);
}

TEST(NoteKey, a_name_that_is_none_and_a_key_of_another_algorithm_are_faults) {
    auto const good = key_named("any").verify_key();
    for (std::string const name : {"", "a b", "a+b", "a\nb", "\u2003", "a\xff", "a\tb"})
        EXPECT_THROW((NoteKey{name, KeyKind::ed25519, good}), Fault) << name;
    auto const p256 = crypto::SigningKey::generate(crypto::SignatureAlgorithm::es256);
    EXPECT_THROW((NoteKey{"a", KeyKind::ed25519, p256.verify_key()}), Fault);
    EXPECT_THROW((NoteSigner{"a", KeyKind::ed25519, p256}), Fault);
}

TEST(NoteKey, a_vkey_reads_back_as_it_was_written) {
    for (auto const vkey : {peter_key, enoch_key}) EXPECT_EQ(key(vkey).vkey(), vkey);
    auto const witness = witness_signer().key();
    auto const again = key(witness.vkey());
    EXPECT_EQ(again.kind(), KeyKind::cosignature);
    EXPECT_EQ(again.name(), witness.name());
    EXPECT_EQ(again.id(), witness.id());
    EXPECT_EQ(again.key().fingerprint(), witness.key().fingerprint());
}

TEST(Note, gos_note_is_signed_and_read_to_the_byte) {
    NoteSigner const peter{"PeterNeumann", KeyKind::ed25519, key_of_seed(encoding::hex_decode(peter_seed).value())};
    EXPECT_EQ(peter.key().vkey(), peter_key);
    EXPECT_EQ(peter.key().id(), 0xc74f20a3u);
    Note const made{text, {peter.sign(text, {})}};
    EXPECT_EQ(made.str(), text + "\n" + peter_line);
}

TEST(Note, either_of_two_keys_verifies_and_strangers_signatures_are_kept) {
    auto const note = Note::parse(text + "\n" + peter_line + enoch_line).value();
    EXPECT_TRUE(verify_note(note, key(peter_key)).ok());
    EXPECT_TRUE(verify_note(note, key(enoch_key)).ok());
    EXPECT_EQ(verify_note(note, key(peter_key)).value().time, TimePoint{});
    EXPECT_EQ(note.str(), text + "\n" + peter_line + enoch_line);
    EXPECT_FALSE(verify_note(note, log_signer().key()).ok());
}

// "The note text MAY contain empty lines; the text is separated from the signatures by the last empty line in the note."
TEST(Note, a_text_may_hold_blank_lines_and_what_looks_like_a_signature) {
    std::string const line = "— quasimodo.example/salvatore "
                             "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    std::string const poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n";
    auto const example = Note::parse(poem + "\n" + line).value();
    EXPECT_EQ(example.text, poem);
    EXPECT_EQ(example.signatures[0].name, "quasimodo.example/salvatore");
    EXPECT_EQ(example.signatures[0].key_id, 0x367ba04bu);
    for (auto const& inner : {std::string{"\n"}, std::string{"\n\n\n"}, std::string{"a\n\n\n"}, "a\n\n" + peter_line}) {
        auto const note = Note::parse(inner + "\n" + peter_line).value();
        EXPECT_EQ(note.text, inner);
        EXPECT_EQ(note.str(), inner + "\n" + peter_line);
    }
}

TEST(Note, the_specifications_cosignature_states_its_time) {
    auto const lines = parse_signature_lines(
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2"
        "oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n");
    ASSERT_EQ(lines.value().size(), 2u);
    EXPECT_EQ(lines.value()[0].bytes.size(), 64u);
    EXPECT_EQ(lines.value()[1].key_id, 0x8d66cf3fu);
    ASSERT_EQ(lines.value()[1].bytes.size(), 72u);
    // "time 1679315147"
    EXPECT_EQ(encoding::hex_encode(ByteView{lines.value()[1].bytes}.first(8)), "00000000641850cb");
}

TEST(Note, signature_lines_alone_are_lines_and_nothing_else) {
    for (auto const& bad : {std::string{}, std::string{"\n"}, "\n" + peter_line, peter_line + "\n", peter_line + peter_line,
                                  text + "\n" + peter_line, peter_line.substr(0, peter_line.size() - 1)}) {
        auto const parsed = parse_signature_lines(bad);
        ASSERT_FALSE(parsed.ok()) << bad;
        EXPECT_EQ(parsed.error(), errors::note_malformed);
    }
    auto const two = parse_signature_lines(peter_line + enoch_line).value();
    EXPECT_EQ(signature_line(two[0]) + signature_line(two[1]), peter_line + enoch_line);
}

// "cosignature/v1\ntime 1679315147\n" and the whole note body.
TEST(Note, a_cosignature_signs_the_header_the_time_and_the_whole_text) {
    auto const pair = key_named("w");
    NoteSigner const witness{"w", KeyKind::cosignature, pair};
    auto const signature = witness.sign("example.com/behind-the-sofa\n20852163\nx\nextension\n", from_millis(1'679'315'147'000));
    ASSERT_EQ(signature.bytes.size(), 72u);
    EXPECT_EQ(encoding::hex_encode(ByteView{signature.bytes}.first(8)), "00000000641850cb");
    auto const message = as_bytes("cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nx\nextension\n");
    EXPECT_TRUE(pair.verify_key().verify(message, ByteView{signature.bytes}.subspan(8)).ok());
}

}  // namespace
}  // namespace zephyr::tlog
