// The two kinds of address that ctemplate would replace by "#", each behind a check of its own.
//
//   {{X:x-otpauth-url}}   an otpauth://totp/… link of URI characters
//   {{X:x-qr-image}}      data:image/svg+xml;base64,… in an <img>, where nothing of an SVG can run or load
// Anything else becomes "#". Neither lets a quote, an angle bracket or another scheme through.
#pragma once

#include <string>
#include <string_view>

namespace zephyr::pages {

void register_trusted_urls();  // once per process, however often it is called

std::string checked_otpauth_url(std::string_view url);
std::string checked_qr_image(std::string_view url);
// The data: address for the markup encoding::qr_svg made.
std::string qr_image(std::string_view svg);

}  // namespace zephyr::pages
