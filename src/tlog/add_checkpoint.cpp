// The body of add-checkpoint, C2SP tlog-witness.
#include "tlog/lines.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::tlog {

namespace {
constexpr std::string_view old_size_prefix = "old ";
// "The client MUST NOT send more than 63 consistency proof lines."
constexpr std::size_t most_hashes = 63;
}  // namespace

std::string AddCheckpoint::str() const {
    auto out = std::string{old_size_prefix} + std::to_string(old_size) + "\n";
    for (auto const& hash : proof) out += hash_text(hash) + "\n";
    return out + "\n" + checkpoint.note.str();
}

Result<AddCheckpoint> AddCheckpoint::parse(std::string_view body) {
    auto const first = take_line(body);
    if (!first || !first->starts_with(old_size_prefix)) return errors::checkpoint_malformed;
    // "encoded as an ASCII decimal with no leading zeroes (unless the size is zero, in which case the encoding MUST be `0`)"
    auto const old_size = parse_decimal(first->substr(old_size_prefix.size()));
    if (!old_size) return errors::checkpoint_malformed;
    HashList proof;
    for (;;) {
        auto const line = take_line(body);
        if (!line) return errors::checkpoint_malformed;
        if (line->empty()) break;
        auto const hash = parse_hash(*line);
        if (!hash || proof.size() == most_hashes) return errors::checkpoint_malformed;
        proof.push_back(*hash);
    }
    ZEPHYR_TRY(auto checkpoint, SignedCheckpoint::parse(body));
    return AddCheckpoint{*old_size, std::move(proof), std::move(checkpoint)};
}

}  // namespace zephyr::tlog
