// Cookie headers from hostile text: what is read can be written back, and a repeated name is never chosen from.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/http/cookies.h"
#include "zephyr/http/response.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const cookies = zephyr::http::parse_cookies(text);
    if (cookies.size() > 100) std::abort();
    for (auto const& [name, value] : cookies) {
        // Throws for a name or value that no cookie may have.
        zephyr::http::Cookie cookie{name, value};
        auto const header = cookie.header();
        if (!header.starts_with(name + "=" + value + "; Path=/")) std::abort();
        auto const times =
            std::count_if(cookies.begin(), cookies.end(), [&](auto const& other) { return other.first == name; });
        auto const chosen = zephyr::http::cookie_from(text, name);
        if (chosen.has_value() != (times == 1) || (chosen && *chosen != value)) std::abort();
    }
    return 0;
}
