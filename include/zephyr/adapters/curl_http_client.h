// ports::HttpClient by libcurl, for addresses that others may have chosen.
//
// Server-side request forgery is stopped at the socket: the address that is about to be connected to is judged, not the name it came from,
// so a name that answers differently the second time (DNS rebinding) gains nothing. No redirects, no cookies, no proxies from the
// environment, no decompression, no credentials in addresses.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "zephyr/ports/http_client.h"

namespace zephyr::adapters {

struct CurlHttpClientSettings {
    // http:// and https:// to "localhost", 127.0.0.0/8 and [::1] spelled out: for development. A foreign name that resolves there is still
    // refused.
    bool allow_loopback = false;
    // Names (or literal addresses) the operator vouches for: these may have private addresses and plain http://.
    std::vector<std::string> allowed_hosts = {};
    // PEM; the system's certificates when empty.
    std::filesystem::path ca_file = {};
};

class CurlHttpClient final : public ports::HttpClient {
public:
    explicit CurlHttpClient(CurlHttpClientSettings settings = {});
    // https:// to public addresses, and what the settings open. TLS 1.2 or newer, certificate and name checked. Fails with http_refused for
    // every other address or scheme, user info in it, and header or method text that is none; with http_too_large beyond
    // `max_body_bytes` or 64 KiB of headers; with http_unreachable or, once something was sent, http_no_answer for everything that goes
    // wrong after that, the deadline among it.
    Result<ports::HttpReply> send(ports::HttpRequest const& request) override;

private:
    CurlHttpClientSettings settings_;
};

}  // namespace zephyr::adapters
