#include <gtest/gtest.h>

#include "tlog/memory_tree.h"
#include "tlog/note_keys.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {
namespace {

LogProof proof_of(std::uint64_t index, std::uint64_t size) {
    MemoryTree const tree{size};
    return {index, tree.path(index, 0, size), signed_by({"log.example/audit", size, tree.root(size)}, {log_signer()})};
}
TrustPolicy policy() {
    return {{log_signer().key()}, {}, 0};
}
std::string replaced(std::string text, std::string const& from, std::string const& to) {
    auto const at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}
void malformed(std::string const& text) {
    auto const parsed = LogProof::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error(), errors::proof_malformed);
}

TEST(LogProof, every_truncation_is_malformed) {
    auto const text = proof_of(3, 7).str();
    for (std::size_t length = 0; length < text.size(); ++length) malformed(text.substr(0, length));
}

TEST(LogProof, a_first_line_of_another_format_or_version_is_malformed) {
    auto const text = proof_of(3, 7).str();
    malformed(replaced(text, "@v1\n", "@v2\n"));
    malformed(replaced(text, "@v1\n", "@v1 \n"));
    malformed(replaced(text, "@v1\n", "@v1\r\n"));
    malformed("\n" + text);
    malformed(text.substr(text.find('\n') + 1));
}

// C2SP tlog-proof: "represented as an ASCII decimal with no leading zeroes (unless the index is `0`)."
TEST(LogProof, an_index_has_one_spelling) {
    auto const text = proof_of(3, 7).str();
    for (std::string const bad : {"03", "-3", "+3", "3 ", " 3", "", "0x3", "18446744073709551616"})
        malformed(replaced(text, "index 3\n", "index " + bad + "\n"));
    malformed(replaced(text, "index 3\n", "Index 3\n"));
    malformed(replaced(text, "index 3\n", "index 3\nindex 3\n"));
    malformed(replaced(text, "index 3\n", ""));
}

TEST(LogProof, hashes_are_32_bytes_in_strict_base64_and_at_most_64) {
    auto proof = proof_of(3, 7);
    auto const text = proof.str();
    malformed(replaced(text, "=\n", "\n"));
    malformed(replaced(text, "=\n", "= \n"));
    malformed(replaced(text, "index 3\n", "index 3\nAAAA\n"));
    proof.path.assign(64, empty_root());
    EXPECT_TRUE(LogProof::parse(proof.str()).ok());
    proof.path.push_back(empty_root());
    malformed(proof.str());
}

// "If no extra data is present, this line is omitted."
TEST(LogProof, extra_data_is_strict_base64_stands_before_the_index_and_is_not_empty) {
    auto const text = proof_of(3, 7).str();
    malformed(replaced(text, "index 3\n", "extra \nindex 3\n"));
    malformed(replaced(text, "index 3\n", "extra QQ\nindex 3\n"));
    malformed(replaced(text, "index 3\n", "index 3\nextra QQ==\n"));
    malformed(replaced(text, "index 3\n", "extra QQ==\nextra QQ==\nindex 3\n"));
    malformed(replaced(text, "index 3\n", "comment QQ==\nindex 3\n"));
    EXPECT_EQ(LogProof::parse(replaced(text, "index 3\n", "extra QQ==\nindex 3\n")).value().extra, to_bytes("A"));
}

TEST(LogProof, what_vouches_for_it_must_be_a_checkpoint) {
    auto const text = proof_of(3, 7).str();
    auto const head = text.substr(0, text.find("\n\n") + 2);
    malformed(head);
    malformed(head + "no note\n");
    malformed(head + "words\n\n" + signature_line(log_signer().sign("words\n", {})));
    malformed(head + "\n" + text.substr(head.size()));
}

TEST(LogProof, a_proof_of_a_quarter_megabyte_is_refused_unread) {
    auto proof = proof_of(3, 7);
    proof.extra.assign(256 * 1024, std::byte{7});
    malformed(proof.str());
}

TEST(LogProof, it_reads_back_as_it_was_written_for_every_place) {
    for (std::uint64_t size = 1; size <= 17; ++size) {
        for (std::uint64_t index = 0; index < size; ++index) {
            auto proof = proof_of(index, size);
            if (index % 2 == 1) proof.extra = to_bytes("anything \xff");
            auto const parsed = LogProof::parse(proof.str()).value();
            EXPECT_EQ(parsed.str(), proof.str());
            EXPECT_EQ(parsed.index, index);
            EXPECT_EQ(parsed.path, proof.path);
            EXPECT_EQ(parsed.extra, proof.extra);
            EXPECT_TRUE(verify_proof(parsed, as_bytes("entry " + std::to_string(index)), policy()).ok());
        }
    }
}

TEST(LogProof, another_entry_or_another_index_is_wrong) {
    auto proof = proof_of(3, 7);
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 4"), policy()).error(), errors::proof_wrong);
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3 "), policy()).error(), errors::proof_wrong);
    EXPECT_EQ(verify_proof(proof, {}, policy()).error(), errors::proof_wrong);
    proof.index = 2;
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3"), policy()).error(), errors::proof_wrong);
    proof.index = 7;
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3"), policy()).error(), errors::proof_out_of_range);
}

TEST(LogProof, the_signature_is_asked_for_before_the_hashes) {
    auto const proof = proof_of(3, 7);
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3"), {}).error(), errors::origin_wrong);
    TrustPolicy impostor{{NoteKey{"log.example/audit", KeyKind::ed25519, key_named("impostor").verify_key()}}, {}, 0};
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 4"), impostor).error(), errors::note_unsigned);
    auto const witnessed = TrustPolicy{policy().logs, {witness_signer().key()}, 1};
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3"), witnessed).error(), errors::witnesses_missing);
}

// A real checkpoint and a real path, but of two sizes: nothing of the log's is forged, and still it proves nothing.
TEST(LogProof, the_path_of_another_size_is_wrong) {
    auto proof = proof_of(3, 7);
    proof.path = MemoryTree{6}.path(3, 0, 6);
    EXPECT_EQ(verify_proof(proof, as_bytes("entry 3"), policy()).error(), errors::proof_wrong);
}

TEST(LogProof, extra_data_is_authenticated_by_nothing) {
    auto proof = proof_of(3, 7);
    proof.extra = to_bytes("whoever reads this must not believe it");
    EXPECT_TRUE(verify_proof(proof, as_bytes("entry 3"), policy()).ok());
}

}  // namespace
}  // namespace zephyr::tlog
