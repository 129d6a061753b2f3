#include "zephyr/tlog/checkpoint.h"

#include <gtest/gtest.h>

#include "tlog/memory_tree.h"
#include "tlog/note_keys.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {
namespace {

std::string const root_line = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
std::string const sofa = "example.com/behind-the-sofa\n20852163\n" + root_line;

Checkpoint audit_checkpoint() {
    return {"log.example/audit", 7, MemoryTree{7}.root(7)};
}
TrustPolicy trusting(std::vector<NoteSigner> const& logs, std::vector<NoteSigner> const& witnesses = {}, std::size_t quorum = 0) {
    TrustPolicy policy;
    for (auto const& log : logs) policy.logs.push_back(log.key());
    for (auto const& witness : witnesses) policy.witnesses.push_back(witness.key());
    policy.quorum = quorum;
    return policy;
}

void malformed(std::string const& text) {
    auto const parsed = Checkpoint::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error(), errors::checkpoint_malformed);
}

// C2SP tlog-checkpoint: "The note text is a sequence of at least three non-empty lines, separated by newlines (U+000A)."
TEST(Checkpoint, fewer_than_three_lines_or_an_empty_one_is_malformed) {
    malformed("");
    malformed("\n\n\n");
    malformed("a\n1\n");
    malformed("a\n1\n" + root_line.substr(0, root_line.size() - 1));
    malformed("\n1\n" + root_line);
    malformed("a\n\n" + root_line);
    malformed("a\n1\n\n");
    malformed("a\n1\n" + root_line + "\n");
    malformed("a\n1\n" + root_line + "extension\n\n");
    malformed("a\n1\n" + root_line + "no newline");
}

// "the ASCII decimal representation of the number of leaves in the tree, with no leading zeroes (unless the tree is empty [...])"
TEST(Checkpoint, a_size_has_one_spelling) {
    for (std::string const size : {"00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "१",
                                   "18446744073709551616", "99999999999999999999"})
        malformed("a\n" + size + "\n" + root_line);
    EXPECT_EQ(Checkpoint::parse("a\n0\n" + root_line).value().size, 0u);
    EXPECT_EQ(Checkpoint::parse("a\n18446744073709551615\n" + root_line).value().size, ~std::uint64_t{0});
}

TEST(Checkpoint, a_root_is_32_bytes_in_strict_base64) {
    for (std::string const root : {"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
                                   "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==",
                                   "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2IA", " CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="})
        malformed("a\n1\n" + root + "\n");
}

TEST(Checkpoint, control_characters_and_broken_utf8_are_refused) {
    malformed("a\r\n1\n" + root_line);
    malformed("a\xff\n1\n" + root_line);
    malformed(sofa + "ext\tension\n");
}

TEST(Checkpoint, lines_that_are_none_cannot_be_written) {
    auto bad = audit_checkpoint();
    bad.origin = "";
    EXPECT_THROW(bad.text(), Fault);
    bad.origin = "log.example/audit\n8";  // would say another size
    EXPECT_THROW(bad.text(), Fault);
    bad = audit_checkpoint();
    bad.extensions = {"fine", ""};
    EXPECT_THROW(bad.text(), Fault);
    bad.extensions = {"two\nlines"};
    EXPECT_THROW(bad.text(), Fault);
}

TEST(Checkpoint, the_specifications_example_reads_and_writes_to_the_byte) {
    auto const checkpoint = Checkpoint::parse(sofa).value();
    EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
    EXPECT_EQ(checkpoint.size, 20852163u);
    EXPECT_EQ(checkpoint.text(), sofa);
    auto const note = sofa +
                      "\n— example.com/behind-the-sofa "
                      "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    auto const parsed = SignedCheckpoint::parse(note).value();
    EXPECT_EQ(parsed.checkpoint, checkpoint);
    EXPECT_EQ(parsed.note.str(), note);
}

TEST(Checkpoint, extensions_are_kept_and_signed) {
    auto const checkpoint = Checkpoint::parse(sofa + "one\ntwo three\n").value();
    EXPECT_EQ(checkpoint.extensions, (std::vector<std::string>{"one", "two three"}));
    EXPECT_EQ(checkpoint.text(), sofa + "one\ntwo three\n");
}

TEST(Checkpoint, a_note_that_is_no_checkpoint_says_which_of_the_two_it_is_not) {
    auto const log = log_signer();
    EXPECT_EQ(SignedCheckpoint::parse(sofa).error(), errors::note_malformed);
    Note const note{"just words\n", {log.sign("just words\n", {})}};
    EXPECT_EQ(SignedCheckpoint::parse(note.str()).error(), errors::checkpoint_malformed);
}

TEST(Checkpoint, without_a_trusted_log_nothing_verifies) {
    auto const log = log_signer();
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {log}), {}).error(), errors::origin_wrong);
}

TEST(Checkpoint, a_trusted_log_cannot_speak_for_another) {
    auto const other = log_signer("other.example/audit");
    // Signed, and by a key that is trusted: but for other.example/audit.
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {other}), trusting({other})).error(), errors::origin_wrong);
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {other}), trusting({other, log_signer()})).error(), errors::note_unsigned);
}

