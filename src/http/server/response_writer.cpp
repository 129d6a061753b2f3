#include "http/server/response_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "http/characters.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/problem.h"

namespace zephyr::http::server {

namespace {

bool is_header_safe(HeaderView const& header) { return detail::is_token(header.name) && detail::is_field_value(header.value); }

bool is_framing(std::string_view name) {
    static constexpr std::array<std::string_view, 7> ours{"connection", "content-length", "date",    "keep-alive",
                                                          "trailer",    "transfer-encoding", "upgrade"};
    return std::any_of(ours.begin(), ours.end(), [&](std::string_view one) { return detail::is_same_name(one, name); });
}

void append_number(std::string& out, std::size_t number) {
    std::array<char, 20> digits;
    auto at = digits.size();
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number > 0);
    out.append(digits.data() + at, digits.size() - at);
}

}  // namespace

bool append_response(std::string& out, Response const& response, Framing const& framing) {
    auto const headers = response.headers.views();
    if (response.status < 200 || response.status > 599 || !std::all_of(headers.begin(), headers.end(), is_header_safe)) return false;
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::size_t>(response.status));
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\nDate: ";
    out += framing.date;
    // For HEAD, the length that GET would have had comes from the handler.
    std::string_view announced;
    for (auto const header : headers) {
        if (is_framing(header.name)) {
            if (detail::is_same_name(header.name, "content-length")) announced = header.value;
            continue;
        }
        out += "\r\n";
        out += header.name;
        out += ": ";
        out += header.value;
    }
    // RFC 9110 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
    // (Informational) or 204 (No Content)"; 304 has no content either.
    bool const bodiless = response.status == 204 || response.status == 304;
    if (!bodiless) {
        out += "\r\nContent-Length: ";
        if (framing.head_request && response.body.empty() && parse_integer(announced).value_or(-1) >= 0) out += announced;
        else append_number(out, response.body.size());
    }
    if (!framing.keep_alive) out += "\r\nConnection: close";
    else if (!framing.http_1_1) out += "\r\nConnection: keep-alive";
    out += "\r\n\r\n";
    if (!bodiless && !framing.head_request) out += response.body;
    return true;
}

Response porch_answer(int status, Failure const& failure, std::string_view detail) {
    auto response = problem(status, failure.id, detail);
    // These never pass the middleware that sets the rest, so they carry the strictest form of each.
    response.headers.set("Cache-Control", "no-store");
    response.headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
    response.headers.set("Referrer-Policy", "no-referrer");
    response.headers.set("X-Content-Type-Options", "nosniff");
    response.headers.set("X-Frame-Options", "DENY");
    if (status == 503) response.headers.set("Retry-After", "1");
    return response;
}

std::string http_date(TimePoint time) {
    static constexpr std::array<char const*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<char const*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const of_day{std::chrono::floor<std::chrono::seconds>(time - day)};
    std::array<char, 64> text;
    auto const size = std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                                    days[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                                    months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                                    static_cast<int>(of_day.hours().count()), static_cast<int>(of_day.minutes().count()),
                                    static_cast<int>(of_day.seconds().count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace zephyr::http::server
