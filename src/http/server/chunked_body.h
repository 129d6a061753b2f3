// RFC 9112 7.1, chunked transfer coding, decoded strictly: CRLF only, extensions and trailers bounded and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zephyr::http::server {

class ChunkedBody {
public:
    enum class Outcome { more, done, malformed, too_large, trailers_too_large };

    struct Step {
        std::size_t used;
        Outcome outcome;
    };
    // Decodes from the front of `input`, appending to `body`, which may grow to `limit` bytes.
    Step feed(std::string_view input, std::string& body, std::size_t limit);

private:
    enum class Part { size, data, data_end, trailers };

    Outcome end_of_line(std::string& body, std::size_t limit);
    Outcome end_of_size_line(std::size_t body_size, std::size_t limit);

    Part part_ = Part::size;
    std::string line_;  // the current size or trailer line, without its end
    std::uint64_t remaining_ = 0;
    std::size_t overhead_ = 0;  // bytes of extensions and trailers so far
};

}  // namespace zephyr::http::server
