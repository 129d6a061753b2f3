#include "storage/change_bus.h"

#include <exception>
#include <mutex>

namespace zephyr::storage {

ChangeRegistration ChangeBus::add(ChangeHandler handler) {
    std::unique_lock const lock{listeners_->mutex};
    auto const id = listeners_->next++;
    listeners_->handlers.emplace(id, std::move(handler));
    return ChangeRegistration{[listeners = listeners_, id] {
        std::unique_lock const leaving{listeners->mutex};
        listeners->handlers.erase(id);
    }};
}

void ChangeBus::tell(std::vector<Change> const& changes) const {
    if (changes.empty()) return;
    std::exception_ptr first;
    std::shared_lock const lock{listeners_->mutex};
    for (auto const& [id, handler] : listeners_->handlers) {
        try {
            handler(changes);
        } catch (...) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
}

}  // namespace zephyr::storage
