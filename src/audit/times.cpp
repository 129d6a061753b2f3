#include "zephyr/audit/times.h"

namespace zephyr::audit {

namespace {

// Exactly `size` digits at the front of `text`, taken off it.
std::optional<int> take_number(std::string_view& text, std::size_t size) {
    if (text.size() < size) return std::nullopt;
    int value = 0;
    for (char const c : text.substr(0, size)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(size);
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::chrono::sys_days> take_day(std::string_view& text) {
    auto const year = take_number(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    auto const month = take_number(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    auto const day = take_number(text, 2);
    if (!day) return std::nullopt;
    std::chrono::year_month_day const date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date};
}

// ".123" and further digits, which say less than we keep. RFC 3339 5.6: time-secfrac = "." 1*DIGIT.
std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
    std::chrono::milliseconds fraction{0};
    if (!take(text, '.')) return fraction;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    for (int unit = 100; !text.empty() && text.front() >= '0' && text.front() <= '9'; unit /= 10) {
        fraction += std::chrono::milliseconds{unit * (text.front() - '0')};
        text.remove_prefix(1);
    }
    return fraction;
}

// "Z", "+01:00", or nothing, which is UTC.
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
    if (text.empty() || take(text, 'Z')) return std::chrono::minutes{0};
    int const sign = text.front() == '-' ? -1 : 1;
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    auto const hours = take_number(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    auto const minutes = take_number(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return std::chrono::minutes{sign * (*hours * 60 + *minutes)};
}

}  // namespace

std::optional<TimePoint> parse_time_bound(std::string_view text, bool end) {
    auto const day = take_day(text);
    if (!day) return std::nullopt;
    if (text.empty()) return TimePoint{*day + std::chrono::days{end ? 1 : 0}};
    if (!take(text, 'T')) return std::nullopt;
    auto const hour = take_number(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    auto const minute = take_number(text, 2);
    if (!minute) return std::nullopt;
    std::optional<int> second = 0;
    std::optional<std::chrono::milliseconds> fraction{0};
    if (take(text, ':')) {
        second = take_number(text, 2);
        fraction = take_fraction(text);
    }
    if (!second || !fraction || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    auto const offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    return TimePoint{*day + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second} + *fraction - *offset};
}

}  // namespace zephyr::audit
