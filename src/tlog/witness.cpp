#include "zephyr/tlog/witness.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "tlog/note_check.h"
#include "tlog/witness_state.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view size_type = "text/x.tlog.size";

WitnessReply refuse(int status, std::string_view why) {
    return {status, std::string{plain}, std::string{why} + "\n"};
}

// "The response body MUST consist of the tree size of the latest cosigned checkpoint in decimal, followed by a newline (U+000A). The
// response MUST have a `Content-Type` of `text/x.tlog.size`."
WitnessReply conflict(std::uint64_t size) {
    return {409, std::string{size_type}, std::to_string(size) + "\n"};
}

// "it MUST ignore signatures from unknown keys"; of the known ones one must be there, and none may be wrong.
bool is_signed_by(Note const& note, std::vector<NoteKey> const& keys) {
    bool any = false;
    for (auto const& key : keys) {
        auto const checked = check_signature(note, key);
        if (!checked) continue;
        if (!checked->ok()) return false;
        any = true;
    }
    return any;
}

struct KnownLog {
    std::vector<NoteKey> keys;
    std::mutex mutex;  // held from comparing with `last` until the next is durable
    std::optional<SignedCheckpoint> last;

    std::uint64_t size() const { return last ? last->checkpoint.size : 0; }
};

}  // namespace

struct Witness::State {
    std::filesystem::path folder;
    NoteSigner signer;
    Clock const& clock;
    std::map<std::string, KnownLog, std::less<>> logs;  // never changes shape once made

    WitnessReply add(KnownLog& log, AddCheckpoint const& asked);
};

Witness::Witness(std::filesystem::path folder, NoteSigner signer, std::vector<NoteKey> logs, Clock const& clock)
    : state_{new State{std::move(folder), std::move(signer), clock, {}}} {
    if (state_->signer.key().kind() != KeyKind::cosignature) throw Fault{"a witness signs with a cosignature key"};
    for (auto& key : logs) {
        if (key.kind() != KeyKind::ed25519) throw Fault{"not a log's key: " + key.vkey()};
        auto& keys = state_->logs[key.name()].keys;
        bool const twice = std::ranges::any_of(keys, [&](NoteKey const& other) { return other.id() == key.id(); });
        if (!twice) keys.push_back(std::move(key));
    }
    // A log that is not trusted now may be again, so everything is read, and all of it must be whole.
    for (auto& [origin, last] : read_witness_state(state_->folder)) state_->logs[origin].last = std::move(last);
}

Witness::~Witness() = default;

WitnessReply Witness::add_checkpoint(std::string_view body) {
    auto const asked = AddCheckpoint::parse(body);
    if (!asked.ok()) return refuse(400, "This is no add-checkpoint request.");
    auto const& checkpoint = asked.value().checkpoint;
    // "If the checkpoint origin is unknown, the witness MUST respond with a "404 Not Found" HTTP status code."
    auto const log = state_->logs.find(checkpoint.checkpoint.origin);
    if (log == state_->logs.end() || log->second.keys.empty()) return refuse(404, "This log is not known here.");
    // "If none of the signatures verify against a trusted public key, the witness MUST respond with a "403 Forbidden"".
    if (!is_signed_by(checkpoint.note, log->second.keys)) return refuse(403, "No trusted key of this log signed the checkpoint.");
    // "The old size MUST be equal to or lower than the checkpoint size. Otherwise, [...] "400 Bad Request"".
    if (asked.value().old_size > checkpoint.checkpoint.size) return refuse(400, "The old size is above the checkpoint's.");
    return state_->add(log->second, asked.value());
}

WitnessReply Witness::State::add(KnownLog& log, AddCheckpoint const& asked) {
    auto const& next = asked.checkpoint.checkpoint;
    // "checking the old size against the latest checkpoint and persisting the new checkpoint must be performed atomically".
    std::lock_guard const lock{log.mutex};
    if (asked.old_size != log.size()) return conflict(log.size());
    auto const known_root = log.last ? log.last->checkpoint.root : empty_root();
    // "If the old size matches the checkpoint size, the witness MUST check that the root hashes are also identical. If they don't match,
    // the witness MUST respond with a "409 Conflict"".
    if (log.last && asked.old_size == next.size && next.root != known_root) return conflict(log.size());
    // "If the Merkle Consistency Proof doesn't verify, the witness MUST respond with a "422 Unprocessable Entity"". A first empty tree
    // has a root too.
    // verify_consistency knows no proof from the empty tree to another: all of them continue it, and the proof must be empty.
    bool const from_nothing = asked.old_size == 0 && next.size != 0;
    if (from_nothing ? !asked.proof.empty() : !verify_consistency(asked.old_size, next.size, known_root, next.root, asked.proof).ok()) {
        return refuse(422, "The consistency proof is wrong.");
    }
    auto const cosignature = signer.sign(asked.checkpoint.note.text, clock.now());
    if (!log.last || log.last->note.text != asked.checkpoint.note.text) {
        // "The witness MUST persist the new checkpoint before responding."
        SignedCheckpoint signed_one{next, {asked.checkpoint.note.text, {}}};
        for (auto const& key : log.keys) {
            for (auto const& signature : asked.checkpoint.note.signatures) {
                if (signature.name == key.name() && signature.key_id == key.id()) signed_one.note.signatures.push_back(signature);
            }
        }
        signed_one.note.signatures.push_back(cosignature);
        // What could not be read back at the next start must not be remembered: a note at its limit of 64 KiB has no room for us.
        if (!SignedCheckpoint::parse(signed_one.note.str()).ok()) return refuse(400, "The checkpoint is too large.");
        write_witness_state(folder, signed_one);
        log.last = std::move(signed_one);
    }
    return {200, std::string{plain}, signature_line(cosignature)};
}

NoteKey const& Witness::key() const { return state_->signer.key(); }

std::map<std::string, SignedCheckpoint> Witness::last() const {
    std::map<std::string, SignedCheckpoint> all;
    for (auto& [origin, log] : state_->logs) {
        std::lock_guard const lock{log.mutex};
        if (log.last) all.emplace(origin, *log.last);
    }
    return all;
}

}  // namespace zephyr::tlog
