// The little HTTP/1.1 a load generator speaks: requests as text, answers read as they come.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zbench {

struct Url {
    bool tls = false;
    std::string host;
    std::string port;
    std::string path;  // with the query; "/" when the URL ends before it

    // False for what is no http:// or https:// URL.
    static bool parse(std::string_view text, Url& out);
    std::string authority() const { return port == (tls ? "443" : "80") ? host : host + ":" + port; }
};

struct Outgoing {
    std::string method = "GET";
    std::string path;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;

    std::string text(std::string const& host, bool keep_alive) const;
};

struct Incoming {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    bool keep_alive = true;

    std::string_view header(std::string_view lower_name) const;
};

// Reads one answer after the other from a stream of bytes.
class AnswerReader {
public:
    enum class State { more, done, broken };

    // Consumes from the front of `bytes`. With `done`, answer() is whole and the rest of `bytes` belongs to the next one.
    State feed(std::string_view& bytes);
    // The stream has ended: an answer without a length is whole now. False when it was cut.
    bool at_end();
    Incoming& answer() { return answer_; }
    void reset(bool head_request = false);
    bool begun() const { return !line_.empty() || stage_ != Stage::status; }

private:
    enum class Stage { status, headers, body, chunk_size, chunk_data, chunk_end, trailers, until_end, done };
    State on_line(std::string_view line);
    State after_headers();

    Incoming answer_;
    Stage stage_ = Stage::status;
    std::string line_;
    std::size_t left_ = 0;
    bool head_request_ = false;
};

// One browser's or program's cookies; no domains, no paths: one server is spoken to.
class CookieJar {
public:
    void take(Incoming const& answer);
    std::string header() const;  // empty when there are none
    void clear() { cookies_.clear(); }

private:
    std::map<std::string, std::string> cookies_;
};

// The text value of a member of a JSON object, at any depth: enough for tokens, which have no escapes. Empty when it is not there.
std::string json_text(std::string_view body, std::string_view member);

}  // namespace zbench
