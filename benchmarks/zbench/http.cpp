#include "zbench/http.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace zbench {

namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

bool number(std::string_view text, std::size_t& out, int base = 10) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

bool Url::parse(std::string_view text, Url& out) {
    out = {};
    if (text.starts_with("https://")) out.tls = true;
    else if (!text.starts_with("http://")) return false;
    text.remove_prefix(out.tls ? 8 : 7);
    auto const slash = text.find('/');
    out.path = slash == std::string_view::npos ? "/" : std::string{text.substr(slash)};
    auto const authority = text.substr(0, slash);
    auto const colon = authority.rfind(':');
    out.host = std::string{authority.substr(0, colon)};
    out.port = colon == std::string_view::npos ? (out.tls ? "443" : "80") : std::string{authority.substr(colon + 1)};
    return !out.host.empty() && !out.port.empty();
}

std::string Outgoing::text(std::string const& host, bool keep_alive) const {
    std::string out;
    out.reserve(256 + body.size());
    out += method + " " + path + " HTTP/1.1\r\n";
    bool own_host = false;
    for (auto const& [name, value] : headers) {
        out += name + ": " + value + "\r\n";
        own_host = own_host || lower(name) == "host";
    }
    if (!own_host) out += "Host: " + host + "\r\n";
    if (!body.empty() || method == "POST" || method == "PUT") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    out += body;
    return out;
}

std::string_view Incoming::header(std::string_view lower_name) const {
    for (auto const& [name, value] : headers) {
        if (name == lower_name) return value;
    }
    return {};
}

void AnswerReader::reset(bool head_request) {
    answer_ = {};
    stage_ = Stage::status;
    line_.clear();
    left_ = 0;
    head_request_ = head_request;
}

AnswerReader::State AnswerReader::feed(std::string_view& bytes) {
    while (stage_ != Stage::done) {
        if (stage_ == Stage::body || stage_ == Stage::chunk_data) {
            auto const size = std::min(left_, bytes.size());
            answer_.body.append(bytes.substr(0, size));
            bytes.remove_prefix(size);
            left_ -= size;
            if (left_ > 0) return State::more;
            stage_ = stage_ == Stage::body ? Stage::done : Stage::chunk_end;
            continue;
        }
        if (stage_ == Stage::until_end) {
            answer_.body.append(bytes);
            bytes = {};
            return State::more;
        }
        auto const end = bytes.find('\n');
        line_.append(bytes.substr(0, end));
        if (line_.size() > 64 * 1024) return State::broken;
        if (end == std::string_view::npos) {
            bytes = {};
            return State::more;
        }
        bytes.remove_prefix(end + 1);
        auto const line = std::exchange(line_, {});
        if (on_line(trim(line)) == State::broken) return State::broken;
    }
    return State::done;
}

AnswerReader::State AnswerReader::on_line(std::string_view line) {
    switch (stage_) {
        case Stage::status: {
            std::size_t status = 0;
            if (!line.starts_with("HTTP/1.") || line.size() < 12 || !number(line.substr(9, 3), status)) return State::broken;
            answer_.status = static_cast<int>(status);
            answer_.keep_alive = line[7] == '1';
            stage_ = Stage::headers;
            return State::more;
        }
        case Stage::headers: {
            if (line.empty()) return after_headers();
            auto const colon = line.find(':');
            if (colon == std::string_view::npos) return State::broken;
            answer_.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
            return State::more;
        }
        case Stage::chunk_size:
            if (!number(trim(line.substr(0, line.find(';'))), left_, 16)) return State::broken;
            stage_ = left_ == 0 ? Stage::trailers : Stage::chunk_data;
            return State::more;
        case Stage::chunk_end: stage_ = Stage::chunk_size; return line.empty() ? State::more : State::broken;
        case Stage::trailers:
            if (line.empty()) stage_ = Stage::done;
            return State::more;
        default: return State::broken;
    }
}

AnswerReader::State AnswerReader::after_headers() {
    if (answer_.status < 200 && answer_.status != 101) {  // 100 (Continue) and the like: the answer follows
        auto const keep_alive = answer_.keep_alive;
        answer_ = {};
        answer_.keep_alive = keep_alive;
        stage_ = Stage::status;
        return State::more;
    }
    auto const connection = lower(answer_.header("connection"));
    if (connection.find("close") != std::string::npos) answer_.keep_alive = false;
    if (connection.find("keep-alive") != std::string::npos) answer_.keep_alive = true;
    auto const length = answer_.header("content-length");
    if (head_request_ || answer_.status == 204 || answer_.status == 304) {
        stage_ = Stage::done;
    } else if (lower(answer_.header("transfer-encoding")).find("chunked") != std::string::npos) {
        stage_ = Stage::chunk_size;
    } else if (!length.empty()) {
        if (!number(length, left_)) return State::broken;
        stage_ = left_ == 0 ? Stage::done : Stage::body;
    } else {
        stage_ = Stage::until_end;
        answer_.keep_alive = false;
    }
    return State::more;
}

bool AnswerReader::at_end() {
    if (stage_ == Stage::until_end) stage_ = Stage::done;
    return stage_ == Stage::done;
}

void CookieJar::take(Incoming const& answer) {
    for (auto const& [name, value] : answer.headers) {
        if (name != "set-cookie") continue;
        std::string_view const pair = trim(std::string_view{value}.substr(0, value.find(';')));
        auto const equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        std::string const cookie{pair.substr(0, equals)};
        if (equals + 1 == pair.size() || lower(value).find("max-age=0") != std::string::npos) cookies_.erase(cookie);
        else cookies_[cookie] = std::string{pair.substr(equals + 1)};
    }
}

std::string CookieJar::header() const {
    std::string out;
    for (auto const& [name, value] : cookies_) out += (out.empty() ? "" : "; ") + name + "=" + value;
    return out;
}

std::string json_text(std::string_view body, std::string_view member) {
    auto const key = "\"" + std::string{member} + "\"";
    for (auto at = body.find(key); at != std::string_view::npos; at = body.find(key, at + 1)) {
        auto rest = body.substr(at + key.size());
        auto const begin = rest.find_first_not_of(" \t\r\n:");
        if (begin == std::string_view::npos || rest[begin] != '"') continue;
        rest.remove_prefix(begin + 1);
        if (auto const end = rest.find('"'); end != std::string_view::npos) return std::string{rest.substr(0, end)};
    }
    return {};
}

}  // namespace zbench
