// C2SP tlog-proof: one text file that needs nothing but keys to be believed.
#include "tlog/lines.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

namespace {

constexpr std::string_view first_line = "c2sp.org/tlog-proof@v1";
constexpr std::string_view extra_word = "extra ";
constexpr std::string_view index_word = "index ";
constexpr std::size_t largest_proof = 256 * 1024;
constexpr std::size_t longest_path = 64;  // a tree of 2^64 leaves

std::optional<std::string_view> after(std::string_view word, std::optional<std::string_view> line) {
    if (!line || !line->starts_with(word)) return std::nullopt;
    return line->substr(word.size());
}

}  // namespace

std::string LogProof::str() const {
    std::string out = std::string{first_line} + "\n";
    // "If no extra data is present, this line is omitted."
    if (!extra.empty()) out += std::string{extra_word} + encoding::base64_encode(extra) + "\n";
    out += std::string{index_word} + std::to_string(index) + "\n";
    for (auto const& hash : path) out += hash_text(hash) + "\n";
    return out + "\n" + checkpoint.note.str();
}

Result<LogProof> LogProof::parse(std::string_view text) {
    if (text.size() > largest_proof || take_line(text) != first_line) return errors::proof_malformed;
    auto line = take_line(text);
    Bytes extra;
    if (auto const base64 = after(extra_word, line)) {
        auto bytes = encoding::base64_decode(*base64);
        if (!bytes.ok() || bytes.value().empty()) return errors::proof_malformed;
        extra = std::move(bytes).value();
        line = take_line(text);
    }
    auto const number = after(index_word, line);
    auto const index = number ? parse_decimal(*number) : std::nullopt;
    if (!index) return errors::proof_malformed;
    HashList path;
    for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
        auto const hash = parse_hash(*line);
        if (!hash || path.size() == longest_path) return errors::proof_malformed;
        path.push_back(*hash);
    }
    if (!line) return errors::proof_malformed;  // no empty line, so no checkpoint
    auto checkpoint = SignedCheckpoint::parse(text);
    if (!checkpoint.ok()) return Error{errors::proof_malformed, std::string{checkpoint.error().id()}};
    return LogProof{*index, std::move(path), std::move(checkpoint).value(), std::move(extra)};
}

Result<void> verify_proof(LogProof const& proof, ByteView entry, TrustPolicy const& policy) {
    if (auto vouched = verify_checkpoint(proof.checkpoint, policy); !vouched.ok()) return vouched;
    auto const& [origin, size, root, extensions] = proof.checkpoint.checkpoint;
    return verify_inclusion(proof.index, size, leaf_hash(entry), proof.path, root);
}

}  // namespace zephyr::tlog
