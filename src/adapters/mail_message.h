// An e-mail as bytes (RFC 5322, MIME): every field made here, so that no value can begin another one.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

// RFC 2047: a text of any characters for a header field; encoded words where ASCII does not do, folded.
std::string header_text(std::string_view text);
// RFC 2045 6.7, lines of at most 76 characters that end in CRLF.
std::string quoted_printable(std::string_view text);
// RFC 5322 3.3, in UTC.
std::string mail_date(TimePoint time);
// `from` and `to` are addresses as encoding::mail_address made them. Text, and HTML as the better alternative (RFC 2046 5.1.4).
std::string mail_message(ports::OutgoingMessage const& message, std::string_view from, std::string_view from_name, std::string_view to,
                         TimePoint now);

}  // namespace zephyr::adapters
