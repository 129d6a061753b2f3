// E-mail addresses as they go over the wire: one address, and nothing that a header or a command could read as something else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zephyr::encoding {

// "Local.Part@Example.org" with the domain in its ASCII form. The local part is a dot-atom (RFC 5321 4.1.2) of at most 64 bytes: no quotes,
// blanks, commas, angle brackets or control characters, no letters beyond ASCII (RFC 6531 is not spoken everywhere). Nothing for all else.
std::optional<std::string> mail_address(std::string_view text);

}  // namespace zephyr::encoding
