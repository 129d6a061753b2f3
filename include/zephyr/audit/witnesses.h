// Takes the log's checkpoints to witnesses (C2SP tlog-witness) and their signatures back to the log.
//
// A witness remembers the last checkpoint it signed. One that says it has seen more than we hold, or that ours does not continue it, says
// that this log was rolled back or forked: audit.witness_refused, and health says so until it signs again.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/result.h"
#include "zephyr/ports/http_client.h"
#include "zephyr/tlog/log.h"
#include "zephyr/tlog/note.h"

namespace zephyr::audit {

class AuditLog;

namespace errors {
// Not "VKEY URL" with a witness's key and an http or https address.
inline constexpr Failure witness_malformed{Kind::invalid, "audit.witness_malformed"};
}  // namespace errors

struct WitnessTarget {
    tlog::NoteKey key;
    std::string url;  // without the last "/add-checkpoint"

    static Result<WitnessTarget> parse(std::string_view text);  // witness_malformed
};

struct WitnessSettings {
    std::vector<WitnessTarget> witnesses;
    std::size_t quorum = 0;  // so many must sign for health to be good; 0: collect what comes
    std::chrono::milliseconds deadline{5000};
    std::chrono::milliseconds first_pause{1000};  // after a failure; doubled with each further one
    std::chrono::milliseconds longest_pause{60'000};
};

struct WitnessHealth {
    std::size_t witnesses = 0;
    std::size_t quorum = 0;
    std::size_t up_to_date = 0;       // have signed the last checkpoint
    std::uint64_t witnessed_size = 0;  // the size that at least `quorum` (or one) have signed
    std::vector<std::string> refused;  // names of those who say that the log does not continue what they signed
    bool good() const { return refused.empty() && up_to_date >= quorum; }
};

// One thread per witness. Safe from many threads.
class WitnessClients {
public:
    // From here on every checkpoint of `log` is taken to the witnesses. Everything must outlive this.
    WitnessClients(WitnessSettings settings, ports::HttpClient& http, tlog::LogWriter& log, tlog::LogReader const& reader, AuditLog& audit,
                   Clock const& clock, Log& to);
    ~WitnessClients();  // as stop()
    WitnessClients(WitnessClients const&) = delete;
    WitnessClients& operator=(WitnessClients const&) = delete;

    // Waits until enough witnesses (the quorum; one, without) have signed the last checkpoint, at most so long. Whether they have.
    bool wait_for_last(std::chrono::milliseconds at_most);
    WitnessHealth health() const;
    // What is under way ends with its deadline.
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace zephyr::audit
