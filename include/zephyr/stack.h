// Everything, wired over one database. Members stand in dependency order: each line uses only lines above it, and destruction runs the
// other way. Only server, cli, examples and end-to-end tests include this file; no room stores a Stack.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "zephyr/adapters/redis_change_feed.h"
#include "zephyr/adapters/redis_client.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/evidence.h"
#include "zephyr/audit/holds.h"
#include "zephyr/audit/personal_data.h"
#include "zephyr/audit/retention.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/audit/trail.h"
#include "zephyr/config/settings.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/forward/forward_service.h"
#include "zephyr/forward/people.h"
#include "zephyr/forward/personal_data.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/random.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/http/app.h"
#include "zephyr/http/csrf_tokens.h"
#include "zephyr/messages/outbox.h"
#include "zephyr/messages/personal_data.h"
#include "zephyr/messages/sender.h"
#include "zephyr/mfa/attempts.h"
#include "zephyr/mfa/backup_codes.h"
#include "zephyr/mfa/delivered_codes.h"
#include "zephyr/mfa/known_devices.h"
#include "zephyr/mfa/mfa_manager.h"
#include "zephyr/mfa/personal_data.h"
#include "zephyr/mfa/totp_service.h"
#include "zephyr/middleware/metrics.h"
#include "zephyr/middleware/rate_limit.h"
#include "zephyr/middleware/shared_rate_limit.h"
#include "zephyr/pages/pages.h"
#include "zephyr/passwords/password_service.h"
#include "zephyr/passwords/personal_data.h"
#include "zephyr/privacy/eraser.h"
#include "zephyr/rbac/personal_data.h"
#include "zephyr/rbac/role_service.h"
#include "zephyr/routes/routes.h"
#include "zephyr/sessions/personal_data.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/sessions/session_store.h"
#include "zephyr/signin/account_service.h"
#include "zephyr/signin/bearer_service.h"
#include "zephyr/signin/address_service.h"
#include "zephyr/signin/lifecycle_service.h"
#include "zephyr/signin/mail_links.h"
#include "zephyr/signin/mfa_policy.h"
#include "zephyr/signin/notice_board.h"
#include "zephyr/signin/password_reset_service.h"
#include "zephyr/signin/recovery_service.h"
#include "zephyr/signin/setup_service.h"
#include "zephyr/signin/sign_in_service.h"
#include "zephyr/storage/database.h"
#include "zephyr/storage/migrations.h"
#include "zephyr/tlog/log.h"
#include "zephyr/tokens/personal_data.h"
#include "zephyr/tokens/signing_keys.h"
#include "zephyr/tokens/token_service.h"
#include "zephyr/users/group_service.h"
#include "zephyr/users/personal_data.h"
#include "zephyr/users/user_service.h"

namespace zephyr {

// The tamper-evident log of this node, opened. Without one events stand in the database alone.
struct AuditParts {
    std::filesystem::path folder;      // of the log's keys and epochs
    std::filesystem::path log_folder;  // the epoch that is written
    std::string node;
    std::unique_ptr<storage::Database> subject_keys;  // null: in the database
    std::unique_ptr<tlog::LogWriter> writer;
    std::unique_ptr<tlog::LogReader> reader;
    std::vector<std::filesystem::path> earlier_epochs;  // newest first
};

// What comes from outside: settings that passed config::load, a database whose schema is up to date, and the keys that belong to it.
struct StackParts {
    config::Settings settings;
    std::unique_ptr<storage::Database> database;
    crypto::Keyring keyring;
    Clock const& clock;
    Random& random;
    Log& log;
    AuditParts audit_log = {};
};

struct Stack {
    explicit Stack(StackParts parts);  // throws Fault for parts that don't fit, such as a damaged breach filter
    ~Stack();
    Stack(Stack const&) = delete;
    Stack& operator=(Stack const&) = delete;

