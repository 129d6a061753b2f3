#include "stack/room_settings.h"

#include <algorithm>
#include <set>

#include "zephyr/foundation/fault.h"

namespace zephyr::stack_settings {

namespace {

std::chrono::seconds seconds(config::Duration duration) { return std::chrono::duration_cast<std::chrono::seconds>(duration); }

middleware::RateLimit limit(std::int64_t rate, std::int64_t burst, std::chrono::milliseconds unit) {
    if (rate <= 0) return {};
    // `burst` more fit each `per`: the time in which the rate fills the burst again.
    auto const filled = std::max<std::int64_t>(burst, 1);
    return {.burst = static_cast<std::uint32_t>(filled), .per = std::chrono::milliseconds{unit.count() * filled / rate}};
}

}  // namespace

audit::WhenUnavailable when_audit_unavailable(config::AuditSettings const& settings) {
    switch (settings.when_unavailable) {
        case config::AuditWhenUnavailable::refuse: break;
        case config::AuditWhenUnavailable::record_gap: return audit::WhenUnavailable::record_gap;
    }
    return audit::WhenUnavailable::refuse;
}

audit::RetentionPeriods audit_retention(config::AuditSettings const& settings) {
    auto const seconds = [](config::Duration length) { return std::chrono::duration_cast<std::chrono::seconds>(length); };
    return {.auth = seconds(settings.retention_auth),
            .admin = seconds(settings.retention_admin),
            .phi = seconds(settings.retention_phi),
            .http = seconds(settings.retention_http)};
}

passwords::HashGateSettings hash_gate(config::PasswordSettings const& settings) {
    return {.workers = static_cast<std::size_t>(settings.hash_workers),
            .memory_budget_kib = static_cast<std::size_t>(settings.hash_memory_bytes / 1024),
            .longest_wait = settings.hash_deadline};
}

passwords::PolicySettings password_policy(config::Settings const& settings) {
    passwords::PolicySettings policy{
        .least_code_points = static_cast<std::size_t>(settings.passwords.min_length_alone),
        .least_code_points_with_second_factor = static_cast<std::size_t>(settings.passwords.min_length_with_factor)};
    policy.product_words.push_back(settings.server.name);
    policy.product_words.push_back(settings.server.public_url);
    return policy;
}

std::optional<passwords::BreachFilter> breach_filter(config::PasswordSettings const& settings) {
    if (settings.breach_filter_file.empty()) return std::nullopt;
    auto opened = passwords::BreachFilter::open(settings.breach_filter_file);
    if (!opened.ok()) throw Fault{"passwords.breach_filter_file: " + std::string{opened.error().id()}};
    return std::move(opened).value();
}

passwords::PasswordSettings passwords(config::PasswordSettings const& settings) {
    return {.argon2 = {.memory_kib = static_cast<std::uint32_t>(settings.argon2_memory_kib),
                       .passes = static_cast<std::uint32_t>(settings.argon2_passes)}};
}

mfa::TotpSettings totp(config::MfaSettings const& settings) {
    return {.issuer = settings.totp_issuer,
            .drift_steps = settings.totp_drift_steps,
            .failures_per_enrolment = settings.attempts_per_challenge};
}

mfa::AttemptSettings attempts(config::MfaSettings const& settings) {
    return {.failures_per_challenge = settings.attempts_per_challenge, .failures_per_account = settings.attempts_per_account};
}

mfa::BackupCodeSettings backup_codes(config::Settings const& settings) {
    return {.count = settings.mfa.backup_codes_count, .argon2 = passwords(settings.passwords).argon2};
}

mfa::DeliveredSettings sms_codes(config::Settings const& settings) {
    auto const& mfa = settings.mfa;
    return {.lifetime = seconds(mfa.code_lifetime),
            .prefixes = mfa.sms_prefixes,
            .service_name = settings.server.name,
            .caps = {.per_destination_hour = mfa.sms_per_number_per_hour,
                     .per_destination_day = mfa.sms_per_number_per_day,
                     .per_user_hour = mfa.sms_per_person_per_hour,
                     .per_user_day = mfa.sms_per_person_per_day,
                     .per_prefix_hour = mfa.sms_per_prefix_per_hour,
                     .total_hour = mfa.sms_per_hour}};
}

// Mail costs nothing: its caps spare people's mailboxes, and a whole house may sign in at nine.
mfa::DeliveredSettings email_codes(config::Settings const& settings) {
    return {.lifetime = seconds(settings.mfa.code_lifetime),
            .service_name = settings.server.name,
            .caps = {.per_destination_hour = 10,
                     .per_destination_day = 40,
                     .per_user_hour = 10,
                     .per_user_day = 40,
                     .per_prefix_hour = 0,
                     .total_hour = 0}};
}

mfa::KnownDeviceSettings known_devices(config::MfaSettings const& settings) {
    return {.may_be_trusted = settings.trusted_devices, .trust = seconds(settings.trust_lifetime)};
}

signin::MfaPolicySettings mfa_policy(config::MfaSettings const& settings) {
    signin::MfaPolicySettings out{.mfa_enabled = settings.enabled, .required_for_admin = settings.required_for_admin};
    for (auto const& line : settings.required_for) {
        auto rule = signin::MfaRule::parse(line);
        if (!rule) throw Fault{"mfa.required_for: cannot be read: " + line};
        out.rules.push_back(std::move(*rule));
    }
    return out;
}

signin::RecoverySettings recovery(config::RecoverySettings const& settings) {
    return {.self_service = settings.self_service, .wait = seconds(settings.wait), .reset_delay = seconds(settings.reset_delay)};
}

bool sends_mail(config::Settings const& settings) { return !settings.mfa.email_provider.empty(); }

sessions::SessionSettings sessions(config::SessionSettings const& settings) {
    return {.idle = seconds(settings.idle),
            .absolute = seconds(settings.absolute),
            .remember = seconds(settings.remember),
            .pending = seconds(settings.pending),
            .limit = {.per_user = static_cast<std::size_t>(settings.max_per_user),
                      .when_full = settings.when_full == config::WhenFull::refuse ? sessions::Limit::WhenFull::refuse
                                                                                  : sessions::Limit::WhenFull::evict_oldest}};
}

rbac::RoleSettings roles(config::Settings const& settings) {
    // As many people as sessions: else the roles would be read again for those the cache still knows.
    return {.version_check = settings.cache.other_nodes == config::OtherNodes::exact ? 0ms : 1000ms,
            .cached_users = std::max<std::size_t>(rbac::RoleSettings{}.cached_users, static_cast<std::size_t>(settings.cache.entries) * 2)};
}

guards::HolderCacheSettings holder_cache(config::CacheSettings const& settings) {
    return {.entries = static_cast<std::size_t>(settings.entries)};
}

tokens::SigningKeySettings signing_keys(config::Settings const& settings) {
    auto algorithm = jose::Algorithm::es256;
    if (settings.tokens.algorithm == config::TokenAlgorithm::eddsa) algorithm = jose::Algorithm::eddsa;
    if (settings.tokens.algorithm == config::TokenAlgorithm::rs256) algorithm = jose::Algorithm::rs256;
    return {.algorithm = algorithm,
            .rotation = seconds(settings.tokens.key_rotation),
            .access_lifetime = seconds(settings.tokens.access_lifetime)};
}

tokens::TokenSettings tokens(config::Settings const& settings) {
    return {.issuer = settings.server.public_url,
            .audience = settings.tokens.audience,
            .access_lifetime = seconds(settings.tokens.access_lifetime),
            .refresh_grace = seconds(settings.tokens.refresh_grace)};
}

signin::SignInSettings sign_in(config::Settings const& settings) {
    return {.mfa_enabled = settings.mfa.enabled,
            .email_satisfies_mfa = settings.mfa.email_satisfies_mfa,
            .sign_up_open = settings.signup.open};
}

middleware::RateLimitSettings rate_limits(config::LimitSettings const& settings) {
    return {.normal = limit(settings.requests_per_second, settings.requests_burst, 1s),
            .classes = {{"sign-in", limit(settings.sign_in_per_minute, settings.sign_in_burst, 1min)},
                        {"factor", limit(settings.factor_per_minute, settings.factor_burst, 1min)},
                        {"refresh", limit(settings.refresh_per_minute, settings.refresh_burst, 1min)},
                        {"register", limit(settings.register_per_hour, settings.register_burst, 1h)},
                        {"forward", limit(settings.forward_per_second, settings.forward_burst, 1s)}},
            .shared = {"sign-in", "factor", "refresh", "register"}};
}

pages::PagesSettings pages(config::ServerSettings const& settings) {
    return {.web_dir = settings.web_dir, .brand = {.name = settings.name, .logo_url = settings.logo, .accent = settings.accent}};
}

routes::WebSettings web(config::Settings const& settings) {
    return {.session_cookie = session_cookie(settings.server),
            .device_cookie = over_https(settings.server) ? "__Host-zephyr_device" : "zephyr_device",
            .secure_cookies = over_https(settings.server),
            .remember = seconds(settings.sessions.remember),
            .sign_up_open = settings.signup.open,
            .mfa_enabled = settings.mfa.enabled,
            .mail = sends_mail(settings),
            .recovery_by_mail = sends_mail(settings) && settings.recovery.self_service && settings.mfa.enabled,
            .least_password_length = static_cast<int>(settings.passwords.min_length_alone),
            .least_password_length_with_factor = static_cast<int>(settings.passwords.min_length_with_factor)};
}

bool over_https(config::ServerSettings const& settings) { return settings.public_url.starts_with("https://"); }

std::string session_cookie(config::ServerSettings const& settings) {
    return over_https(settings) ? "__Host-zephyr_session" : "zephyr_session";
}

http::CsrfCookies csrf_cookies(config::ServerSettings const& settings) {
    bool const secure = over_https(settings);
    return {.session = session_cookie(settings), .visitor = secure ? "__Host-zephyr_visitor" : "zephyr_visitor", .secure = secure};
}

forward::RuleBook forward_rules(config::ForwardAuthSettings const& settings) {
    auto book = forward::RuleBook::parse(settings.rules);
    if (!book.ok()) throw Fault{"forward_auth.rules: " + std::string{book.error().reason()}};
    return std::move(book).value();
}

std::vector<std::string> form_targets(forward::RuleBook const& rules, config::ServerSettings const& server) {
    std::set<std::string> hosts;
    for (auto const* rule : rules.all()) {
        if (!rule->open) hosts.insert(rule->host);
    }
    std::vector<std::string> targets;
    for (auto const& host : hosts) {
        bool const is_v6 = host.find(':') != std::string::npos;
        targets.push_back(std::string{over_https(server) ? "https" : "http"} + "://" + (is_v6 ? "[" + host + "]" : host) + ":*");
    }
    return targets;
}

}  // namespace zephyr::stack_settings
