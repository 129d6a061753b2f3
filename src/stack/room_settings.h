// Each room gets its own settings struct, never the file: this is where one becomes the other.
#pragma once

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/retention.h"
#include "zephyr/config/settings.h"
#include "zephyr/forward/rule_book.h"
#include "zephyr/guards/holder_cache.h"
#include "zephyr/http/csrf_tokens.h"
#include "zephyr/mfa/mfa_manager.h"
#include "zephyr/mfa/known_devices.h"
#include "zephyr/middleware/rate_limit.h"
#include "zephyr/pages/pages.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/routes/web.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/signin/mfa_policy.h"
#include "zephyr/signin/recovery_service.h"
#include "zephyr/signin/sign_in_service.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::stack_settings {

audit::WhenUnavailable when_audit_unavailable(config::AuditSettings const&);
audit::RetentionPeriods audit_retention(config::AuditSettings const&);
passwords::HashGateSettings hash_gate(config::PasswordSettings const&);
passwords::PolicySettings password_policy(config::Settings const&);
// Throws Fault when the file that was named is missing or damaged: a filter that silently filters nothing is worse than none.
std::optional<passwords::BreachFilter> breach_filter(config::PasswordSettings const&);
passwords::PasswordSettings passwords(config::PasswordSettings const&);
mfa::TotpSettings totp(config::MfaSettings const&);
mfa::AttemptSettings attempts(config::MfaSettings const&);
mfa::BackupCodeSettings backup_codes(config::Settings const&);
mfa::DeliveredSettings sms_codes(config::Settings const&);
mfa::DeliveredSettings email_codes(config::Settings const&);
mfa::KnownDeviceSettings known_devices(config::MfaSettings const&);
signin::MfaPolicySettings mfa_policy(config::MfaSettings const&);  // throws Fault for a line that cannot be read
signin::RecoverySettings recovery(config::RecoverySettings const&);
// Whether the operator set up somebody who sends mail: pages that promise one are there only then.
bool sends_mail(config::Settings const&);
sessions::SessionSettings sessions(config::SessionSettings const&);
rbac::RoleSettings roles(config::Settings const&);
guards::HolderCacheSettings holder_cache(config::CacheSettings const&);
tokens::SigningKeySettings signing_keys(config::Settings const&);
tokens::TokenSettings tokens(config::Settings const&);
signin::SignInSettings sign_in(config::Settings const&);
middleware::RateLimitSettings rate_limits(config::LimitSettings const&);
pages::PagesSettings pages(config::ServerSettings const&);
routes::WebSettings web(config::Settings const&);

// Over https cookies are Secure and have the __Host- prefix, which ties them to this host. A browser sends neither over plain http.
bool over_https(config::ServerSettings const&);
std::string session_cookie(config::ServerSettings const&);
http::CsrfCookies csrf_cookies(config::ServerSettings const&);
// Throws Fault for a line that cannot be read, with the reason.
forward::RuleBook forward_rules(config::ForwardAuthSettings const&);
// Where our sign-in forms may lead in the end: the protected hosts, on any port.
std::vector<std::string> form_targets(forward::RuleBook const&, config::ServerSettings const&);

}  // namespace zephyr::stack_settings
