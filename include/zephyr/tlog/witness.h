// A witness (C2SP tlog-witness): remembers the last checkpoint of each log it knows, and signs only what continues it. So a log that is
// rolled back or forked finds no second signature.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

// The body of add-checkpoint.
struct AddCheckpoint {
    std::uint64_t old_size = 0;
    HashList proof;  // at most 63
    SignedCheckpoint checkpoint;

    std::string str() const;
    static Result<AddCheckpoint> parse(std::string_view body);
};

// What goes back: 200 with signature lines, 409 with the witness's size (text/x.tlog.size), 400, 403, 404, 422.
struct WitnessReply {
    int status = 0;
    std::string content_type;
    std::string body;
};

class Witness {
public:
    // State is one file per log in `folder`, synced before any signature leaves. `logs` are the keys trusted for each origin (the key's
    // name); several keys of one name are all good. Throws StorageFault when the folder cannot be used, Fault when its state is damaged.
    Witness(std::filesystem::path folder, NoteSigner signer, std::vector<NoteKey> logs, Clock const& clock);
    ~Witness();

    // Safe from many threads. Throws StorageFault when the new state could not be made durable: then nothing was signed.
    WitnessReply add_checkpoint(std::string_view body);
    NoteKey const& key() const;
    // The last checkpoint signed for each origin, with its size.
    std::map<std::string, SignedCheckpoint> last() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::tlog
