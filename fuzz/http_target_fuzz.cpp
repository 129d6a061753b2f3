// Request targets from hostile text: what the URL firewall lets through must be safe to route, guard and decode by
// anybody behind it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "zephyr/encoding/unicode.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/url_firewall.h"

namespace {

void expect(bool holds) {
    if (!holds) std::abort();
}

void check_path(std::string const& path) {
    expect(path.starts_with('/') && path.size() <= zephyr::http::max_path_bytes &&
           zephyr::encoding::is_valid_utf8(path));
    expect(path.find_first_of(";\\%") == std::string::npos && path.find("//") == std::string::npos);
    expect(std::none_of(path.begin(), path.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
    for (auto const segment : zephyr::split(path, '/')) expect(segment != "." && segment != "..");
    // Written again and read again it is the same path: there is one spelling behind the firewall.
    std::string written;
    for (auto const segment : zephyr::split(std::string_view{path}.substr(1), '/'))
        written += "/" + zephyr::encoding::percent_encode(segment);
    if (written.size() > zephyr::http::max_path_bytes) return;
    auto const again = zephyr::http::check_target(written);
    expect(again.ok() && again.value().path == path);
    // Decoding once more changes nothing.
    expect(zephyr::encoding::percent_decode(path).value() == path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    if (auto const target = zephyr::http::check_target(text); target.ok()) check_path(target.value().path);
    if (zephyr::http::is_valid_host(text)) expect(text.find_first_of("/@?#\\ \t\r\n,") == std::string_view::npos);
    return 0;
}
