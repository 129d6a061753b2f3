// Settings of what is still to come: a part of the table. Each is refused with a value of its own until then (not_yet).
#include "config/settings_table.h"

#include <algorithm>
#include <iterator>

namespace zephyr::config {

using namespace std::chrono_literals;

namespace {

// The place of a setting: AT(uma.enabled).
#define AT(member) [](Settings& settings) -> auto& { return settings.member; }

constexpr std::string_view an_origin = "scheme, host and port alone, such as https://login.example.com";

std::vector<Entry> webauthn_and_directories() {
    return {
        boolean(Row{"webauthn.enabled", "true", "People may sign in with passkeys."}.env("WEBAUTHN_ENABLED").not_yet(),
                AT(webauthn.enabled)),
        text(Row{"webauthn.rp_id", "", "The domain passkeys belong to. Empty: the host of server.public_url."}
                 .env("WEBAUTHN_RP_ID")
                 .not_yet(),
             AT(webauthn.rp_id), host_or_empty, "a host name", 253),
        text(Row{"webauthn.rp_name", "Zephyr App", "The name authenticators show."}.env("WEBAUTHN_RP_NAME").not_yet(),
             AT(webauthn.rp_name), visible_text, "1 to 64 visible characters", 256),
        text(Row{"webauthn.origin", "", "Where ceremonies may happen. Empty: server.public_url."}
                 .env("WEBAUTHN_ORIGIN")
                 .not_yet(),
             AT(webauthn.origin), origin_or_empty, an_origin),
        boolean(Row{"webauthn.require_user_verification", "true", "The authenticator must check a PIN or a finger."}
                    .env("WEBAUTHN_REQUIRE_USER_VERIFICATION")
                    .not_yet(),
                AT(webauthn.require_user_verification)),
        boolean(Row{"federation.enabled", "false", "People of a directory may sign in."}
                    .env("FEDERATION_ENABLED")
                    .not_yet(),
                AT(federation.enabled)),
        text(Row{"ldap.server_uri", "", "The directory server."}.env("LDAP_SERVER_URI").not_yet(), AT(ldap.server_uri),
             ldap_uri_or_empty, "ldap://HOST or ldaps://HOST, perhaps with a port"),
        text(Row{"ldap.bind_dn", "", "Whom we bind as to search."}.env("LDAP_BIND_DN").not_yet(), AT(ldap.bind_dn),
             any_text, "a distinguished name"),
        secret(Row{"ldap.bind_password", "", "Its password."}.env("LDAP_BIND_PASSWORD").not_yet(),
               AT(ldap.bind_password), 0, any_text, "text"),
        text(Row{"ldap.user_search_base", "", "Below which entry people are searched."}
                 .env("LDAP_USER_SEARCH_BASE")
                 .not_yet(),
             AT(ldap.user_search_base), any_text, "a distinguished name"),
        text(Row{"ldap.user_search_filter", "(uid={username})",
                 "How a person is found. {username} is a value, never filter text."}
                 .env("LDAP_USER_SEARCH_FILTER")
                 .not_yet(),
             AT(ldap.user_search_filter), ldap_filter, "an LDAP filter with {username} as a value"),
    };
}

std::vector<Entry> further_features() {
    return {
        boolean(Row{"uma.enabled", "false", "User-Managed Access: people share their own resources."}
                    .env("UMA_ENABLED")
                    .not_yet(),
                AT(uma.enabled)),
        text(Row{"uma.authorization_server", "",
                 "The authorization server resource servers are sent to. Empty: this one."}
                 .env("UMA_AUTHORIZATION_SERVER")
                 .not_yet(),
             AT(uma.authorization_server), http_url_or_empty, "an http or https URL"),
        text(Row{"uma.resource_server_id", "", "What this server calls itself when it protects its own resources."}
                 .env("UMA_RESOURCE_SERVER_ID")
                 .not_yet(),
             AT(uma.resource_server_id), any_text, "text", 256),
        boolean(Row{"compliance.gdpr", "false", "Tools for requests of people about their data."}
                    .env("GDPR_ENABLED")
                    .not_yet(),
                AT(compliance.gdpr)),
        boolean(Row{"compliance.soc2", "false", "Evidence for SOC 2 controls."}.env("SOC2_ENABLED").not_yet(),
                AT(compliance.soc2)),
        boolean(Row{"compliance.hipaa", "false", "Evidence for HIPAA safeguards."}.env("HIPAA_ENABLED").not_yet(),
                AT(compliance.hipaa)),
        boolean(Row{"scanning.enabled", "true", "Looks for weaknesses of this installation."}
                    .env("SECURITY_SCANNING_ENABLED")
                    .not_yet(),
                AT(scanning.enabled)),
        duration(Row{"scanning.interval", "24h", "How often."}.env("VULNERABILITY_SCAN_INTERVAL").not_yet(),
                 AT(scanning.interval), 1min, 8760h),
        boolean(Row{"threats.enabled", "true", "Scores sign-ins and requests, and reacts."}
                    .env("THREAT_DETECTION_ENABLED")
                    .not_yet(),
                AT(threats.enabled)),
    };
}

}  // namespace

std::vector<Entry> later_settings() {
    auto all = webauthn_and_directories();
    auto more = further_features();
    std::move(more.begin(), more.end(), std::back_inserter(all));
    return all;
}

#undef AT

}  // namespace zephyr::config
