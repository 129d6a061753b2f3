#include "http/server/chunked_body.h"

#include <algorithm>

namespace zephyr::http::server {

namespace {

// RFC 9112 7.1.1: "A server ought to limit the total length of chunk extensions received in a request". Nobody sends them.
constexpr std::size_t line_limit = 256;
constexpr std::size_t overhead_limit = 8 * 1024;

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

}  // namespace

ChunkedBody::Step ChunkedBody::feed(std::string_view input, std::string& body, std::size_t limit) {
    std::size_t used = 0;
    while (used < input.size()) {
        if (part_ == Part::data) {
            auto const take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size() - used));
            body.append(input.substr(used, take));
            used += take;
            remaining_ -= take;
            if (remaining_ == 0) part_ = Part::data_end;
            continue;
        }
        auto const rest = input.substr(used);
        auto const newline = rest.find('\n');
        auto const piece = rest.substr(0, newline);
        if (line_.size() + piece.size() > line_limit)
            return {used, part_ == Part::trailers ? Outcome::trailers_too_large : Outcome::malformed};
        line_.append(piece);
        if (newline == std::string_view::npos) return {input.size(), Outcome::more};
        used += newline + 1;
        // A bare LF would end the line for some recipients and not for others: that is a smuggling gap.
        if (line_.empty() || line_.back() != '\r') return {used, Outcome::malformed};
        line_.pop_back();
        if (std::any_of(line_.begin(), line_.end(), is_control)) return {used, Outcome::malformed};
        auto const outcome = end_of_line(body, limit);
        line_.clear();
        if (outcome != Outcome::more) return {used, outcome};
    }
    return {used, Outcome::more};
}

ChunkedBody::Outcome ChunkedBody::end_of_line(std::string& body, std::size_t limit) {
    switch (part_) {
        case Part::size: return end_of_size_line(body.size(), limit);
        case Part::data_end:
            if (!line_.empty()) return Outcome::malformed;
            part_ = Part::size;
            return Outcome::more;
        case Part::trailers: {
            if (line_.empty()) return Outcome::done;
            overhead_ += line_.size();
            if (overhead_ > overhead_limit) return Outcome::trailers_too_large;
            // RFC 9110 6.5.1: trailers must not be merged into the header section; we need none, so they are dropped.
            auto const colon = line_.find(':');
            if (colon == 0 || colon == std::string::npos) return Outcome::malformed;
            return line_.find_first_of(" \t") < colon ? Outcome::malformed : Outcome::more;
        }
        case Part::data: break;
    }
    return Outcome::malformed;
}

ChunkedBody::Outcome ChunkedBody::end_of_size_line(std::size_t body_size, std::size_t limit) {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line_.size() && hex_value(line_[digits]) >= 0; ++digits) {
        if (digits == 16) return Outcome::malformed;
        size = size << 4 | static_cast<std::uint64_t>(hex_value(line_[digits]));
    }
    if (digits == 0) return Outcome::malformed;
    auto const extension = line_.find_first_not_of(" \t", digits);
    if (extension == std::string::npos ? digits != line_.size() : line_[extension] != ';') return Outcome::malformed;
    overhead_ += line_.size() - digits;
    if (overhead_ > overhead_limit) return Outcome::malformed;
    if (size == 0) {
        part_ = Part::trailers;
        return Outcome::more;
    }
    if (size > limit - std::min(limit, body_size)) return Outcome::too_large;
    remaining_ = size;
    part_ = Part::data;
    return Outcome::more;
}

}  // namespace zephyr::http::server
