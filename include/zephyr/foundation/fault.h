// Faults: things no caller in a room can do anything about. They are caught once, at the edge (App::dispatch, the
// CLI's main, a periodic job), logged with an incident id and answered with 500 or 503.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace zephyr {

class Fault : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A store is down or lost. Answered with 503: never 401 or 404, which would tell a client something untrue.
class StorageFault : public Fault {
public:
    using Fault::Fault;
    // The id the answer bears.
    virtual std::string_view failure_id() const noexcept { return "storage.unavailable"; }
};

}  // namespace zephyr