TEST(Checkpoint, another_key_of_the_same_name_is_not_the_logs) {
    NoteSigner const impostor{"log.example/audit", KeyKind::ed25519, key_named("impostor")};
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {impostor}), trusting({log_signer()})).error(), errors::note_unsigned);
}

TEST(Checkpoint, a_changed_number_makes_the_signature_wrong) {
    auto const log = log_signer();
    auto const real = signed_by(audit_checkpoint(), {log}).note.str();
    auto const forged = SignedCheckpoint::parse("log.example/audit\n8" + real.substr(real.find("\n7") + 2)).value();
    ASSERT_EQ(forged.checkpoint.size, 8u);
    EXPECT_EQ(verify_checkpoint(forged, trusting({log})).error(), errors::signature_wrong);
}

TEST(Checkpoint, numbers_that_are_not_what_was_signed_are_a_fault) {
    auto checkpoint = signed_by(audit_checkpoint(), {log_signer()});
    ++checkpoint.checkpoint.size;
    EXPECT_THROW((void)verify_checkpoint(checkpoint, trusting({log_signer()})), Fault);
}

TEST(Checkpoint, either_the_old_or_the_new_key_is_enough_while_a_key_is_changed) {
    auto const old_key = log_signer();
    NoteSigner const new_key{"log.example/audit", KeyKind::ed25519, key_named("new")};
    auto const both = trusting({old_key, new_key});
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {old_key}), both).ok());
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {new_key}), both).ok());
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {old_key, new_key}), trusting({old_key})).ok());
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {old_key, new_key}), trusting({new_key})).ok());
}

// C2SP signed-note: "If a signature from a known key fails to verify, clients SHOULD reject the whole note."
TEST(Checkpoint, one_wrong_signature_of_a_trusted_key_spoils_the_good_ones) {
    auto const log = log_signer();
    NoteSigner const second{"log.example/audit", KeyKind::ed25519, key_named("new")};
    auto const witness = witness_signer();
    for (std::size_t wrong = 0; wrong < 3; ++wrong) {
        auto checkpoint = signed_by(audit_checkpoint(), {log, second, witness});
        checkpoint.note.signatures[wrong].bytes.back() ^= std::byte{1};
        EXPECT_EQ(verify_checkpoint(checkpoint, trusting({log, second}, {witness}, 0)).error(), errors::signature_wrong) << wrong;
    }
}

TEST(Checkpoint, fewer_witnesses_than_the_quorum_are_too_few) {
    auto const log = log_signer();
    std::vector const witnesses{witness_signer("w1"), witness_signer("w2"), witness_signer("w3")};
    auto const policy = trusting({log}, witnesses, 2);
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {log}), policy).error(), errors::witnesses_missing);
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {log, witnesses[0]}), policy).error(), errors::witnesses_missing);
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {log, witnesses[0], witnesses[2]}), policy).ok());
    EXPECT_TRUE(verify_checkpoint(signed_by(audit_checkpoint(), {log, witnesses[0], witnesses[1], witnesses[2]}), policy).ok());
}

TEST(Checkpoint, a_quorum_above_the_number_of_witnesses_is_never_met) {
    auto const log = log_signer();
    auto const witness = witness_signer();
    auto const checkpoint = signed_by(audit_checkpoint(), {log, witness});
    EXPECT_EQ(verify_checkpoint(checkpoint, trusting({log}, {witness}, 2)).error(), errors::witnesses_missing);
}

TEST(Checkpoint, a_stranger_is_no_witness) {
    auto const log = log_signer();
    auto const policy = trusting({log}, {witness_signer("w1")}, 1);
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {log, witness_signer("w2")}), policy).error(), errors::witnesses_missing);
}

TEST(Checkpoint, one_key_under_two_names_is_one_witness) {
    auto const log = log_signer();
    auto const pair = key_named("one pair");
    NoteSigner const first{"w1", KeyKind::cosignature, pair};
    NoteSigner const second{"w2", KeyKind::cosignature, pair};
    auto const checkpoint = signed_by(audit_checkpoint(), {log, first, second});
    EXPECT_EQ(verify_checkpoint(checkpoint, trusting({log}, {first, second}, 2)).error(), errors::witnesses_missing);
    EXPECT_EQ(verify_checkpoint(checkpoint, trusting({log}, {first, first}, 2)).error(), errors::witnesses_missing);
}

TEST(Checkpoint, a_log_is_not_its_own_witness) {
    auto const log = log_signer();
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {log}), trusting({log}, {log}, 1)).error(), errors::witnesses_missing);
    // Nor does a witness's key speak for a log.
    NoteSigner const witness{"log.example/audit", KeyKind::cosignature, key_named("w")};
    EXPECT_EQ(verify_checkpoint(signed_by(audit_checkpoint(), {witness}), trusting({witness})).error(), errors::note_unsigned);
}

}  // namespace
}  // namespace zephyr::tlog