    config::Settings settings;
    Clock const& clock;
    Random& random;
    Log& log;
    std::unique_ptr<storage::Database> database;
    crypto::Sealer sealer;
    std::unique_ptr<adapters::RedisClient> redis;  // null without redis.url
    AuditParts audit_log;
    audit::SubjectKeys subject_keys;
    audit::AuditLog audit;
    audit::Evidence evidence;
    std::unique_ptr<audit::Trail> trail;  // null without a log
    audit::LegalHolds holds;
    audit::Retention retention;  // run by the periodic job

    users::UserService users;
    users::GroupService groups;
    rbac::RoleService roles;
    passwords::HashGate hash_gate;
    passwords::PasswordPolicy password_policy;
    passwords::PasswordService passwords;
    messages::Outbox outbox;
    mfa::Attempts attempts;
    mfa::TotpService totp;
    mfa::BackupCodes backup_codes;
    // Also while nobody sends them: people keep such factors, and are still asked for one (FactorProvider::available).
    mfa::DeliveredCodes sms_codes;
    mfa::DeliveredCodes email_codes;
    mfa::KnownDevices known_devices;
    mfa::MFAManager mfa;
    sessions::SqlSessionStore session_store;                 // the truth
    std::unique_ptr<sessions::SessionStore> session_copies;  // in front of it, by sessions.store; null: nothing
    sessions::SessionService sessions;
    tokens::SigningKeys signing_keys;
    tokens::TokenService tokens;
    signin::NoticeBoard notices;
    signin::MailLinks mail_links;
    signin::MfaPolicy mfa_policy;

    users::UsersPersonalData users_data;
    rbac::RbacPersonalData rbac_data;
    passwords::PasswordsPersonalData passwords_data;
    messages::MessagesPersonalData messages_data;
    mfa::MfaPersonalData mfa_data;
    sessions::SessionsPersonalData sessions_data;
    tokens::TokensPersonalData tokens_data;
    forward::ForwardPersonalData forward_data;
    audit::AuditPersonalData audit_data;
    signin::RecoveryPersonalData recovery_data;
    privacy::PersonalData personal_data;

    signin::SignInService sign_in;
    signin::AccountService account;
    signin::BearerService bearer;
    signin::LifecycleService lifecycle;
    signin::AddressService address;
    signin::PasswordResetService password_reset;
    signin::RecoveryService recovery;
    signin::SetupService setup;

    guards::HolderCache holder_cache;
    std::unique_ptr<adapters::RedisChangeFeed> change_feed;  // with cache.other_nodes = bounded
    storage::ChangeRegistration publishing;
    guards::Gatekeeper gatekeeper;
    forward::ForwardService forward;
    forward::People people;
    pages::Pages pages;
    routes::Web web;
    http::CsrfTokens csrf_tokens;
    middleware::Metrics metrics;
    middleware::RateLimiter rate_limiter;
    std::unique_ptr<middleware::SharedRateLimiter> shared_rate_limiter;  // null without Redis
    http::App app;

    // Puts a trail between the database and the log; nothing without a log. Before the first event. Fails as audit::Trail::open does.
    Result<void> begin_trail(audit::TrailSettings settings);

    // What drains the outbox, by the settings: for the node that serves, which starts it. Throws Fault for settings config::load refuses.
    std::unique_ptr<messages::Sender> message_sender();
    // The same with other wires: for tests.
    std::unique_ptr<messages::Sender> message_sender(messages::Wires wires);

    // A second factor of the application's own, with its paths /auth/mfa/<name>/send and /verify (docs/guides/add-a-factor.md). Once, before
    // the first request; it must outlive the stack's use. Throws Fault for a name that is taken.
    void add_factor(mfa::FactorProvider& own);

    // Set by the server while it stops: /readyz then sends load balancers elsewhere.
    std::atomic<bool> draining{false};

    signin::Rooms rooms();
    // Work for a periodic job: removes what time has ended, in bounded batches. How many rows.
    std::size_t purge();
};

// The schema this build needs, from the embedded files.
std::vector<storage::Migration> const& schema_migrations();

}  // namespace zephyr
