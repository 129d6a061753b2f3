// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 2.1): one hash that stands for every entry and their order.
//
// Everything here is arithmetic on hashes; where they are kept is log_files.h.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::tlog {

namespace errors {
// The hashes do not lead to the root that was given.
inline constexpr Failure proof_wrong{Kind::invalid, "tlog.proof_wrong"};
// An index outside the tree, an old size above the new one.
inline constexpr Failure proof_out_of_range{Kind::invalid, "tlog.proof_out_of_range"};
}  // namespace errors

using Hash = std::array<std::byte, 32>;  // SHA-256
using HashList = std::vector<Hash>;

Hash leaf_hash(ByteView entry);                           // SHA-256(0x00 || entry)
Hash node_hash(Hash const& left, Hash const& right);      // SHA-256(0x01 || left || right)
Hash empty_root();                                        // SHA-256 of nothing

// The hash of the complete subtree over the leaves [index * 2^level, (index + 1) * 2^level). Asked only for subtrees that
// lie wholly inside the tree. May throw.
using NodeReader = std::function<Hash(unsigned level, std::uint64_t index)>;

Hash root_of(std::uint64_t size, NodeReader const& nodes);
// From the leaf's sibling up to the root's child, RFC 6962 2.1.1. Fails with proof_out_of_range unless index < size.
Result<HashList> inclusion_proof(std::uint64_t index, std::uint64_t size, NodeReader const& nodes);
// RFC 6962 2.1.2. Empty for an old size of 0 or equal sizes. Fails with proof_out_of_range when old_size > new_size.
Result<HashList> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, NodeReader const& nodes);

// RFC 9162 2.1.3.2 and 2.1.4.2. Fail with proof_wrong or proof_out_of_range. A proof of another length than the sizes demand is wrong.
// From an old size of 0 nothing can be proved (every tree continues the empty one), so that is proof_out_of_range unless both are 0.
Result<void> verify_inclusion(std::uint64_t index, std::uint64_t size, Hash const& leaf, HashList const& proof, Hash const& root);
Result<void> verify_consistency(std::uint64_t old_size, std::uint64_t new_size, Hash const& old_root, Hash const& new_root,
                                HashList const& proof);

// The same for a part [start, end) of a tree, draft-ietf-plants-merkle-tree-certs 4.3.3 and 4.4.3: that the part holds an entry, and that
// a tree of `size` entries holds the part. A part begins at a multiple of the smallest power of two that is no less than its length;
// proof_out_of_range for others.
Result<void> verify_subtree_inclusion(std::uint64_t index, std::uint64_t start, std::uint64_t end, Hash const& leaf, HashList const& proof,
                                      Hash const& subtree_root);
Result<void> verify_subtree_consistency(std::uint64_t start, std::uint64_t end, std::uint64_t size, Hash const& subtree_root,
                                        Hash const& root, HashList const& proof);

// The right edge of a growing tree: O(log n) memory, and the root at every size.
class Frontier {
public:
    Frontier() = default;
    // The edge of a tree of that size, read from its complete subtrees.
    Frontier(std::uint64_t size, NodeReader const& nodes);
    void append(Hash const& leaf);
    std::uint64_t size() const { return size_; }
    Hash root() const;

private:
    std::uint64_t size_ = 0;
    HashList peaks_;  // the complete subtrees, largest first
};

}  // namespace zephyr::tlog
