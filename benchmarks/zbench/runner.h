// Runs a flow against a server, open (at a fixed rate) or closed (as fast as answers come), and says what happened.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "zbench/channel.h"
#include "zbench/flow.h"
#include "zbench/histogram.h"

namespace zbench {

struct RunOptions {
    double rate = 0;  // iterations of the flow per second; 0: closed loop
    std::chrono::milliseconds warm_up{0};  // before it; not recorded
    std::chrono::milliseconds length{5'000};
    std::chrono::milliseconds patience{10'000};  // an iteration that takes longer is given up, and an error
    std::size_t connections = 32;                // each with a visitor of its own
    bool keep_alive = true;                      // false: a new connection for every request
};

struct Report {
    std::uint64_t due = 0;        // iterations the schedule asked for (open loop)
    std::uint64_t begun = 0;
    std::uint64_t completed = 0;  // without an error
    std::map<std::string, std::uint64_t> errors;  // by kind: status, body, connect, tls, cut, malformed, timeout, never_sent
    std::uint64_t stale = 0;      // kept connections the server had closed meanwhile; asked again, no error
    double seconds = 0;           // until the last answer
    Histogram latency;            // microseconds of an iteration: open loop, from when it was due; closed, from when it was sent
    Histogram lag;                // microseconds between due and sent while a connection was free: the generator's own lateness
    std::map<std::string, Histogram> steps;  // microseconds of each step, from when it was sent
    std::map<int, std::uint64_t> statuses;

    std::uint64_t failed() const;
};

// Throws std::runtime_error when the set-up of the flow fails.
Report run(Target const& target, Flow const& flow, RunOptions const& options);

// One JSON object.
std::string to_json(Report const& report, RunOptions const& options, std::string const& flow, std::string const& url);

}  // namespace zbench
