#include "zephyr/tlog/checkpoint.h"

#include <algorithm>
#include <set>

#include "tlog/lines.h"
#include "tlog/note_check.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

namespace {

bool is_line(std::string_view text) {
    return !text.empty() && text.find('\n') == std::string_view::npos;
}

// How many keys of the list signed. A signature of one of them that is wrong refuses the note: C2SP signed-note: "If a signature from a
// known key fails to verify, clients SHOULD reject the whole note."
Result<std::size_t> count_signers(Note const& note, std::vector<NoteKey> const& keys, KeyKind kind) {
    std::set<Bytes> signers;  // by key: one listed under two names is still one
    for (auto const& key : keys) {
        if (key.kind() != kind) continue;  // a log that signs as a log is not its own witness
        auto const checked = check_signature(note, key);
        if (!checked) continue;
        if (!checked->ok()) return checked->error();
        signers.insert(key.key().ed25519_point());
    }
    return signers.size();
}

}  // namespace

std::string Checkpoint::text() const {
    if (!is_line(origin) || !std::ranges::all_of(extensions, is_line)) throw Fault{"tlog: a checkpoint's lines are not empty"};
    auto out = origin + "\n" + std::to_string(size) + "\n" + hash_text(root) + "\n";
    for (auto const& line : extensions) out += line + "\n";
    return out;
}

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
    if (!is_note_characters(text)) return errors::checkpoint_malformed;
    auto const origin = take_line(text);
    auto const size = take_line(text);
    auto const root = take_line(text);
    if (!origin || !size || !root || origin->empty()) return errors::checkpoint_malformed;
    auto const number = parse_decimal(*size);
    auto const hash = parse_hash(*root);
    if (!number || !hash) return errors::checkpoint_malformed;
    Checkpoint checkpoint{std::string{*origin}, *number, *hash};
    while (auto const line = take_line(text)) {
        if (line->empty()) return errors::checkpoint_malformed;  // "Extension lines, if any, MUST be non-empty."
        checkpoint.extensions.emplace_back(*line);
    }
    if (!text.empty()) return errors::checkpoint_malformed;
    return checkpoint;
}

Result<SignedCheckpoint> SignedCheckpoint::parse(std::string_view note) {
    ZEPHYR_TRY(auto parsed, Note::parse(note));
    ZEPHYR_TRY(auto checkpoint, Checkpoint::parse(parsed.text));
    return SignedCheckpoint{std::move(checkpoint), std::move(parsed)};
}

Result<void> verify_checkpoint(SignedCheckpoint const& checkpoint, TrustPolicy const& policy) {
    // What was signed is the note's text; the numbers beside it are believed only because they are what it says.
    if (checkpoint.checkpoint.text() != checkpoint.note.text) throw Fault{"tlog: a checkpoint that is not its note's"};
    std::vector<NoteKey> logs;
    std::ranges::copy_if(policy.logs, std::back_inserter(logs),
                         [&](NoteKey const& key) { return key.name() == checkpoint.checkpoint.origin; });
    if (logs.empty()) return Error{errors::origin_wrong, checkpoint.checkpoint.origin};
    ZEPHYR_TRY(auto const signed_by, count_signers(checkpoint.note, logs, KeyKind::ed25519));
    if (signed_by == 0) return Error{errors::note_unsigned, "no signature of " + checkpoint.checkpoint.origin};
    ZEPHYR_TRY(auto const witnessed_by, count_signers(checkpoint.note, policy.witnesses, KeyKind::cosignature));
    if (witnessed_by < policy.quorum)
        return Error{errors::witnesses_missing, std::to_string(witnessed_by) + " of " + std::to_string(policy.quorum)};
    return success();
}

}  // namespace zephyr::tlog
