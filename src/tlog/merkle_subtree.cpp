// Parts of trees: draft-ietf-plants-merkle-tree-certs. Newer than RFC 9162, of which it keeps the arithmetic.
#include <bit>

#include "zephyr/tlog/merkle.h"

namespace zephyr::tlog {

namespace {

// 4.1: "start is a multiple of BIT_CEIL(end - start)", the smallest power of two that is no less. A length above 2^63 fits at 0 alone.
bool is_subtree(std::uint64_t start, std::uint64_t end) {
    if (start > end) return false;
    auto const length = end - start;
    constexpr auto largest_power = std::uint64_t{1} << 63;
    return length > largest_power ? start == 0 : start % std::bit_ceil(length) == 0;
}

}  // namespace

// 4.3.2: "This is the same as the procedure in Section 2.1.3.2 of RFC 9162, where leaf_index is index - start, tree_size is end - start".
Result<void> verify_subtree_inclusion(std::uint64_t index, std::uint64_t start, std::uint64_t end, Hash const& leaf, HashList const& proof,
                                      Hash const& subtree_root) {
    if (!is_subtree(start, end) || index < start || index >= end) return errors::proof_out_of_range;
    return verify_inclusion(index - start, end - start, leaf, proof, subtree_root);
}

// The comments are the steps of 4.4.3.
Result<void> verify_subtree_consistency(std::uint64_t start, std::uint64_t end, std::uint64_t size, Hash const& subtree_root,
                                        Hash const& root, HashList const& proof) {
    if (!is_subtree(start, end) || end > size) return errors::proof_out_of_range;
    if (start == end) {
        if (!proof.empty() || subtree_root != empty_root()) return errors::proof_wrong;
        return success();
    }
    auto fn = start;
    auto sn = end - 1;
    auto tn = size - 1;
    auto const shift = [&] {
        fn >>= 1;
        sn >>= 1;
        tn >>= 1;
    };
    // "If sn is tn, then: Until fn is sn, right-shift fn, sn, and tn equally. Otherwise: Until fn is sn or LSB(sn) is not set".
    bool const to_the_end = sn == tn;
    while (fn != sn && (to_the_end || (sn & 1) != 0)) shift();
    auto next = proof.begin();
    if (fn != sn && next == proof.end()) return errors::proof_wrong;
    auto fr = fn == sn ? subtree_root : *next++;
    auto sr = fr;
    for (; next != proof.end(); ++next) {
        if (tn == 0) return errors::proof_wrong;  // "If tn is 0, then stop the iteration and fail the proof verification."
        if ((sn & 1) != 0 || sn == tn) {
            if (fn < sn) fr = node_hash(*next, fr);
            sr = node_hash(*next, sr);
            while ((sn & 1) == 0) shift();  // "Until LSB(sn) is set"
        } else {
            sr = node_hash(sr, *next);
        }
        shift();
    }
    // "Compare tn to 0, fr to node_hash, and sr to root_hash."
    if (tn != 0 || fr != subtree_root || sr != root) return errors::proof_wrong;
    return success();
}

}  // namespace zephyr::tlog
