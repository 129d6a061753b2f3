#include "zephyr/http/principal.h"

#include <algorithm>

namespace zephyr::http {

std::optional<TimePoint> SessionHolder::proved(std::string_view factor) const {
    std::optional<TimePoint> latest;
    for (auto const& use : factors) {
        if (use.factor == factor && (!latest || use.at > *latest)) latest = use.at;
    }
    return latest;
}

bool SessionHolder::has_second_factor() const {
    return std::any_of(factors.begin(), factors.end(), [](FactorUse const& use) { return use.second; });
}

bool SessionHolder::has_role(std::string_view role) const {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

}  // namespace zephyr::http
