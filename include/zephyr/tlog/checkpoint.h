// Checkpoints (C2SP tlog-checkpoint) and self-contained proofs (C2SP tlog-proof).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/tlog/merkle.h"
#include "zephyr/tlog/note.h"

namespace zephyr::tlog {

namespace errors {
inline constexpr Failure checkpoint_malformed{Kind::invalid, "tlog.checkpoint_malformed"};
// A checkpoint of another log than the one asked for.
inline constexpr Failure origin_wrong{Kind::invalid, "tlog.origin_wrong"};
inline constexpr Failure proof_malformed{Kind::invalid, "tlog.proof_malformed"};
// Fewer witnesses signed than the policy asks for.
inline constexpr Failure witnesses_missing{Kind::unauthenticated, "tlog.witnesses_missing"};
}  // namespace errors

// Three lines: origin, size in decimal, root in base64. Further lines are kept as they are.
struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Hash root{};
    std::vector<std::string> extensions = {};

    std::string text() const;  // throws Fault when origin or an extension is no line
    static Result<Checkpoint> parse(std::string_view text);  // checkpoint_malformed
    bool operator==(Checkpoint const&) const = default;
};

struct SignedCheckpoint {
    Checkpoint checkpoint;
    Note note;
    static Result<SignedCheckpoint> parse(std::string_view note);  // note_malformed, checkpoint_malformed
};

// Who must have signed. `logs`: any one of them (old and new key while a key is changed). At least `quorum` of the witnesses too.
struct TrustPolicy {
    std::vector<NoteKey> logs;
    std::vector<NoteKey> witnesses;
    std::size_t quorum = 0;

    // The text form, a subset of C2SP tlog-policy: lines "log VKEY [URL]", "witness NAME VKEY [URL]", "group NAME N|any|all MEMBER…",
    // "quorum NAME|none", and comment lines that begin with '#'. A group may have witnesses alone as members. `witnesses` holds only those
    // the quorum counts. Fails with policy_malformed, whose detail says which line and why.
    static Result<TrustPolicy> parse(std::string_view text);
};
namespace errors {
inline constexpr Failure policy_malformed{Kind::invalid, "tlog.policy_malformed"};
}  // namespace errors

// Fails with origin_wrong (origin must be the name of one of the logs' keys), note_unsigned, signature_wrong (by any key of the policy),
// witnesses_missing. A log signs as KeyKind::ed25519, a witness as KeyKind::cosignature; a key counts once.
Result<void> verify_checkpoint(SignedCheckpoint const& checkpoint, TrustPolicy const& policy);

// A .tlog-proof: the entry's place, the way to the root, and the checkpoint that vouches for the root.
struct LogProof {
    std::uint64_t index = 0;
    HashList path;
    SignedCheckpoint checkpoint;
    Bytes extra = {};  // authenticated by nothing

    std::string str() const;
    static Result<LogProof> parse(std::string_view text);  // proof_malformed
};
// The entry's bytes stand in that log: fails as verify_checkpoint and verify_inclusion do.
Result<void> verify_proof(LogProof const& proof, ByteView entry, TrustPolicy const& policy);

}  // namespace zephyr::tlog
