// The porch's parse stage: bytes of a connection, cut anywhere, must give the same requests, and never more than the limits allow.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/server/request_reader.h"

namespace {

using zephyr::http::server::ReaderLimits;
using zephyr::http::server::RequestReader;

constexpr ReaderLimits limits{2048, 16, 512, 1024};

void check(bool holds) {
    if (!holds) std::abort();
}

struct Outcome {
    std::vector<std::string> requests;
    bool refused = false;  // with which status may depend on the cuts, when the bytes break two rules at once
    bool operator==(Outcome const&) const = default;
};

// `cuts` says how long each piece is; when it is used up, the rest comes in one.
Outcome read(std::string_view bytes, std::string_view cuts) {
    Outcome outcome;
    RequestReader reader{limits};
    std::string kept;
    for (;;) {
        switch (reader.state()) {
            case RequestReader::State::admission:
                check(reader.request().target.size() <= limits.target_bytes);
                check(reader.request().headers.all().size() <= limits.header_count);
                reader.admit();
                continue;
            case RequestReader::State::complete: {
                bool const last = !reader.keep_alive();
                auto const request = reader.take();
                check(request.body.size() <= limits.body_bytes);
                std::string flat = request.target + '\n' + request.body;
                for (auto const& [name, value] : request.headers.all()) {
                    // Nothing that a log, a proxy or a response could take for a line of its own.
                    check(name.find_first_of(std::string_view{"\r\n\0 :", 5}) == std::string::npos);
                    check(value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos);
                    flat += '\n' + name + ':' + value;
                }
                outcome.requests.push_back(std::move(flat));
                if (last) return outcome;
                continue;
            }
            case RequestReader::State::refused:
                outcome.refused = true;
                check(reader.refusal().status >= 400 && reader.refusal().status <= 505);
                return outcome;
            default: break;
        }
        if (kept.empty()) {
            if (bytes.empty()) return outcome;
            std::size_t size = bytes.size();
            if (!cuts.empty()) {
                size = std::min<std::size_t>(size, 1 + static_cast<unsigned char>(cuts.front()) % 64);
                cuts.remove_prefix(1);
            }
            kept = bytes.substr(0, size);
            bytes.remove_prefix(size);
        }
        auto const used = reader.feed(kept);
        check(used <= kept.size());
        check(used > 0 || reader.state() == RequestReader::State::refused);
        check(reader.body_size() <= limits.body_bytes);
        kept.erase(0, used);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    // The last bytes decide the cuts, so that a seed stays a readable request.
    auto const tail = std::min<std::size_t>(size / 4, 32);
    auto const bytes = input.substr(0, size - tail);
    auto const whole = read(bytes, {});
    check(whole == read(bytes, input.substr(size - tail)));
    check(whole == read(bytes, std::string(bytes.size(), '\0')));  // byte by byte
    return 0;
}
