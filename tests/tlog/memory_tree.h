// A Merkle tree in memory whose every answer comes from RFC 6962's recursive definitions, written down as they stand: slow, and not
// the code under test.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "zephyr/crypto/hash.h"
#include "zephyr/tlog/merkle.h"

namespace zephyr::tlog {

inline Hash hash_of(std::string const& text) {
    return crypto::sha256_of({as_bytes(text)});
}

class MemoryTree {
public:
    MemoryTree() = default;
    explicit MemoryTree(std::uint64_t size) {
        for (std::uint64_t i = 0; i < size; ++i) append("entry " + std::to_string(i));
    }
    void append(std::string const& entry) {
        entries_.push_back(entry);
        leaves_.push_back(crypto::sha256_of({as_bytes(std::string_view{"\0", 1}), as_bytes(entry)}));
    }
    std::uint64_t size() const { return leaves_.size(); }
    Hash const& leaf(std::uint64_t index) const { return leaves_.at(index); }
    std::string const& entry(std::uint64_t index) const { return entries_.at(index); }

    // "MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))", "let k be the largest power of two smaller than n (i.e., k < n <= 2k)".
    Hash root(std::uint64_t from, std::uint64_t until) const {
        if (from == until) return crypto::sha256_of({});
        if (until - from == 1) return leaves_.at(from);
        auto const k = from + split(until - from);
        auto const left = root(from, k);
        auto const right = root(k, until);
        return crypto::sha256_of({as_bytes("\x01"), left, right});
    }
    Hash root(std::uint64_t size) const { return root(0, size); }

    // "PATH(m, D[n]) = PATH(m, D[0:k]) : MTH(D[k:n]) for m < k; and PATH(m, D[n]) = PATH(m - k, D[k:n]) : MTH(D[0:k]) for m >= k".
    HashList path(std::uint64_t index, std::uint64_t from, std::uint64_t until) const {
        if (until - from == 1) return {};
        auto const k = from + split(until - from);
        auto list = index < k ? path(index, from, k) : path(index, k, until);
        list.push_back(index < k ? root(k, until) : root(from, k));
        return list;
    }

    // "SUBPROOF(m, D[n], b) = SUBPROOF(m, D[0:k], b) : MTH(D[k:n])" for m <= k, "SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])" for m > k.
    HashList subproof(std::uint64_t old_end, std::uint64_t from, std::uint64_t until, bool known = true) const {
        if (old_end == until) return known ? HashList{} : HashList{root(from, until)};
        auto const k = from + split(until - from);
        auto list = old_end <= k ? subproof(old_end, from, k, known) : subproof(old_end, k, until, false);
        list.push_back(old_end <= k ? root(k, until) : root(from, k));
        return list;
    }

    // draft-ietf-plants-merkle-tree-certs 4.4.1: SUBTREE_SUBPROOF(start, end, D_n, b).
    HashList subtree_proof(std::uint64_t start, std::uint64_t end, std::uint64_t from, std::uint64_t until, bool known = true) const {
        if (start == end) return {};
        if (start == from && end == until) return known ? HashList{} : HashList{root(from, until)};
        auto const k = from + split(until - from);
        HashList list;
        if (end <= k) {
            list = subtree_proof(start, end, from, k, known);
            list.push_back(root(k, until));
        } else {
            list = start >= k ? subtree_proof(start, end, k, until, known) : subtree_proof(k, end, k, until, false);
            list.push_back(root(from, k));
        }
        return list;
    }

    // Gives complete subtrees within the first `size` leaves; a question for any other fails the test.
    NodeReader nodes(std::uint64_t size) const {
        return [this, size](unsigned level, std::uint64_t index) {
            auto const width = std::uint64_t{1} << level;
            EXPECT_LE((index + 1) * width, size) << "level " << level << " index " << index;
            return root(index * width, (index + 1) * width);
        };
    }

private:
    static std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

    std::vector<std::string> entries_;
    HashList leaves_;
};

}  // namespace zephyr::tlog
