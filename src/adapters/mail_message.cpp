#include "adapters/mail_message.h"

#include <algorithm>
#include <array>

#include "zephyr/encoding/base64.h"

namespace zephyr::adapters {

namespace {

constexpr std::string_view upper_hex = "0123456789ABCDEF";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string without_controls(std::string_view text) {
    std::string out{text};
    std::replace_if(out.begin(), out.end(), is_control, ' ');
    return out;
}

// An alternative of the body.
std::string part(std::string_view type, std::string_view text) {
    return "Content-Type: " + std::string{type} + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
           quoted_printable(text) + "\r\n";
}

}  // namespace

std::string header_text(std::string_view given) {
    auto const text = without_controls(given);
    bool const plain = text.size() <= 60 && text.find("=?") == std::string::npos &&
                       std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (plain) return text;
    // RFC 2047 2: an encoded word has at most 75 characters, and 5 (3): each holds whole characters. 45 bytes make 60 of base64.
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.size(), at + 45);
        while (end < text.size() && end > at + 1 && is_continuation(text[end])) --end;
        if (!out.empty()) out += "\r\n ";
        out += "=?UTF-8?B?" + encoding::base64_encode(as_bytes(std::string_view{text}.substr(at, end - at))) + "?=";
        at = end;
    }
    return out;
}

std::string quoted_printable(std::string_view text) {
    std::string out;
    std::size_t line = 0;
    auto const put = [&](std::string_view piece) {
        if (line + piece.size() > 75) {  // one place for the "=" of a soft break
            out += "=\r\n";
            line = 0;
        }
        out += piece;
        line += piece.size();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        if (c == '\n') {
            out += "\r\n";
            line = 0;
            continue;
        }
        bool const line_ends = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
        // A blank at the end of a line would get lost; a "." or "From " at its start mean something to some.
        bool const literal = c != '=' && ((c > ' ' && c < 0x7f) || (c == ' ' && !line_ends)) && !(line == 0 && (c == '.' || c == 'F'));
        if (literal) {
            put(std::string_view{&c, 1});
        } else {
            auto const byte = static_cast<unsigned char>(c);
            std::array<char, 3> const escaped{'=', upper_hex[byte >> 4], upper_hex[byte & 15]};
            put({escaped.data(), escaped.size()});
        }
    }
    return out;
}

std::string mail_date(TimePoint time) {
    constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    auto const text = to_rfc3339(time);  // 2026-11-24T06:59:27.000Z
    return std::string{days.at(std::chrono::weekday{day}.c_encoding())} + ", " + text.substr(8, 2) + " " +
           std::string{months.at(static_cast<unsigned>(date.month()) - 1)} + " " + text.substr(0, 4) + " " + text.substr(11, 8) + " +0000";
}

std::string mail_message(ports::OutgoingMessage const& message, std::string_view from, std::string_view from_name, std::string_view to,
                         TimePoint now) {
    auto const domain = from.substr(from.rfind('@') + 1);
    std::string out;
    auto const field = [&](std::string_view name, std::string const& value) { out.append(name).append(": ").append(value).append("\r\n"); };
    auto const address = "<" + std::string{from} + ">";
    auto name = without_controls(from_name);
    std::erase_if(name, [](char c) { return c == '"' || c == '\\'; });
    // A display name is a quoted string (RFC 5322 3.2.4) or encoded words.
    auto const shown = header_text(name);
    field("From", name.empty() ? address : (shown == name ? "\"" + name + "\" " : shown + " ") + address);
    field("To", "<" + std::string{to} + ">");
    field("Subject", header_text(message.subject));
    field("Date", mail_date(now));
    field("Message-ID", "<" + message.id + "@" + std::string{domain} + ">");
    field("Auto-Submitted", "auto-generated");  // RFC 3834 5: answering machines keep quiet
    field("MIME-Version", "1.0");
    if (message.html.empty()) return out + part("text/plain", message.text);
    // "=_" cannot come up in quoted-printable text (RFC 2045 6.7).
    auto const boundary = "=_" + message.id;
    field("Content-Type", "multipart/alternative; boundary=\"" + boundary + "\"");
    out += "\r\n--" + boundary + "\r\n" + part("text/plain", message.text) + "--" + boundary + "\r\n" + part("text/html", message.html) + "--" +
           boundary + "--\r\n";
    return out;
}

}  // namespace zephyr::adapters
