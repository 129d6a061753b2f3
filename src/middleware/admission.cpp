#include "zephyr/middleware/admission.h"

#include <algorithm>
#include <atomic>
#include <memory>

namespace zephyr::middleware {

namespace {

// Gives the place back however the request ends.
class Place {
public:
    explicit Place(std::atomic<std::size_t>& taken) : taken_{taken}, number_{++taken} {}
    ~Place() { --taken_; }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    std::size_t number() const { return number_; }

private:
    std::atomic<std::size_t>& taken_;
    std::size_t number_;
};

}  // namespace

http::Middleware admission(AdmissionSettings settings) {
    auto const taken = std::make_shared<std::atomic<std::size_t>>(0);
    return {"admission", [taken, settings = std::move(settings)](http::Request& request, http::Next const& next) {
                auto const& costly = settings.classes;
                if (std::find(costly.begin(), costly.end(), request.rate_class) == costly.end()) return next(request);
                Place const place{*taken};
                if (place.number() > settings.places) {
                    return http::render(errors::too_busy, request.request_id, std::chrono::seconds{2});
                }
                return next(request);
            }};
}

}  // namespace zephyr::middleware
