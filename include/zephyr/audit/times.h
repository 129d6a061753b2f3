// Times as people and programs name them in filters.
#pragma once

#include <optional>
#include <string_view>

#include "zephyr/foundation/clock.h"

namespace zephyr::audit {

// "2026-11-24", "2026-11-24T06:59" (UTC), or RFC 3339. A day alone is its beginning; with `end`, the next day's, so that the day is in the
// range. Nothing for other text.
std::optional<TimePoint> parse_time_bound(std::string_view text, bool end);

}  // namespace zephyr::audit
