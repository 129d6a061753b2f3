#include "zephyr/encoding/html_escape.h"

#include "zephyr/encoding/unicode.h"

namespace zephyr::encoding {

std::string html_escape(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (char const c : to_valid_utf8(text)) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default:
                // HTML Living Standard 13.2.3.5: control characters other than white space are parse errors.
                bool const refused =
                    (c >= 0 && c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r') || c == 0x7f;
                if (refused) {
                    out += "\xEF\xBF\xBD";
                } else {
                    out += c;
                }
        }
    }
    return out;
}

}  // namespace zephyr::encoding
