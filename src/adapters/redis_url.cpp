#include "zephyr/adapters/redis_client.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::adapters {

namespace {

// Host and port by the strict rules for web origins, which ask for the same.
Result<void> read_authority(std::string_view text, RedisAddress& address) {
    auto const colon = text.rfind(':');
    auto const bracket = text.rfind(']');
    bool const has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    auto const origin = encoding::parse_origin("https://" + std::string{text} + (has_port ? "" : ":6379"));
    if (!origin.ok()) return errors::redis_url_malformed;
    address.host = origin.value().host;
    address.port = origin.value().port;
    return success();
}

Result<void> read_user(std::string_view text, RedisAddress& address) {
    auto const colon = text.find(':');
    if (colon == std::string_view::npos) return errors::redis_url_malformed;  // redis-cli takes "name@" for a password; we don't guess
    auto user = encoding::percent_decode(text.substr(0, colon));
    auto password = encoding::percent_decode(text.substr(colon + 1));
    if (!user.ok() || !password.ok() || password.value().empty()) return errors::redis_url_malformed;
    address.user = std::move(user).value();
    address.password = SecretText{std::move(password).value()};
    return success();
}

}  // namespace

Result<RedisAddress> parse_redis_url(std::string_view url) {
    RedisAddress address;
    if (url.starts_with("rediss://")) {
        address.tls = true;
        url.remove_prefix(9);
    } else if (url.starts_with("redis://")) {
        url.remove_prefix(8);
    } else {
        return errors::redis_url_malformed;
    }
    if (auto const at = url.rfind('@'); at != std::string_view::npos) {
        ZEPHYR_CHECK(read_user(url.substr(0, at), address));
        url.remove_prefix(at + 1);
    }
    if (auto const slash = url.find('/'); slash != std::string_view::npos) {
        if (auto const number = url.substr(slash + 1); !number.empty()) {
            auto const database = parse_integer(number);
            if (!database || *database < 0 || *database > 9999) return errors::redis_url_malformed;
            address.database = static_cast<int>(*database);
        }
        url = url.substr(0, slash);
    }
    ZEPHYR_CHECK(read_authority(url, address));
    return address;
}

}  // namespace zephyr::adapters
