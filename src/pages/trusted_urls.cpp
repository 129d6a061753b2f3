#include "pages/trusted_urls.h"

#include <algorithm>
#include <mutex>

#include "pages/ctemplate.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/html_escape.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::pages {

namespace {

constexpr std::string_view otpauth = "otpauth://totp/";
constexpr std::string_view svg_image = "data:image/svg+xml;base64,";
constexpr std::string_view refused = "#";

bool alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
// RFC 3986 2: unreserved and the reserved ones such a link needs.
bool uri_character(char c) {
    return alphanumeric(c) || std::string_view{"-._~%:@/?&=+"}.find(c) != std::string_view::npos;
}
bool base64_character(char c) {
    return alphanumeric(c) || c == '+' || c == '/' || c == '=';
}

template <std::string (*check)(std::string_view)>
class CheckedUrl final : public ctemplate::TemplateModifier {
public:
    void Modify(char const* in, std::size_t size, ctemplate::PerExpandData const*, ctemplate::ExpandEmitter* out,
                std::string const&) const override {
        out->Emit(encoding::html_escape(check({in, size})));
    }
};

}  // namespace

std::string checked_otpauth_url(std::string_view url) {
    bool const ours = url.starts_with(otpauth) && std::all_of(url.begin(), url.end(), uri_character);
    return std::string{ours ? url : refused};
}

std::string checked_qr_image(std::string_view url) {
    bool const ours =
        url.starts_with(svg_image) && std::all_of(url.begin() + svg_image.size(), url.end(), base64_character);
    return std::string{ours ? url : refused};
}

std::string qr_image(std::string_view svg) {
    return std::string{svg_image} + encoding::base64_encode(as_bytes(svg));
}

void register_trusted_urls() {
    static CheckedUrl<checked_otpauth_url> const otpauth_url;
    static CheckedUrl<checked_qr_image> const image;
    static std::once_flag once;
    std::call_once(once, [] {
        if (!ctemplate::AddXssSafeModifier("x-otpauth-url", &otpauth_url) ||
            !ctemplate::AddXssSafeModifier("x-qr-image", &image))
            throw Fault{"pages: ctemplate refused a modifier"};
    });
}

}  // namespace zephyr::pages
