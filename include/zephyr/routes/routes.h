// Every route of the server, one function per file of src/routes/. Each parses, calls one service and renders; no rule lives here.
#pragma once

#include <functional>

#include "zephyr/audit/evidence.h"
#include "zephyr/encoding/url.h"
#include "zephyr/forward/forward_service.h"
#include "zephyr/forward/people.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/http/app.h"
#include "zephyr/http/trusted_proxies.h"
#include "zephyr/middleware/metrics.h"
#include "zephyr/mfa/known_devices.h"
#include "zephyr/mfa/mfa_manager.h"
#include "zephyr/routes/web.h"
#include "zephyr/signin/account_service.h"
#include "zephyr/signin/address_service.h"
#include "zephyr/signin/bearer_service.h"
#include "zephyr/signin/lifecycle_service.h"
#include "zephyr/signin/password_reset_service.h"
#include "zephyr/signin/recovery_service.h"
#include "zephyr/signin/setup_service.h"
#include "zephyr/signin/sign_in_service.h"
#include "zephyr/tokens/signing_keys.h"
#include "zephyr/users/group_service.h"

namespace zephyr::routes {

// What administration demands: the role, and a second factor unless the operator said otherwise (MFA_REQUIRED_FOR_ADMIN).
http::Guard<http::Proves::principal> admin_guard(bool second_factor);

// The seed's paths, for programs: JSON in, JSON out, by cookie or by token.
void mount_auth_routes(http::App&, signin::SignInService&, signin::BearerService&, users::UserService&, Web const&);
void mount_mfa_routes(http::App&, signin::SignInService&, signin::AccountService&, signin::BearerService&, mfa::MFAManager&, Web const&);
// Codes by SMS and e-mail; there whether or not somebody sends them, so that the paths are the same everywhere.
void mount_delivered_routes(http::App&, signin::SignInService&, signin::AccountService&, signin::BearerService&, Web const&);
// The two paths of a kind that an application added.
void mount_own_factor_routes(http::App&, mfa::FactorKind const&, signin::SignInService&, signin::AccountService&, signin::BearerService&,
                             Web const&);
void mount_backup_code_routes(http::App&, signin::SignInService&, signin::AccountService&, signin::BearerService&, mfa::BackupCodes&,
                              Web const&);
void mount_device_routes(http::App&, signin::AccountService&, mfa::KnownDevices&, Web const&);
// Tokens for clients that keep no cookies, and the keys to check them with.
void mount_token_routes(http::App&, signin::BearerService&, tokens::SigningKeys&);

// Pages.
struct EntryRooms {
    signin::SignInService& sign_in;
    signin::AccountService& account;
    signin::SetupService& setup;
    mfa::TotpService& totp;
    mfa::MFAManager& mfa;
    mfa::KnownDevices& devices;
    sessions::SessionService& sessions;
};
void mount_entry_pages(http::App&, EntryRooms, Web const&);

struct AccountRooms {
    signin::SignInService& sign_in;
    signin::AccountService& account;
    signin::NoticeBoard& notices;
    users::UserService& users;
    passwords::PasswordService& passwords;
    mfa::TotpService& totp;
    mfa::MFAManager& mfa;
    mfa::KnownDevices& devices;
    signin::MfaPolicy& policy;
    sessions::SessionService& sessions;
    Clock const& clock;
    signin::RecoveryService& recovery;
    signin::AddressService* address = nullptr;  // null where no mail can be sent
};
void mount_account_pages(http::App&, AccountRooms, Web const&);
void mount_factor_pages(http::App&, AccountRooms, Web const&);
void mount_backup_code_pages(http::App&, AccountRooms, Web const&);

struct AdminRooms {
    signin::SignInService& sign_in;
    signin::LifecycleService& lifecycle;
    users::UserService& users;
    users::GroupService& groups;
    rbac::RoleService& roles;
    passwords::PasswordService& passwords;
    mfa::TotpService& totp;
    mfa::MFAManager& mfa;
    mfa::KnownDevices& devices;
    signin::MfaPolicy& policy;
    sessions::SessionService& sessions;
    audit::AuditLog& audit;
    storage::Database& database;
    Clock const& clock;
};
void mount_admin_pages(http::App&, AdminRooms, Web const&);
void mount_admin_user_pages(http::App&, AdminRooms, Web const&);
void mount_admin_mfa_page(http::App&, AdminRooms, Web const&);

// Mail flows: mount them only where mail can be sent.
void mount_password_reset_pages(http::App&, signin::PasswordResetService&, Web const&);
void mount_address_pages(http::App&, signin::AddressService&, users::UserService&, Web const&);
// Lost second factors. What goes by mail is there only with WebSettings::recovery_by_mail.
struct RecoveryRooms {
    signin::RecoveryService& recovery;
    users::UserService& users;
    mfa::MFAManager& mfa;
    bool admin_second_factor = true;
};
void mount_recovery_pages(http::App&, RecoveryRooms, Web const&);

// Who may read the audit log, and what they read of it.
struct AuditRooms {
    audit::AuditLog& audit;
    audit::Evidence& evidence;
    users::UserService& users;
    crypto::Sealer const& sealer;
    std::string host = "localhost";  // of the public URL, for exports
    bool second_factor = true;       // to be proved by readers
};
// A permission, audit.read, and a second factor as for administration.
http::Guard<http::Proves::principal> audit_guard(bool second_factor);
void mount_audit_routes(http::App&, AuditRooms);
void mount_audit_pages(http::App&, AuditRooms, Web const&);

// Hosts that other applications serve: what their proxies ask, and how browsers sign in there.
struct ForwardRooms {
    forward::ForwardService& forward;
    forward::People& people;
    guards::Gatekeeper& gatekeeper;
    Clock const& clock;
    http::TrustedProxies proxies;
    encoding::Origin public_origin;
    bool send_email = false;  // else Remote-Email is empty
};
void mount_forward_routes(http::App&, ForwardRooms, Web const&);

// Probes, metrics, styles.
struct SystemRooms {
    storage::Database& database;
    middleware::Metrics const* metrics = nullptr;  // absent: no /metrics
    std::function<bool()> draining = {};           // true while the server is stopping
    std::function<bool()> refusing = {};           // true while nobody can sign in, because the audit log can't be written
};
void mount_system_routes(http::App&, SystemRooms, Web const&);

// GET /openapi.json, made from the routes mounted before: mount it last.
void mount_openapi_route(http::App&, Web const&, std::string const& public_url);

// The page for a problem, for browsers.
http::Response problem_page(http::Request const&, http::Response const&, Web const&);

}  // namespace zephyr::routes
