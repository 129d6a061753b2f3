// The request cases of llhttp (tests/vectors/http/SOURCE): what a strict parser refuses we refuse, and what it takes we take,
// but for the differences named below.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "http/server/request_reader.h"
#include "zephyr/encoding/json.h"

namespace zephyr::http::server {
namespace {

// The markdown form: each source line ends in CRLF, a backslash at its end joins it to the next, and \r \n \t \f \xNN \NNN are bytes.
std::string bytes_of(std::string_view markdown) {
    std::string out;
    for (std::size_t i = 0; i < markdown.size(); ++i) {
        if (markdown[i] == '\n') out += "\r\n";
        else if (markdown[i] != '\\' || i + 1 == markdown.size()) out += markdown[i];
        else {
            switch (char const next = markdown[++i]) {
                case '\n': break;
                case 'r': out += '\r'; break;
                case 'n': out += '\n'; break;
                case 't': out += '\t'; break;
                case 'f': out += '\f'; break;
                case 'x': out += static_cast<char>(std::stoi(std::string{markdown.substr(i + 1, 2)}, nullptr, 16)); i += 2; break;
                default:
                    if (next >= '0' && next <= '7') {
                        auto const digits = markdown.substr(i, 3);
                        out += static_cast<char>(std::stoi(std::string{digits}, nullptr, 8));
                        i += 2;
                        if (digits.size() < 3) i = markdown.size();
                    } else {
                        out += next;
                    }
            }
        }
    }
    return out;
}

// Many cases stand without the Host that RFC 9112 demands and that we insist on; they are about something else.
std::string with_host(std::string bytes) {
    auto const end = bytes.find("\r\n", bytes.find_first_not_of("\r\n"));
    if (end == std::string::npos || bytes.find("HTTP/1.1") == std::string::npos) return bytes;
    for (auto const* name : {"\r\nHost:", "\r\nhost:", "\r\nHOST:"}) {
        if (bytes.find(name) != std::string::npos) return bytes;
    }
    return bytes.insert(end, "\r\nHost: a.test");
}

enum class Outcome { ok, partial, error };

// Every request in the bytes must be good; what is left over at the end is no error in itself.
Outcome read_all(std::string bytes) {
    RequestReader reader{ReaderLimits{16384, 100, 8192, 1'000'000}};
    bool closing = false;
    while (true) {
        switch (reader.state()) {
            case RequestReader::State::admission: reader.admit(); continue;
            case RequestReader::State::refused: return Outcome::error;
            case RequestReader::State::complete:
                closing = !reader.keep_alive();
                reader.take();
                continue;
            default: break;
        }
        // After the last request of a connection nothing more is read.
        if (closing) return bytes.find_first_not_of("\r\n") == std::string::npos ? Outcome::ok : Outcome::partial;
        if (bytes.empty()) return reader.state() == RequestReader::State::idle ? Outcome::ok : Outcome::partial;
        bytes.erase(0, reader.feed(bytes));
    }
}

TEST(LlhttpVectors, are_refused_and_taken_as_llhttp_s_strict_mode_does) {
    std::map<std::string, std::string> const stricter{
        {"sample/No HTTP version", "HTTP/0.9 is not spoken"},
        {"method/SOURCE request with ICE", "ICE is not HTTP"},
        {"method/ANNOUNCE request with RTSP", "RTSP is not HTTP"},
        {"transfer-encoding/POST with `chunked` as last transfer-encoding", "501: no coding but chunked"},
        {"transfer-encoding/POST with `chunked` as last transfer-encoding (multiple headers)", "one Transfer-Encoding field only"},
        {"sample/curl GET", "its Host is no host"},
        {"transfer-encoding/Chunk extensions", "cut off before its end"},
        {"content-length/Content-Length reset when no body is received", "cut off before its end, on purpose of a callback we do not have"},
    };
    std::map<std::string, std::string> const looser{
        {"method/CONNECT request", "is whole and well formed; the router refuses it"},
        {"uri/Disallow UTF-8 in URI path in strict mode", "the URL firewall refuses it"},
        {"connection/CRLF between requests, explicit `close` followed by tab", "what follows the last request is never read"},
        {"connection/No restart when keep-alive is off (1.0)", "what follows the last request is never read"},
    };
    std::ifstream file{"tests/vectors/http/llhttp_request_cases.json", std::ios::binary};
    ASSERT_TRUE(file) << "run from the root of the source tree";
    auto const parsed = encoding::parse_json(std::string{std::istreambuf_iterator<char>{file}, {}}, {1'000'000, 32});
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    std::size_t taken = 0, refused = 0, differing = 0;
    for (auto const& entry : *parsed.value().find("cases")->items()) {
        auto const id = entry.string_at("id").value();
        auto const bytes = with_host(bytes_of(entry.string_at("http_md").value()));
        auto outcome = read_all(bytes);
        if (entry.string_at("expected") == "ok") {
            ++taken;
            differing += stricter.count(id);
            EXPECT_EQ(outcome == Outcome::ok, stricter.count(id) == 0) << id;
        } else {
            ++refused;
            // Some stop in the middle of the head, where llhttp has seen enough: we judge a head when it is whole.
            if (outcome == Outcome::partial) outcome = read_all(bytes + "\r\n\r\n");
            differing += looser.count(id);
            EXPECT_EQ(outcome == Outcome::error, looser.count(id) == 0) << id;
        }
    }
    EXPECT_EQ(differing, stricter.size() + looser.size());
    EXPECT_EQ(taken, 34U);
    EXPECT_EQ(refused, 33U);
}

}  // namespace
}  // namespace zephyr::http::server
