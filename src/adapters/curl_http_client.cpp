#include "zephyr/adapters/curl_http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "adapters/address_guard.h"
#include "adapters/curl_start.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::adapters {

namespace {

using ports::HttpReply;
using ports::HttpRequest;
namespace errors = ports::errors;

constexpr std::size_t max_header_bytes = 64 * 1024;

struct FreeUrl {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

// What a host named in an address may resolve to.
enum class Reach { public_only, loopback_only, anything };

struct Target {
    Url url;
    Reach reach = Reach::public_only;
};

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
    std::string out{text};
    curl_free(text);
    return out;
}

bool names_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

Result<Target> judged(std::string const& text, CurlHttpClientSettings const& settings) {
    Target target{Url{curl_url()}};
    if (!target.url) throw Fault{"curl: out of memory"};
    // One reading of the address for judging it and for connecting: two parsers that differ are how such guards are passed.
    if (curl_url_set(target.url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
        return Error{errors::http_refused, "not an address"};
    auto const scheme = part_of(target.url.get(), CURLUPART_SCHEME);
    auto const host = ascii_lower(part_of(target.url.get(), CURLUPART_HOST));
    bool const vouched = std::any_of(settings.allowed_hosts.begin(), settings.allowed_hosts.end(),
                                     [&](std::string const& allowed) { return ascii_lower(allowed) == host; });
    if (vouched)
        target.reach = Reach::anything;
    else if (settings.allow_loopback && names_loopback(host))
        target.reach = Reach::loopback_only;
    bool const plain_allowed = target.reach != Reach::public_only;
    if (scheme != "https" && !(scheme == "http" && plain_allowed)) return Error{errors::http_refused, "scheme " + scheme};
    return target;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
    });
}
bool is_header_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}

// What happens while curl works.
struct Exchange {
    Reach reach;
    std::size_t max_body_bytes;
    HttpReply reply;
    std::size_t header_bytes = 0;
    bool address_refused = false;
    bool too_large = false;
};

curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* address) {
    auto& exchange = *static_cast<Exchange*>(context);
    bool const allowed = exchange.reach == Reach::anything ||
                         (exchange.reach == Reach::loopback_only ? is_loopback_address(&address->addr) : is_public_address(&address->addr));
    if (!allowed) {
        exchange.address_refused = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_body(char* data, std::size_t, std::size_t size, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    if (exchange.reply.body.size() + size > exchange.max_body_bytes) {
        exchange.too_large = true;
        return 0;  // stops the transfer
    }
    exchange.reply.body.append(data, size);
    return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* context) {
    auto& exchange = *static_cast<Exchange*>(context);
    exchange.header_bytes += size;
    if (exchange.header_bytes > max_header_bytes) {
        exchange.too_large = true;
        return 0;
    }
    std::string_view const line = trim({data, size});
    if (line.starts_with("HTTP/")) exchange.reply.headers.clear();  // an interim answer came before
    auto const colon = line.find(':');
    if (colon != std::string_view::npos && !line.starts_with("HTTP/"))
        exchange.reply.headers.emplace_back(ascii_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    return size;
}

Result<List> header_list(HttpRequest const& request) {
    List list;
    for (auto const& [name, value] : request.headers) {
        if (!is_token(name) || !is_header_value(value)) return Error{errors::http_refused, "a header that is none"};
        append_to(list, value.empty() ? name + ";" : name + ": " + value);
    }
    append_to(list, "Expect:");  // no interim answers to wait for
    return list;
}

Easy prepared(Target const& target, HttpRequest const& request, curl_slist* headers, Exchange& exchange, std::string const& ca_file) {
    Easy handle{curl_easy_init()};
    if (!handle) throw Fault{"curl: out of memory"};
    set(handle, CURLOPT_CURLU, target.url.get());
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_FOLLOWLOCATION, 0L);
    set(handle, CURLOPT_PROXY, "");
    set(handle, CURLOPT_NOPROXY, "*");
    set(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, request.deadline.count())));
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, request.deadline.count())));
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!ca_file.empty()) set(handle, CURLOPT_CAINFO, ca_file.c_str());
    set(handle, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.max_body_bytes));
    set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(handle, CURLOPT_OPENSOCKETDATA, &exchange);
    set(handle, CURLOPT_WRITEFUNCTION, &take_body);
    set(handle, CURLOPT_WRITEDATA, &exchange);
    set(handle, CURLOPT_HEADERFUNCTION, &take_header);
    set(handle, CURLOPT_HEADERDATA, &exchange);
    set(handle, CURLOPT_USERAGENT, "zephyr");
    set(handle, CURLOPT_HTTPHEADER, headers);
    if (request.method == "HEAD") set(handle, CURLOPT_NOBODY, 1L);
    if (!request.body.empty() || request.method == "POST") {
        set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(handle, CURLOPT_POSTFIELDS, request.body.data());
    }
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    return handle;
}

}  // namespace

CurlHttpClient::CurlHttpClient(CurlHttpClientSettings settings) : settings_{std::move(settings)} { start_curl(); }

Result<HttpReply> CurlHttpClient::send(HttpRequest const& request) {
    if (!is_token(request.method)) return Error{errors::http_refused, "a method that is none"};
    ZEPHYR_TRY(auto const target, judged(request.url, settings_));
    ZEPHYR_TRY(auto const headers, header_list(request));
    Exchange exchange{target.reach, request.max_body_bytes, {}};
    auto const handle = prepared(target, request, headers.get(), exchange, settings_.ca_file.string());
    BrokenPipesBlocked const blocked;
    auto const outcome = curl_easy_perform(handle.get());
    if (exchange.too_large || outcome == CURLE_FILESIZE_EXCEEDED) return errors::http_too_large;
    if (outcome != CURLE_OK && exchange.address_refused) return Error{errors::http_refused, "an address that is not public"};
    if (outcome != CURLE_OK) {
        long sent = 0;
        curl_easy_getinfo(handle.get(), CURLINFO_REQUEST_SIZE, &sent);
        return Error{sent > 0 ? errors::http_no_answer : errors::http_unreachable, curl_easy_strerror(outcome)};
    }
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    exchange.reply.status = static_cast<int>(status);
    return std::move(exchange.reply);
}

}  // namespace zephyr::adapters
