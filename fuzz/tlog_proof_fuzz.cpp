// A proof that reads has one spelling and proves nothing to who trusts another key; as bare bytes, the input is a proof of few leaves.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/tlog/checkpoint.h"

namespace {

using namespace zephyr;

void require(bool fine) {
    if (!fine) std::abort();
}

tlog::TrustPolicy const& another_log() {
    static tlog::TrustPolicy const policy{
        {tlog::NoteKey{"stranger.example", tlog::KeyKind::ed25519,
                       crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519).verify_key()}},
        {},
        0};
    return policy;
}

// Two numbers and hashes out of the bytes: whatever they say, an answer comes, and never that bytes nobody hashed lead to a root.
void judge_bare_proof(ByteView bytes) {
    if (bytes.size() < 16) return;
    auto const number = [&](std::size_t at) {
        std::uint64_t out = 0;
        for (std::size_t i = at; i < at + 8; ++i) out = out << 8 | std::to_integer<std::uint64_t>(bytes[i]);
        return out;
    };
    auto const first = number(0), second = number(8);
    tlog::HashList proof;
    for (auto rest = bytes.subspan(16); !rest.empty(); rest = rest.subspan(std::min(rest.size(), sizeof(tlog::Hash)))) {
        std::ranges::copy(rest.first(std::min(rest.size(), sizeof(tlog::Hash))), proof.emplace_back().begin());
    }
    auto const leaf = tlog::leaf_hash(bytes);
    auto const root = tlog::leaf_hash(as_bytes("a root of nothing"));
    require(!tlog::verify_inclusion(first, second, leaf, proof, root).ok());
    require(!tlog::verify_consistency(first, second, leaf, root, proof).ok());
    require(!tlog::verify_subtree_consistency(first, second, ~std::uint64_t{0}, leaf, root, proof).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    if (auto const proof = tlog::LogProof::parse(text); proof.ok()) {
        require(proof.value().str() == text && proof.value().path.size() <= 64);
        require(!tlog::verify_proof(proof.value(), as_bytes(text), another_log()).ok());
    }
    judge_bare_proof(as_bytes(text));
    return 0;
}
