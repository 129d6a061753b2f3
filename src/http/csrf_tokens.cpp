#include "zephyr/http/csrf_tokens.h"

#include "zephyr/crypto/constant_time.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"

namespace zephyr::http {

namespace {

constexpr std::size_t mac_bytes = 32;

}  // namespace

CsrfTokens::CsrfTokens(SecretBytes key, Random& random, CsrfCookies cookies)
    : key_{std::move(key)}, random_{random}, cookies_{std::move(cookies)} {
    if (key_.size() < mac_bytes) throw Fault{"the key of CSRF tokens is shorter than 32 bytes"};
    // Fails now rather than at the first page when the name and `secure` do not fit.
    static_cast<void>(Cookie{.name = cookies_.visitor, .value = "probe", .secure = cookies_.secure}.header());
}

// Which of the two cookies it is goes into the MAC: a visitor cookie planted with a session's value proves nothing.
std::optional<std::string> CsrfTokens::binding(Request const& request) const {
    if (auto const session = request.cookie(cookies_.session); session && !session->empty())
        return "session:" + *session;
    if (auto const visitor = request.cookie(cookies_.visitor); visitor && !visitor->empty())
        return "visitor:" + *visitor;
    return std::nullopt;
}

Bytes CsrfTokens::mac(std::string_view binding) const {
    return crypto::hmac_sha256(key_.reveal(), as_bytes(binding));
}

CsrfTokens::Issued CsrfTokens::issue(Request const& request) {
    Issued issued;
    auto bound = binding(request);
    if (!bound) {
        auto value = encoding::base64url_encode(random_.bytes(32));
        bound = "visitor:" + value;
        issued.cookie = Cookie{.name = cookies_.visitor, .value = std::move(value), .secure = cookies_.secure};
    }
    auto token = random_.bytes(mac_bytes);
    auto const code = mac(*bound);
    for (std::size_t i = 0; i < mac_bytes; ++i) token.push_back(token[i] ^ code[i]);
    issued.token = encoding::base64url_encode(token);
    return issued;
}

Result<void> CsrfTokens::check(Request const& request, std::string_view token) const {
    if (token.empty()) return errors::csrf_token_missing;
    auto const bound = binding(request);
    if (!bound) return Error{errors::csrf_token_wrong, "the request has neither session nor visitor cookie"};
    auto decoded = encoding::base64url_decode(token);
    if (!decoded.ok() || decoded.value().size() != 2 * mac_bytes) return Error{errors::csrf_token_wrong, "malformed"};
    auto const& bytes = decoded.value();
    Bytes code(mac_bytes);
    for (std::size_t i = 0; i < mac_bytes; ++i) code[i] = bytes[i] ^ bytes[mac_bytes + i];
    if (!crypto::equal_constant_time(code, mac(*bound))) return errors::csrf_token_wrong;
    return success();
}

}  // namespace zephyr::http
