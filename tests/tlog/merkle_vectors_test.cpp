// Cases of other people: see tests/vectors/merkle/SOURCE.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "tlog/memory_tree.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {
namespace {

using encoding::Json;

Json read_json(std::string const& name) {
    std::ostringstream text;
    text << std::ifstream{"tests/vectors/merkle/" + name}.rdbuf();
    auto json = encoding::parse_json(text.str(), {.bytes = 1024 * 1024, .depth = 8});
    EXPECT_TRUE(json.ok()) << name;
    return json.ok() ? std::move(json).value() : Json{};
}

// One less than 0 is written as 2^64 - 1 there, which is no integer of ours.
std::uint64_t number_at(Json const& object, std::string_view name) {
    auto const integer = object.find(name)->integer();
    return integer ? static_cast<std::uint64_t>(*integer) : ~std::uint64_t{0};
}

// A hash has 32 bytes here. Roots and proofs of the cases with fewer (texts, and nothing at all) are filled up with zeros: other hashes all
// the same.
Hash hash_from(std::string const& base64) {
    auto const bytes = encoding::base64_decode(base64).value();
    Hash hash{};
    EXPECT_LE(bytes.size(), hash.size());
    std::ranges::copy(bytes, hash.begin());
    return hash;
}
Hash hash_at(Json const& object, std::string_view name) {
    return hash_from(object.string_at(name).value_or(""));
}
HashList proof_at(Json const& object) {
    HashList proof;
    auto const* const hashes = object.find("proof")->items();  // null where the proof is null
    if (hashes == nullptr) return proof;
    for (auto const& hash : *hashes) proof.push_back(hash_from(*hash.string()));
    return proof;
}

// Calls verify(case); what it says must be what the case wants. The counts are exact, so that a shortened file cannot pass.
template <class Verify>
void judge(std::string const& file, int good, int bad, Verify verify) {
    int accepted = 0, refused = 0;
    auto const json = read_json(file);
    for (auto const& one : *json.find("cases")->items()) {
        bool const want_error = one.find("wantErr")->boolean().value();
        EXPECT_EQ(verify(one).ok(), !want_error) << one.string_at("id").value();
        ++(want_error ? refused : accepted);
    }
    EXPECT_EQ(accepted, good);
    EXPECT_EQ(refused, bad);
}

// A leaf's hash of another length is not to be had: every parser of this room refuses it.
bool has_leaf(Json const& object) {
    return encoding::base64_decode(object.string_at("leafHash").value_or("")).value().size() == sizeof(Hash);
}

TEST(MerkleVectors, every_inclusion_case_agrees) {
    judge("inclusion.json", 3, 46, [](Json const& c) -> Result<void> {
        if (!has_leaf(c)) return errors::proof_malformed;
        return verify_inclusion(number_at(c, "leafIdx"), number_at(c, "treeSize"), hash_at(c, "leafHash"), proof_at(c), hash_at(c, "root"));
    });
}

TEST(MerkleVectors, every_consistency_case_agrees) {
    judge("consistency.json", 3, 46, [](Json const& c) {
        return verify_consistency(number_at(c, "size1"), number_at(c, "size2"), hash_at(c, "root1"), hash_at(c, "root2"), proof_at(c));
    });
}

TEST(MerkleVectors, every_subtree_inclusion_case_agrees) {
    judge("subtreeinclusion.json", 6, 96, [](Json const& c) -> Result<void> {
        if (!has_leaf(c)) return errors::proof_malformed;
        return verify_subtree_inclusion(number_at(c, "leafIdx"), number_at(c, "start"), number_at(c, "end"), hash_at(c, "leafHash"),
                                        proof_at(c), hash_at(c, "root"));
    });
}

TEST(MerkleVectors, every_subtree_consistency_case_agrees) {
    judge("subtreeconsistency.json", 6, 53, [](Json const& c) {
        return verify_subtree_consistency(number_at(c, "start"), number_at(c, "end"), number_at(c, "size"), hash_at(c, "root1"),
                                          hash_at(c, "root2"), proof_at(c));
    });
}

TEST(MerkleVectors, the_reference_tree_has_its_roots_at_every_size) {
    auto const json = read_json("reference_tree.json");
    auto const& roots = *json.find("root_hash_by_size");
    Frontier frontier;
    auto const& inputs = *json.find("leaf_inputs_hex")->items();
    for (std::size_t size = 0; size <= inputs.size(); ++size) {
        EXPECT_EQ(encoding::hex_encode(frontier.root()), roots.string_at(std::to_string(size))) << size;
        if (size < inputs.size()) frontier.append(leaf_hash(encoding::hex_decode(*inputs[size].string()).value()));
    }
    EXPECT_EQ(inputs.size(), 8u);
}

TEST(MerkleVectors, the_reference_hashes_of_leaves_are_ours) {
    auto const json = read_json("reference_tree.json");
    auto const& cases = *json.find("leaf_hash_of")->members();
    for (auto const& [input, hash] : cases)
        EXPECT_EQ(encoding::hex_encode(leaf_hash(encoding::hex_decode(input).value())), *hash.string()) << input;
    EXPECT_EQ(cases.size(), 2u);
}

}  // namespace
}  // namespace zephyr::tlog
