#include "zephyr/tlog/merkle.h"

#include <algorithm>
#include <bit>

#include "zephyr/crypto/hash.h"

namespace zephyr::tlog {

namespace {

// RFC 6962 2.1: "This domain separation is required to give second preimage resistance."
constexpr std::array leaf_prefix{std::byte{0x00}};
constexpr std::array node_prefix{std::byte{0x01}};

// RFC 6962 2.1: "let k be the largest power of two smaller than n". For n >= 2.
std::uint64_t split_of(std::uint64_t n) {
    return std::bit_floor(n - 1);
}

// The hash over the leaves [start, start + count), `start` being a multiple of the next power of two: complete subtrees, the largest
// first, joined from the right.
Hash range_hash(std::uint64_t start, std::uint64_t count, NodeReader const& nodes) {
    HashList peaks;
    while (count != 0) {
        auto const level = static_cast<unsigned>(std::bit_width(count) - 1);
        peaks.push_back(nodes(level, start >> level));
        start += std::uint64_t{1} << level;
        count -= std::uint64_t{1} << level;
    }
    auto root = peaks.back();
    for (std::size_t i = peaks.size() - 1; i-- > 0;) root = node_hash(peaks[i], root);
    return root;
}

}  // namespace

Hash leaf_hash(ByteView entry) {
    return crypto::sha256_of({leaf_prefix, entry});
}

Hash node_hash(Hash const& left, Hash const& right) {
    return crypto::sha256_of({node_prefix, left, right});
}

Hash empty_root() {
    return crypto::sha256_of({});
}

Hash root_of(std::uint64_t size, NodeReader const& nodes) {
    return size == 0 ? empty_root() : range_hash(0, size, nodes);
}

// RFC 6962 2.1.1: "PATH(m, D[n]) = PATH(m, D[0:k]) : MTH(D[k:n]) for m < k; and
// PATH(m, D[n]) = PATH(m - k, D[k:n]) : MTH(D[0:k]) for m >= k". Walked from the root, so it comes out backwards.
Result<HashList> inclusion_proof(std::uint64_t index, std::uint64_t size, NodeReader const& nodes) {
    if (index >= size) return errors::proof_out_of_range;
    HashList path;
    std::uint64_t start = 0;
    for (auto count = size; count > 1;) {
        auto const k = split_of(count);
        if (index - start < k) {
            path.push_back(range_hash(start + k, count - k, nodes));
            count = k;
        } else {
            path.push_back(range_hash(start, k, nodes));
            start += k;
            count -= k;
        }
    }
    std::ranges::reverse(path);
    return path;
}

// RFC 6962 2.1.2: "For m <= k [...] SUBPROOF(m, D[n], b) = SUBPROOF(m, D[0:k], b) : MTH(D[k:n])", "For m > k [...]
// SUBPROOF(m, D[n], b) = SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])".
Result<HashList> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, NodeReader const& nodes) {
    if (old_size > new_size) return errors::proof_out_of_range;
    HashList proof;
    if (old_size == 0) return proof;
    std::uint64_t start = 0;
    auto count = new_size;
    bool whole = true;  // RFC 6962's b: the subtree at hand is the old tree itself, whose root is known
    while (old_size - start != count) {
        auto const k = split_of(count);
        if (old_size - start <= k) {
            proof.push_back(range_hash(start + k, count - k, nodes));
            count = k;
        } else {
            proof.push_back(range_hash(start, k, nodes));
            start += k;
            count -= k;
            whole = false;
        }
    }
    if (!whole) proof.push_back(range_hash(start, count, nodes));
    std::ranges::reverse(proof);
    return proof;
}

