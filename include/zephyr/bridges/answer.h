// What the bridges to other servers share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/response.h"
#include "zephyr/http/url_firewall.h"

namespace zephyr::bridges {

// Fields that say where a message ends or what becomes of the connection: each server writes its own.
inline bool frames_message(std::string_view name) {
    constexpr std::array<std::string_view, 5> framing{"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer"};
    return std::any_of(framing.begin(), framing.end(), [&](auto field) { return equals_ignoring_case(name, field); });
}

// The answer of another server's handler, on its way through our middleware. `fields` are pairs of name and value. Throws Fault for a
// field that would split the response: that is a bug of the handler, not an outcome.
template <class Fields>
http::Response answer_of(int status, Fields const& fields, std::string body) {
    http::Response answer{status, {}, std::move(body)};
    for (auto const& [name, value] : fields) {
        if (!frames_message(name)) answer.headers.add(std::string{name}, std::string{value});
    }
    if (!http::check_headers(answer.headers).ok()) throw Fault{"a bridged handler answered with a malformed header field"};
    return answer;
}

// Calls put(name, value) for each field that the other server does not write itself. What an answer to HEAD says of its length is the
// result: there the server must not count the (empty) body itself.
template <class Put>
std::optional<std::size_t> put_fields(http::Response const& answer, Put const& put) {
    std::optional<std::size_t> length;
    for (auto const& field : answer.headers.all()) {
        if (!frames_message(field.name)) put(field.name, field.value);
        else if (auto const number = parse_integer(field.value); number && equals_ignoring_case(field.name, "Content-Length"))
            length = static_cast<std::size_t>(*number);
    }
    return length;
}

}  // namespace zephyr::bridges
