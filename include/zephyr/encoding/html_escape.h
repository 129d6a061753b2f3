// Text into HTML. Pages escape through their template engine; this is for the few places that write markup by hand.
#pragma once

#include <string>
#include <string_view>

namespace zephyr::encoding {

// & < > " ' as character references: safe between tags and inside a quoted attribute value, nowhere else. Invalid
// UTF-8 and characters HTML does not allow (NUL and most controls) become U+FFFD.
std::string html_escape(std::string_view text);

}  // namespace zephyr::encoding