// The comments are RFC 9162 2.1.3.2's steps.
Result<void> verify_inclusion(std::uint64_t index, std::uint64_t size, Hash const& leaf, HashList const& proof, Hash const& root) {
    // "Compare leaf_index from the inclusion_proof_v2 structure against tree_size. If leaf_index is greater than or equal to tree_size,
    // then fail the proof verification."
    if (index >= size) return errors::proof_out_of_range;
    auto fn = index;
    auto sn = size - 1;
    auto r = leaf;
    for (auto const& p : proof) {
        if (sn == 0) return errors::proof_wrong;  // "If sn is 0, then stop the iteration and fail the proof verification."
        if ((fn & 1) != 0 || fn == sn) {
            r = node_hash(p, r);
            // "If LSB(fn) is not set, then right-shift both fn and sn equally until either LSB(fn) is set or fn is 0."
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = node_hash(r, p);
        }
        fn >>= 1;
        sn >>= 1;
    }
    // "Compare sn to 0. Compare r against the root_hash. If sn is equal to 0 and r and the root_hash are equal, then the log has proven
    // the inclusion of hash."
    if (sn != 0 || r != root) return errors::proof_wrong;
    return success();
}

// The comments are RFC 9162 2.1.4.2's steps.
Result<void> verify_consistency(std::uint64_t old_size, std::uint64_t new_size, Hash const& old_root, Hash const& new_root,
                                HashList const& proof) {
    if (old_size > new_size) return errors::proof_out_of_range;
    if (old_size == new_size) {
        // Nothing to prove, so nothing may be given; and an empty tree has but one root.
        if (!proof.empty() || old_root != new_root) return errors::proof_wrong;
        if (old_size == 0 && old_root != empty_root()) return errors::proof_wrong;
        return success();
    }
    if (old_size == 0) return errors::proof_out_of_range;  // RFC 9162 2.1.4.1 defines proofs for "0 < m < n"
    if (proof.empty()) return errors::proof_wrong;  // "If consistency_path is an empty array, stop and fail the proof verification."
    // "If first is an exact power of 2, then prepend first_hash to the consistency_path array."
    bool const prepended = std::has_single_bit(old_size);
    auto const& first = prepended ? old_root : proof.front();
    auto fn = old_size - 1;
    auto sn = new_size - 1;
    while ((fn & 1) != 0) {  // "If LSB(fn) is set, then right-shift both fn and sn equally until LSB(fn) is not set."
        fn >>= 1;
        sn >>= 1;
    }
    auto fr = first;
    auto sr = first;
    for (std::size_t i = prepended ? 0 : 1; i < proof.size(); ++i) {
        auto const& c = proof[i];
        if (sn == 0) return errors::proof_wrong;  // "If sn is 0, then stop the iteration and fail the proof verification."
        if ((fn & 1) != 0 || fn == sn) {
            fr = node_hash(c, fr);
            sr = node_hash(c, sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            sr = node_hash(sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    // "After completing iterating through the consistency_path array as described above, verify that the fr calculated is equal to the
    // first_hash supplied, that the sr calculated is equal to the second_hash supplied, and that sn is 0."
    if (sn != 0 || fr != old_root || sr != new_root) return errors::proof_wrong;
    return success();
}

Frontier::Frontier(std::uint64_t size, NodeReader const& nodes) : size_{size} {
    std::uint64_t start = 0;
    for (auto rest = size; rest != 0;) {
        auto const level = static_cast<unsigned>(std::bit_width(rest) - 1);
        peaks_.push_back(nodes(level, start >> level));
        start += std::uint64_t{1} << level;
        rest -= std::uint64_t{1} << level;
    }
}

void Frontier::append(Hash const& leaf) {
    auto carried = leaf;
    // As adding one to a binary number: each trailing one is a complete subtree that the new one now completes.
    for (auto bits = size_; (bits & 1) != 0; bits >>= 1) {
        carried = node_hash(peaks_.back(), carried);
        peaks_.pop_back();
    }
    peaks_.push_back(carried);
    ++size_;
}

Hash Frontier::root() const {
    if (peaks_.empty()) return empty_root();
    auto root = peaks_.back();
    for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = node_hash(peaks_[i], root);
    return root;
}

}  // namespace zephyr::tlog
