// Who wants to hear of announced changes, and telling them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "zephyr/storage/database.h"

namespace zephyr::storage {

class ChangeBus {
public:
    ChangeBus() : listeners_{std::make_shared<Listeners>()} {}

    ChangeRegistration add(ChangeHandler handler);
    // Calls every handler, whatever one of them throws; then throws the first exception if there was one.
    void tell(std::vector<Change> const& changes) const;

private:
    struct Listeners {
        std::shared_mutex mutex;  // shared while handlers run, so that leaving waits for them
        std::map<std::uint64_t, ChangeHandler> handlers;
        std::uint64_t next = 0;
    };
    std::shared_ptr<Listeners> listeners_;  // shared, so that a registration may outlive the database
};

}  // namespace zephyr::storage
