#include "zephyr/tlog/merkle.h"

#include <limits>

#include "tlog/memory_tree.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::tlog {
namespace {

constexpr auto endless = std::numeric_limits<std::uint64_t>::max();

// Every way to spoil a proof that changes what it says.
std::vector<HashList> spoiled(HashList const& proof) {
    std::vector<HashList> out;
    for (std::size_t i = 0; i < proof.size(); ++i) {
        for (unsigned bit = 0; bit < 256; ++bit) {
            out.push_back(proof);
            out.back()[i][bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        }
        out.push_back(proof);  // one missing
        out.back().erase(out.back().begin() + static_cast<std::ptrdiff_t>(i));
        out.push_back(proof);  // one twice
        out.back().insert(out.back().begin() + static_cast<std::ptrdiff_t>(i), proof[i]);
        if (i > 0) {
            out.push_back(proof);
            std::swap(out.back()[i - 1], out.back()[i]);
        }
    }
    out.push_back(proof);
    out.back().push_back(empty_root());
    out.push_back(proof);
    out.back().insert(out.back().begin(), empty_root());
    return out;
}

TEST(Merkle, an_index_at_or_beyond_the_size_is_refused) {
    MemoryTree const tree{5};
    EXPECT_EQ(inclusion_proof(5, 5, tree.nodes(5)).error(), errors::proof_out_of_range);
    EXPECT_EQ(inclusion_proof(0, 0, tree.nodes(0)).error(), errors::proof_out_of_range);
    EXPECT_EQ(inclusion_proof(endless, 5, tree.nodes(5)).error(), errors::proof_out_of_range);
    // RFC 9162 2.1.3.2: "If leaf_index is greater than or equal to tree_size, then fail the proof verification."
    EXPECT_EQ(verify_inclusion(5, 5, tree.leaf(4), tree.path(4, 0, 5), tree.root(5)).error(), errors::proof_out_of_range);
    EXPECT_EQ(verify_inclusion(0, 0, tree.leaf(0), {}, empty_root()).error(), errors::proof_out_of_range);
}

TEST(Merkle, an_old_tree_larger_than_the_new_one_is_refused) {
    MemoryTree const tree{7};
    EXPECT_EQ(consistency_proof(7, 6, tree.nodes(6)).error(), errors::proof_out_of_range);
    EXPECT_EQ(verify_consistency(7, 6, tree.root(7), tree.root(6), tree.subproof(6, 0, 7)).error(), errors::proof_out_of_range);
}

TEST(Merkle, nothing_can_be_proved_from_the_empty_tree_to_another) {
    MemoryTree const tree{3};
    EXPECT_EQ(consistency_proof(0, 3, tree.nodes(3)).value(), HashList{});
    EXPECT_EQ(verify_consistency(0, 3, empty_root(), tree.root(3), {}).error(), errors::proof_out_of_range);
    EXPECT_EQ(verify_consistency(0, 3, empty_root(), tree.root(3), {tree.root(3)}).error(), errors::proof_out_of_range);
}

TEST(Merkle, two_trees_of_one_size_have_one_root_and_no_proof) {
    MemoryTree const tree{4};
    EXPECT_TRUE(verify_consistency(4, 4, tree.root(4), tree.root(4), {}).ok());
    EXPECT_EQ(verify_consistency(4, 4, tree.root(4), tree.root(3), {}).error(), errors::proof_wrong);
    EXPECT_EQ(verify_consistency(4, 4, tree.root(4), tree.root(4), {tree.root(4)}).error(), errors::proof_wrong);
    EXPECT_TRUE(verify_consistency(0, 0, empty_root(), empty_root(), {}).ok());
    EXPECT_EQ(verify_consistency(0, 0, tree.root(4), tree.root(4), {}).error(), errors::proof_wrong);
}

TEST(Merkle, a_growing_tree_without_a_proof_is_refused) {
    MemoryTree const tree{8};
    for (std::uint64_t old_size = 1; old_size < 8; ++old_size) {
        // RFC 9162 2.1.4.2: "If consistency_path is an empty array, stop and fail the proof verification."
        EXPECT_EQ(verify_consistency(old_size, 8, tree.root(old_size), tree.root(8), {}).error(), errors::proof_wrong) << old_size;
        EXPECT_EQ(verify_consistency(old_size, 8, tree.root(8), tree.root(8), {}).error(), errors::proof_wrong) << old_size;
    }
}

TEST(Merkle, every_bit_and_every_hash_of_an_inclusion_proof_counts) {
    MemoryTree const tree{13};
    for (std::uint64_t index = 0; index < 13; ++index)
        for (auto const& proof : spoiled(tree.path(index, 0, 13)))
            ASSERT_FALSE(verify_inclusion(index, 13, tree.leaf(index), proof, tree.root(13)).ok()) << index;
}

TEST(Merkle, every_bit_and_every_hash_of_a_consistency_proof_counts) {
    MemoryTree const tree{13};
    for (std::uint64_t old_size = 1; old_size < 13; ++old_size)
        for (auto const& proof : spoiled(tree.subproof(old_size, 0, 13)))
            ASSERT_FALSE(verify_consistency(old_size, 13, tree.root(old_size), tree.root(13), proof).ok()) << old_size;
}

TEST(Merkle, a_proof_for_another_place_or_another_leaf_is_wrong) {
    MemoryTree const tree{21};
    for (std::uint64_t index = 0; index < 21; ++index) {
        auto const proof = tree.path(index, 0, 21);
        for (std::uint64_t other = 0; other < 21; ++other) {
            if (other == index) continue;
            EXPECT_FALSE(verify_inclusion(other, 21, tree.leaf(index), proof, tree.root(21)).ok()) << index << " as " << other;
            EXPECT_FALSE(verify_inclusion(index, 21, tree.leaf(other), proof, tree.root(21)).ok()) << other << " at " << index;
        }
        EXPECT_FALSE(verify_inclusion(index, 21, tree.leaf(index), proof, tree.root(20)).ok());
    }
}

TEST(Merkle, a_root_of_another_size_is_wrong_on_either_side_of_a_consistency_proof) {
    MemoryTree const tree{21};
    for (std::uint64_t old_size = 1; old_size < 21; ++old_size) {
        auto const proof = tree.subproof(old_size, 0, 21);
        for (std::uint64_t other = 0; other <= 21; ++other) {
            auto const verified = [&](Hash const& old_root, Hash const& new_root) {
                return verify_consistency(old_size, 21, old_root, new_root, proof).ok();
            };
            EXPECT_EQ(verified(tree.root(other), tree.root(21)), other == old_size) << other;
            EXPECT_EQ(verified(tree.root(old_size), tree.root(other)), other == 21) << other;
        }
    }
}

TEST(Merkle, a_proof_needs_the_length_that_the_sizes_demand) {
    // A tree that claims to be larger than it is: the same hashes, another size.
    MemoryTree const tree{6};
    auto const proof = tree.path(2, 0, 6);
    for (std::uint64_t size : {std::uint64_t{3}, std::uint64_t{4}, std::uint64_t{9}, std::uint64_t{1} << 40, endless})
        EXPECT_EQ(verify_inclusion(2, size, tree.leaf(2), proof, tree.root(6)).error(), errors::proof_wrong) << size;
}

// RFC 9162 2.1.3.2: "If sn is 0, then stop the iteration and fail the proof verification." Every hash here leads to its root.
TEST(Merkle, a_path_that_leads_to_the_root_from_beyond_the_stated_size_is_wrong) {
    MemoryTree const tree{8};
    EXPECT_EQ(verify_inclusion(0, 1, tree.leaf(1), {tree.leaf(0)}, tree.root(2)).error(), errors::proof_wrong);
    EXPECT_EQ(verify_inclusion(2, 3, tree.leaf(6), tree.path(6, 0, 7), tree.root(7)).error(), errors::proof_wrong);
    auto const proof = tree.subproof(7, 0, 8);
    ASSERT_TRUE(verify_consistency(7, 8, tree.root(7), tree.root(8), proof).ok());
    EXPECT_EQ(verify_consistency(3, 4, tree.root(7), tree.root(8), proof).error(), errors::proof_wrong);
    EXPECT_EQ(verify_subtree_consistency(0, 3, 4, tree.root(7), tree.root(8), proof).error(), errors::proof_wrong);
}

TEST(Merkle, the_largest_sizes_are_judged_and_end) {
    HashList const proof(64, empty_root());
    EXPECT_EQ(verify_inclusion(0, endless, empty_root(), proof, empty_root()).error(), errors::proof_wrong);
    EXPECT_EQ(verify_inclusion(endless - 1, endless, empty_root(), proof, empty_root()).error(), errors::proof_wrong);
    EXPECT_EQ(verify_consistency(1, endless, empty_root(), empty_root(), proof).error(), errors::proof_wrong);
    EXPECT_EQ(verify_consistency(endless - 1, endless, empty_root(), empty_root(), proof).error(), errors::proof_wrong);
    EXPECT_EQ(verify_subtree_consistency(0, endless, endless, empty_root(), empty_root(), proof).error(), errors::proof_wrong);
}

TEST(Merkle, two_hashes_logged_as_an_entry_are_no_inner_node) {
    // RFC 6962 2.1: "This domain separation is required to give second preimage resistance."
    MemoryTree const tree{2};
    Bytes entry = to_bytes(tree.leaf(0));
    entry.insert(entry.end(), tree.leaf(1).begin(), tree.leaf(1).end());
    EXPECT_NE(leaf_hash(entry), tree.root(2));
    entry.insert(entry.begin(), std::byte{0x01});
    EXPECT_NE(leaf_hash(entry), tree.root(2));
    EXPECT_EQ(crypto::sha256_of({entry}), tree.root(2));
}

TEST(Merkle, the_empty_tree_is_the_hash_of_nothing) {
    EXPECT_EQ(encoding::hex_encode(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(root_of(0, [](unsigned, std::uint64_t) -> Hash { throw std::logic_error{"asked for a node of no tree"}; }), empty_root());
    EXPECT_EQ(Frontier{}.root(), empty_root());
}

// RFC 6962 2.1.3, its tree of seven leaves: "The audit path for d0 is [b, h, l].", "The audit path for d3 is [c, g, l].", "The audit path
// for d4 is [f, j, k].", "The audit path for d6 is [i, k]."
TEST(Merkle, the_audit_paths_of_the_rfcs_example_tree_are_its_own) {
    MemoryTree const t{7};
    auto const g = t.root(0, 2), h = t.root(2, 4), i = t.root(4, 6), k = t.root(0, 4), l = t.root(4, 7);
    EXPECT_EQ(inclusion_proof(0, 7, t.nodes(7)).value(), (HashList{t.leaf(1), h, l}));
    EXPECT_EQ(inclusion_proof(3, 7, t.nodes(7)).value(), (HashList{t.leaf(2), g, l}));
    EXPECT_EQ(inclusion_proof(4, 7, t.nodes(7)).value(), (HashList{t.leaf(5), t.leaf(6), k}));
    EXPECT_EQ(inclusion_proof(6, 7, t.nodes(7)).value(), (HashList{i, k}));
}

// The same tree: "The consistency proof between hash0 and hash is PROOF(3, D[7]) = [c, d, g, l].", "PROOF(4, D[7]) = [l]",
// "PROOF(6, D[7]) = [i, j, k]".
TEST(Merkle, the_consistency_proofs_of_the_rfcs_example_tree_are_its_own) {
    MemoryTree const t{7};
    auto const g = t.root(0, 2), i = t.root(4, 6), j = t.leaf(6), k = t.root(0, 4), l = t.root(4, 7);
    EXPECT_EQ(consistency_proof(3, 7, t.nodes(7)).value(), (HashList{t.leaf(2), t.leaf(3), g, l}));
    EXPECT_EQ(consistency_proof(4, 7, t.nodes(7)).value(), HashList{l});
    EXPECT_EQ(consistency_proof(6, 7, t.nodes(7)).value(), (HashList{i, j, k}));
}

TEST(Merkle, every_inclusion_proof_is_the_rfcs_path_and_verifies) {
    MemoryTree const tree{70};
    for (std::uint64_t size = 1; size <= 70; ++size) {
        for (std::uint64_t index = 0; index < size; ++index) {
            auto const proof = inclusion_proof(index, size, tree.nodes(size)).value();
            ASSERT_EQ(proof, tree.path(index, 0, size)) << index << " of " << size;
            ASSERT_TRUE(verify_inclusion(index, size, tree.leaf(index), proof, tree.root(size)).ok()) << index << " of " << size;
        }
    }
}

TEST(Merkle, every_consistency_proof_is_the_rfcs_and_verifies) {
    MemoryTree const tree{70};
    for (std::uint64_t size = 1; size <= 70; ++size) {
        for (std::uint64_t old_size = 1; old_size <= size; ++old_size) {
            auto const proof = consistency_proof(old_size, size, tree.nodes(size)).value();
            ASSERT_EQ(proof, tree.subproof(old_size, 0, size)) << old_size << " to " << size;
            ASSERT_TRUE(verify_consistency(old_size, size, tree.root(old_size), tree.root(size), proof).ok()) << old_size << " to " << size;
        }
    }
}

TEST(Merkle, root_of_and_the_frontier_agree_with_the_definition_at_every_size) {
    MemoryTree const tree{130};
    Frontier frontier;
    for (std::uint64_t size = 0; size <= 130; ++size) {
        EXPECT_EQ(frontier.size(), size);
        EXPECT_EQ(frontier.root(), tree.root(size)) << size;
        EXPECT_EQ(root_of(size, tree.nodes(size)), tree.root(size)) << size;
        if (size < 130) frontier.append(tree.leaf(size));
    }
}

TEST(Merkle, a_frontier_read_from_complete_subtrees_goes_on_as_if_it_had_never_stopped) {
    MemoryTree const tree{100};
    for (std::uint64_t size = 0; size <= 100; ++size) {
        Frontier frontier{size, tree.nodes(size)};
        ASSERT_EQ(frontier.size(), size);
        ASSERT_EQ(frontier.root(), tree.root(size)) << size;
        for (auto next = size; next < 100; ++next) frontier.append(tree.leaf(next));
        ASSERT_EQ(frontier.root(), tree.root(100)) << size;
    }
}

TEST(Merkle, a_proof_out_of_ten_million_reads_few_nodes) {
    constexpr std::uint64_t ten_million = 10'000'000;
    unsigned reads = 0;
    NodeReader const nodes = [&](unsigned level, std::uint64_t index) {
        ++reads;
        EXPECT_LE((index + 1) << level, ten_million);
        return hash_of(std::to_string(level) + "/" + std::to_string(index));
    };
    for (std::uint64_t index : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{8'388'608}, ten_million - 1}) {
        reads = 0;
        EXPECT_LE(inclusion_proof(index, ten_million, nodes).value().size(), 24u);
        EXPECT_LE(reads, 48u) << index;
    }
    reads = 0;
    EXPECT_LE(consistency_proof(1, ten_million, nodes).value().size(), 25u);
    EXPECT_LE(reads, 48u);
}

TEST(Merkle, a_part_that_is_no_subtree_is_refused) {
    MemoryTree const tree{16};
    // 4.1: "start is a multiple of BIT_CEIL(end - start)".
    for (auto const& [start, end] : {std::pair{1, 3}, {2, 5}, {2, 6}, {4, 9}, {7, 5}, {12, 17}}) {
        auto const from = static_cast<std::uint64_t>(start), until = static_cast<std::uint64_t>(end);
        EXPECT_EQ(verify_subtree_consistency(from, until, 16, empty_root(), empty_root(), {}).error(), errors::proof_out_of_range) << start;
        EXPECT_EQ(verify_subtree_inclusion(from, from, until, tree.leaf(from), {}, empty_root()).error(), errors::proof_out_of_range);
    }
    constexpr auto above_half = (std::uint64_t{1} << 63) + 1;
    EXPECT_EQ(verify_subtree_consistency(1, above_half + 1, endless, empty_root(), empty_root(), {}).error(), errors::proof_out_of_range);
}

TEST(Merkle, every_subtree_is_proved_to_stand_in_its_tree_and_spoiled_proofs_are_not) {
    MemoryTree const tree{21};
    for (std::uint64_t start = 0; start <= 21; ++start) {
        for (auto end = start; end <= 21; ++end) {
            if (start % std::bit_ceil(end - start) != 0) continue;
            auto const part = tree.root(start, end);
            auto const proof = tree.subtree_proof(start, end, 0, 21);
            ASSERT_TRUE(verify_subtree_consistency(start, end, 21, part, tree.root(21), proof).ok()) << start << " to " << end;
            if (start == end) continue;
            for (auto const& bad : spoiled(proof))
                ASSERT_FALSE(verify_subtree_consistency(start, end, 21, part, tree.root(21), bad).ok()) << start << " to " << end;
            for (auto index = start; index < end; ++index) {
                auto const path = tree.path(index, start, end);
                ASSERT_TRUE(verify_subtree_inclusion(index, start, end, tree.leaf(index), path, part).ok()) << index;
            }
        }
    }
}

}  // namespace
}  // namespace zephyr::tlog
