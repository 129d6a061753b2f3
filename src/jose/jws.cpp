#include "zephyr/jose/jws.h"

#include <optional>

#include "zephyr/encoding/base64url.h"

namespace zephyr::jose {

using encoding::Json;

namespace {

Error malformed(std::string_view why) { return {errors::malformed, std::string{why}}; }

Result<Bytes> decoded(std::string_view part, std::string_view name) {
    auto bytes = encoding::base64url_decode(part);
    if (!bytes.ok()) return malformed(std::string{name} + " is not base64url");
    return bytes;
}

// A header member that may be absent but is a string otherwise; empty when absent.
Result<std::string> text_at(Json const& header, std::string_view name) {
    auto const* const member = header.find(name);
    if (member == nullptr) return std::string{};
    if (member->string() == nullptr || member->string()->empty() || member->string()->size() > max_kid_bytes)
        return malformed("\"" + std::string{name} + "\" is no string, empty or too long");
    return *member->string();
}

}  // namespace

Result<RawJws> parse_compact(std::string_view text, JwsLimits limits) {
    if (text.size() > limits.bytes) return malformed("too long");
    auto const first = text.find('.');
    if (first == std::string_view::npos) return malformed("not three parts");
    auto const second = text.find('.', first + 1);
    if (second == std::string_view::npos) return malformed("not three parts");
    auto const signature_part = text.substr(second + 1);
    if (signature_part.find('.') != std::string_view::npos) return malformed("not three parts");

    ZEPHYR_TRY(auto const header_bytes, decoded(text.substr(0, first), "the header"));
    auto parsed = encoding::parse_json(as_text(header_bytes), {.bytes = limits.header_bytes, .depth = limits.depth});
    if (!parsed.ok()) return malformed(parsed.error().id());
    auto header = std::move(parsed).value();
    if (header.members() == nullptr) return malformed("the header is no object");
    // RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the
    // recipient, then the JWS is invalid." We understand none, RFC 7797's "b64" included, marked critical or not.
    if (header.find("crit") != nullptr) return malformed("\"crit\" in the header");
    if (header.find("b64") != nullptr) return malformed("\"b64\" in the header");

    auto const* const named = header.find("alg");
    if (named == nullptr || named->string() == nullptr) return malformed("\"alg\" is missing");
    auto const algorithm = algorithm_from(*named->string());
    if (!algorithm) return errors::algorithm_refused;
    ZEPHYR_TRY(auto kid, text_at(header, "kid"));
    ZEPHYR_TRY(auto typ, text_at(header, "typ"));

    ZEPHYR_TRY(auto payload, decoded(text.substr(first + 1, second - first - 1), "the payload"));
    ZEPHYR_TRY(auto signature, decoded(signature_part, "the signature"));
    if (signature.empty()) return malformed("no signature");
    return RawJws{*algorithm,         std::move(kid),       std::move(typ), std::move(header),
                  std::move(payload), std::move(signature), std::string{text.substr(0, second)}};
}

Result<RawJws> verify_compact(std::string_view text, Jwk const& key, JwsLimits limits) {
    ZEPHYR_TRY(auto jws, parse_compact(text, limits));
    if (jws.algorithm != key.algorithm()) return errors::algorithm_refused;
    ZEPHYR_CHECK(key.verify(as_bytes(jws.signing_input), jws.signature));
    return jws;
}

std::string sign_compact(SigningJwk const& key, std::string_view typ, std::string_view payload) {
    auto header = Json::object({{"alg", name_of(key.algorithm())}});
    if (!key.kid().empty()) header.set("kid", key.kid());
    if (!typ.empty()) header.set("typ", typ);
    auto text = encoding::base64url_encode(as_bytes(header.dump()));
    text += '.';
    text += encoding::base64url_encode(as_bytes(payload));
    auto const signature = key.sign(as_bytes(text));
    text += '.';
    text += encoding::base64url_encode(signature);
    return text;
}

}  // namespace zephyr::jose
