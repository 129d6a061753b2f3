// Verifies a log from its folder alone, trusting nothing in it but the keys the caller brings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

struct VerifyOptions {
    // Keys to trust. Without a log key that ever signed here the outcome is at best "self-consistent, not authenticated".
    TrustPolicy trust = {};
    // A checkpoint seen earlier, by us or by a witness: the log must continue it.
    std::optional<SignedCheckpoint> seen = std::nullopt;
    // A log that was stopped must end in a checkpoint. Off while its writer may run.
    bool must_end_in_checkpoint = true;
    // Reads a key change out of an entry: the vkey of the next key, when the entry is one. The bytes are verified already.
    std::optional<std::string> (*key_change)(ByteView entry) = nullptr;
    // Reads out of an entry that everything below an index was to be deleted. It counts once a good checkpoint covers that entry. Absent:
    // whatever is gone at the beginning may be gone.
    std::optional<std::uint64_t> (*deletion)(ByteView entry) = nullptr;
};

struct Finding {
    std::string what;                     // a sentence
    std::optional<std::uint64_t> index;   // the first entry it touches, where one can be named
};

struct VerifyReport {
    enum class Verdict {
        authenticated,     // whole, and signed by a trusted key and enough witnesses
        self_consistent,   // whole, but nothing outside vouches for it
        not_witnessed,     // whole and signed, but a witness policy that was asked for is not met
        damaged,
    };
    Verdict verdict = Verdict::damaged;
    std::string origin;
    std::uint64_t size = 0;
    std::uint64_t first_index = 0;  // earlier entries were deleted; their hashes are verified
    std::size_t checkpoints = 0;
    std::vector<Finding> findings;  // by index; the first is the first bad index. At most 100
    std::optional<std::uint64_t> first_bad_index() const;
};

// Reads everything once, in order. Throws StorageFault when the folder cannot be read.
VerifyReport verify_log(std::filesystem::path const& folder, VerifyOptions const& options);

}  // namespace zephyr::tlog
