#include "zephyr/config/settings.h"

#include <string_view>

#include "config/settings_table.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::config {

Settings::Settings() {
    for (auto const& entry : table()) {
        if (entry.assign(*this, RawValue::untyped(entry.info.default_text)))
            throw Fault{"the default of " + entry.info.key + " is not allowed"};
    }
}

std::string Endpoint::str() const {
    bool const is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

bool Endpoint::is_loopback() const {
    return encoding::Origin{"http", host, port}.is_loopback();
}

bool Endpoint::is_wildcard() const {
    return host == "0.0.0.0" || host == "::";
}

std::string derived_public_url(ServerSettings const& server, std::uint16_t port) {
    return encoding::Origin{server.has_tls() ? "https" : "http", server.listen.host, port}.str();
}

}  // namespace zephyr::config
