#include "stack/room_settings.h"

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
            .failures_per_challenge = settings.attempts_per_challenge,
            .failures_per_account = settings.attempts_per_account};
}

sessions::SessionSettings sessions(config::SessionSettings const& settings) {
    return {.idle = seconds(settings.idle),
            .absolute = seconds(settings.absolute),
            .remember = seconds(settings.remember),
            .pending = seconds(settings.pending),
            .limit = {.per_user = static_cast<std::size_t>(settings.max_per_user),
                      .when_full = settings.when_full == config::WhenFull::refuse ? sessions::Limit::WhenFull::refuse
                                                                                  : sessions::Limit::WhenFull::evict_oldest}};
}

signin::SignInSettings sign_in(config::Settings const& settings) {
    return {.mfa_enabled = settings.mfa.enabled,
            .mfa_required_for_admin = settings.mfa.required_for_admin,
            .sign_up_open = settings.signup.open};
}

middleware::RateLimitSettings rate_limits(config::LimitSettings const& settings) {
    return {.normal = limit(settings.requests_per_second, settings.requests_burst, 1s),
            .classes = {{"sign-in", limit(settings.sign_in_per_minute, settings.sign_in_burst, 1min)},
                        {"factor", limit(settings.factor_per_minute, settings.factor_burst, 1min)},
                        {"register", limit(settings.register_per_hour, settings.register_burst, 1h)}}};
}

pages::PagesSettings pages(config::ServerSettings const& settings) {
    return {.web_dir = settings.web_dir, .brand = {.name = settings.name, .logo_url = settings.logo, .accent = settings.accent}};
}

routes::WebSettings web(config::Settings const& settings) {
    return {.session_cookie = session_cookie(settings.server),
            .secure_cookies = over_https(settings.server),
            .remember = seconds(settings.sessions.remember),
            .sign_up_open = settings.signup.open,
            .mfa_enabled = settings.mfa.enabled,
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

}  // namespace zephyr::stack_settings
