#include "zephyr/stack.h"

#include <algorithm>

#include "stack/room_settings.h"
#include "stack/shared_parts.h"
#include "zephyr/crypto/constant_time.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/middleware/access_log.h"
#include "zephyr/middleware/admission.h"
#include "zephyr/middleware/cors.h"
#include "zephyr/middleware/csrf.h"
#include "zephyr/middleware/order.h"
#include "zephyr/middleware/request_id.h"
#include "zephyr/middleware/security_headers.h"

namespace zephyr::embedded_migrations {
std::vector<std::pair<std::string_view, std::string_view>> files();
}

namespace zephyr {

namespace {

// Metrics tell how busy a service is and what it is: for the operator's collector, by its token, or for an administrator.
guards::Rule metrics_reader(SecretText const& token, rbac::RoleService& roles) {
    return [&token, &roles](http::Request const& request, std::optional<http::SessionHolder> const& holder) -> Result<void> {
        constexpr std::string_view scheme = "Bearer ";
        auto const authorization = request.headers.get("Authorization");
        if (!token.empty() && authorization && authorization->starts_with(scheme) &&
            crypto::equal_constant_time(authorization->substr(scheme.size()), token.reveal())) {
            return success();
        }
        if (holder && holder->pending.empty()) return roles.require_permission(holder->user, "metrics.read");
        return sessions::errors::none;
    };
}

// The strongest thing the account can prove, proved recently in this session.
guards::Rule fresh_proof(sessions::SessionService& sessions, signin::SignInService& sign_in) {
    return [&sessions, &sign_in](http::Request const&, std::optional<http::SessionHolder> const& holder) -> Result<void> {
        if (!holder) return sessions::errors::none;
        ZEPHYR_TRY(auto const session, sessions.find(holder->session));
        ZEPHYR_CHECK(sign_in.require_fresh(session));
        return success();
    };
}

http::TrustedProxies trusted(config::ServerSettings const& server) {
    auto parsed = http::TrustedProxies::parse(server.trusted_proxies);
    if (!parsed.ok()) throw Fault{"server.trusted_proxies: " + std::string{parsed.error().detail()}};
    return std::move(parsed).value();
}

void install_middleware(Stack& stack) {
    auto const& settings = stack.settings;
    std::vector<http::Middleware> pieces;
    pieces.push_back(middleware::request_id(stack.clock, stack.random));
    if (settings.metrics.enabled) pieces.push_back(stack.metrics.middleware());
    pieces.push_back(middleware::access_log(stack.clock, stack.log));
    pieces.push_back(middleware::security_headers(
        stack.random, {.form_targets = stack_settings::form_targets(stack.forward.rules(), settings.server)}));
    pieces.push_back(middleware::rate_limit(stack.rate_limiter, stack_settings::rate_limits(settings.limits),
                                            stack.shared_rate_limiter.get()));
    auto const half_the_workers = std::max<std::int64_t>(1, settings.server.workers / 2);
    pieces.push_back(middleware::admission({.classes = {"sign-in", "register"}, .places = static_cast<std::size_t>(half_the_workers)}));
    if (!settings.cors.allowed_origins.empty()) pieces.push_back(middleware::cors({.origins = settings.cors.allowed_origins}));
    pieces.push_back(middleware::csrf(stack.csrf_tokens, settings.server.public_url, stack.log));
    middleware::install(stack.app, std::move(pieces));
}

void mount_forward_routes(Stack& stack) {
    if (stack.forward.rules().empty()) return;
    auto origin = encoding::parse_origin(stack.settings.server.public_url);
    if (!origin.ok()) throw Fault{"server.public_url is no origin"};
    routes::mount_forward_routes(stack.app,
                                 {.forward = stack.forward,
                                  .people = stack.people,
                                  .gatekeeper = stack.gatekeeper,
                                  .clock = stack.clock,
                                  .proxies = trusted(stack.settings.server),
                                  .public_origin = std::move(origin).value(),
                                  .send_email = stack.settings.forward_auth.send_email},
                                 stack.web);
    stack.metrics.counter("zephyr_forward_admitted_total", "Requests to protected hosts that were let through.",
                          [&stack] { return static_cast<double>(stack.forward.counts().admitted); });
    stack.metrics.counter("zephyr_forward_refused_total", "Requests to protected hosts that were refused or sent to sign in.",
                          [&stack] { return static_cast<double>(stack.forward.counts().refused); });
}

void mount_audit_routes(Stack& stack) {
    auto const origin = encoding::parse_origin(stack.settings.server.public_url);
    routes::AuditRooms const rooms{.audit = stack.audit,
                                   .evidence = stack.evidence,
                                   .users = stack.users,
                                   .sealer = stack.sealer,
                                   .host = origin.ok() ? origin.value().host : "localhost",
                                   .second_factor = stack.settings.mfa.enabled && stack.settings.mfa.required_for_admin};
    routes::mount_audit_routes(stack.app, rooms);
    routes::mount_audit_pages(stack.app, rooms, stack.web);
}

void mount_routes(Stack& stack) {
    auto& app = stack.app;
    routes::mount_system_routes(app,
                                {.database = *stack.database,
                                 .metrics = stack.settings.metrics.enabled ? &stack.metrics : nullptr,
                                 .draining = [&stack] { return stack.draining.load(); },
                                 .refusing = [&stack] { return stack.audit.refuses_sign_ins(); }},
                                stack.web);
    routes::mount_auth_routes(app, stack.sign_in, stack.bearer, stack.users, stack.web);
    routes::mount_token_routes(app, stack.bearer, stack.signing_keys);
    if (stack.settings.mfa.enabled) routes::mount_mfa_routes(app, stack.sign_in, stack.account, stack.bearer, stack.mfa, stack.web);
    if (stack.settings.mfa.enabled) routes::mount_delivered_routes(app, stack.sign_in, stack.account, stack.bearer, stack.web);
    if (stack.settings.mfa.enabled)
        routes::mount_backup_code_routes(app, stack.sign_in, stack.account, stack.bearer, stack.backup_codes, stack.web);
    routes::mount_device_routes(app, stack.account, stack.known_devices, stack.web);
    routes::mount_entry_pages(
        app, {.sign_in = stack.sign_in, .account = stack.account, .setup = stack.setup, .totp = stack.totp, .mfa = stack.mfa, .devices = stack.known_devices, .sessions = stack.sessions},
        stack.web);
    routes::AccountRooms const account{.sign_in = stack.sign_in,
                                       .account = stack.account,
                                       .notices = stack.notices,
                                       .users = stack.users,
                                       .passwords = stack.passwords,
                                       .totp = stack.totp,
                                       .mfa = stack.mfa,
                                       .devices = stack.known_devices,
                                       .policy = stack.mfa_policy,
                                       .sessions = stack.sessions,
                                       .clock = stack.clock,
                                       .recovery = stack.recovery,
                                       .address = stack_settings::sends_mail(stack.settings) ? &stack.address : nullptr};
    routes::mount_account_pages(app, account, stack.web);
    routes::mount_factor_pages(app, account, stack.web);
    routes::mount_backup_code_pages(app, account, stack.web);
    routes::AdminRooms const admin{.sign_in = stack.sign_in,
                                   .lifecycle = stack.lifecycle,
                                   .users = stack.users,
                                   .groups = stack.groups,
                                   .roles = stack.roles,
                                   .passwords = stack.passwords,
                                   .totp = stack.totp,
                                   .mfa = stack.mfa,
                                   .devices = stack.known_devices,
                                   .policy = stack.mfa_policy,
                                   .sessions = stack.sessions,
                                   .audit = stack.audit,
                                   .database = *stack.database,
                                   .clock = stack.clock};
    routes::mount_admin_pages(app, admin, stack.web);
    routes::mount_admin_user_pages(app, admin, stack.web);
    routes::mount_admin_mfa_page(app, admin, stack.web);
    if (stack_settings::sends_mail(stack.settings)) {
        routes::mount_password_reset_pages(app, stack.password_reset, stack.web);
        routes::mount_address_pages(app, stack.address, stack.users, stack.web);
    }
    routes::mount_recovery_pages(app,
                                 {.recovery = stack.recovery,
                                  .users = stack.users,
                                  .mfa = stack.mfa,
                                  .admin_second_factor = stack.settings.mfa.enabled && stack.settings.mfa.required_for_admin},
                                 stack.web);
    mount_audit_routes(stack);
    mount_forward_routes(stack);
    routes::mount_openapi_route(app, stack.web, stack.settings.server.public_url);
    app.on_problem([&stack](http::Request const& request, http::Response const& problem) {
        return routes::problem_page(request, problem, stack.web);
    });
}

void publish_gauges(Stack& stack) {
    auto& metrics = stack.metrics;
    auto& gate = stack.hash_gate;
    metrics.gauge("zephyr_password_hashes_running", "Password hashes being computed.",
                  [&gate] { return static_cast<double>(gate.counts().running); });
    metrics.gauge("zephyr_password_hashes_waiting", "Callers waiting for room to hash a password.",
                  [&gate] { return static_cast<double>(gate.counts().waiting); });
    metrics.counter("zephyr_password_hashes_total", "Password hashes begun.",
                    [&gate] { return static_cast<double>(gate.counts().admitted); });
    metrics.counter("zephyr_password_hashes_refused_total", "Password checks refused because the gate was full.",
                    [&gate] { return static_cast<double>(gate.counts().refused); });
    if (stack.redis) {
        metrics.gauge("zephyr_redis_up", "1 while Redis answers.", [&stack] { return stack.redis->healthy() ? 1.0 : 0.0; });
    }
    metrics.gauge("zephyr_cached_holders", "Sessions and tokens remembered.",
                  [&stack] { return static_cast<double>(stack.holder_cache.counts().entries); });
    metrics.counter("zephyr_cached_holders_hits_total", "Requests whose session or token was remembered.",
                    [&stack] { return static_cast<double>(stack.holder_cache.counts().hits); });
    metrics.counter("zephyr_cached_holders_misses_total", "Requests whose session or token was not remembered.",
                    [&stack] { return static_cast<double>(stack.holder_cache.counts().misses); });
    if (auto* writer = stack.audit_log.writer.get()) {
        auto const health = [&stack] { return stack.trail ? stack.trail->health() : audit::TrailHealth{.writable = false}; };
        metrics.gauge("zephyr_audit_log_entries", "Entries of the audit log.",
                      [writer] { return static_cast<double>(writer->size()); });
        metrics.gauge("zephyr_audit_waiting", "Events that wait in the database for the audit log.",
                      [health] { return static_cast<double>(health().waiting); });
        metrics.gauge("zephyr_audit_writable", "1 while the audit log can be written.",
                      [health] { return health().writable ? 1.0 : 0.0; });
        metrics.gauge("zephyr_audit_whole", "0 once the log's beginning is gone and no entry says that it was to be deleted.",
                      [&stack] { return stack.retention.log_whole() ? 1.0 : 0.0; });
    }
    metrics.counter("zephyr_database_statements_total", "Statements sent to the database.",
                    [&stack] { return static_cast<double>(stack.database->counts().statements); });
    metrics.counter("zephyr_database_reads_total", "Read transactions.",
                    [&stack] { return static_cast<double>(stack.database->counts().reads); });
    metrics.counter("zephyr_database_writes_total", "Write transactions.",
                    [&stack] { return static_cast<double>(stack.database->counts().writes); });
}

}  // namespace

Stack::Stack(StackParts parts)
    : settings{std::move(parts.settings)},
      clock{parts.clock},
      random{parts.random},
      log{parts.log},
      database{std::move(parts.database)},
      sealer{std::move(parts.keyring), random},
      redis{stack_parts::redis(settings.redis, clock, log)},
      audit_log{std::move(parts.audit_log)},
      subject_keys{audit_log.subject_keys ? *audit_log.subject_keys : *database, sealer, clock, random},
      audit{*database, subject_keys, clock, random},
      evidence{audit, subject_keys, clock},
      holds{*database, audit, clock, random},
      retention{*database, audit, subject_keys, holds, audit_log.writer.get(), audit_log.reader.get(), audit_log.node, clock,
                stack_settings::audit_retention(settings.audit)},
      users{*database, audit, clock, random},
      groups{*database, audit, clock, random},
      roles{*database, audit, clock, {users, groups}, stack_settings::roles(settings)},
      hash_gate{stack_settings::hash_gate(settings.passwords), clock},
      password_policy{stack_settings::password_policy(settings), stack_settings::breach_filter(settings.passwords)},
      passwords{*database, audit, sealer, hash_gate, password_policy, clock, random, stack_settings::passwords(settings.passwords)},
      outbox{*database, audit, sealer, clock, random},
      attempts{audit, clock, stack_settings::attempts(settings.mfa)},
      totp{*database, audit, sealer, attempts, clock, random, stack_settings::totp(settings.mfa)},
      backup_codes{*database, audit, sealer, attempts, hash_gate, clock, random, stack_settings::backup_codes(settings)},
      sms_codes{mfa::sms_kind, *database, audit, sealer, attempts, outbox, clock, random, stack_settings::sms_codes(settings)},
      email_codes{mfa::email_kind, *database, audit, sealer, attempts, outbox, clock, random, stack_settings::email_codes(settings)},
      known_devices{*database, audit, sealer, clock, random, stack_settings::known_devices(settings.mfa)},
      mfa{*database, audit, attempts, {.totp = totp, .backup_codes = backup_codes, .sms = &sms_codes, .email = &email_codes}},
      session_store{*database, sealer},
      session_copies{stack_parts::session_copies(*this)},
      sessions{session_copies ? *session_copies : session_store, *database, audit, clock, random,
               stack_settings::sessions(settings.sessions)},
      signing_keys{*database, audit, sealer, clock, stack_settings::signing_keys(settings)},
      tokens{signing_keys, sessions, *database, audit, sealer, clock, random, stack_settings::tokens(settings)},
      notices{*database, clock, random},
      mail_links{*database, sealer, clock, random, {.public_url = settings.server.public_url}},
      mfa_policy{*database, roles, groups, clock, stack_settings::mfa_policy(settings.mfa)},
      users_data{},
      rbac_data{roles},
      passwords_data{},
      messages_data{sealer},
      mfa_data{sealer},
      sessions_data{session_copies ? *session_copies : session_store},
      tokens_data{},
      forward_data{},
      audit_data{audit},
      recovery_data{sealer},
      personal_data{{&users_data, &rbac_data, &passwords_data, &messages_data, &mfa_data, &sessions_data, &tokens_data, &forward_data, &audit_data,
                     &notices, &mfa_policy, &known_devices, &mail_links, &recovery_data}},
      sign_in{rooms(), stack_settings::sign_in(settings)},
      account{rooms(), sign_in, notices},
      bearer{rooms(), sign_in, tokens, notices},
      lifecycle{rooms(), notices, personal_data},
      address{rooms(), sign_in, mail_links, outbox},
      password_reset{rooms(), sign_in, mail_links, outbox},
      recovery{rooms(), lifecycle, mail_links, outbox, sealer, random, log, stack_settings::recovery(settings.recovery)},
      setup{{*database, users, roles, passwords, audit}, clock, random},
      holder_cache{*database, clock, stack_parts::holder_cache(*this)},
      gatekeeper{users,
                 roles,
                 sessions,
                 tokens,
                 audit,
                 holder_cache,
                 clock,
                 {.session_cookie = stack_settings::session_cookie(settings.server)}},
      forward{*database, sessions, audit, sealer, clock, random, stack_settings::forward_rules(settings.forward_auth)},
      people{*database, users, groups, clock, stack_parts::people(*this)},
      pages{stack_settings::pages(settings.server)},
      web{pages, stack_settings::web(settings)},
      csrf_tokens{sealer.derive("csrf tokens"), random, stack_settings::csrf_cookies(settings.server)},
      metrics{clock},
      rate_limiter{clock},
      shared_rate_limiter{stack_parts::shared_rate_limiter(*this)},
      app{gatekeeper, log} {
    if (audit_log.reader) {
        evidence.attach({.node = audit_log.node,
                         .writer = audit_log.writer.get(),
                         .reader = audit_log.reader.get(),
                         .earlier_epochs = audit_log.earlier_epochs});
    }
    notices.use_mail(users, outbox);
    audit.when_unavailable(stack_settings::when_audit_unavailable(settings.audit));
    gatekeeper.add_rule("metrics_reader", metrics_reader(settings.metrics.token, roles));
    gatekeeper.add_rule("fresh_proof", fresh_proof(sessions, sign_in));
    app.trust(trusted(settings.server));
    outbox.use_channel(messages::Channel::sms, !settings.mfa.sms_provider.empty());
    outbox.use_channel(messages::Channel::email, !settings.mfa.email_provider.empty());
    install_middleware(*this);
    mount_routes(*this);
    stack_parts::check_inline_routes(*this);
    publish_gauges(*this);
    stack_parts::join_other_nodes(*this);
}

// Other nodes' messages reach into members on both sides of it, so it falls silent before any of them goes.
Stack::~Stack() {
    publishing = {};
    change_feed.reset();
    // What is still on its way into the log gets there, and the log ends in a checkpoint.
    if (trail) trail->stop();
    audit.attach(nullptr);
    if (audit_log.writer) audit_log.writer->stop();
}

Result<void> Stack::begin_trail(audit::TrailSettings chosen) {
    if (!audit_log.writer) return success();
    auto begun = audit::Trail::open({.database = *database,
                                     .writer = *audit_log.writer,
                                     .reader = *audit_log.reader,
                                     .keys = subject_keys,
                                     .clock = clock,
                                     .random = random,
                                     .log = log},
                                    std::move(chosen));
    if (!begun.ok()) return begun.error();
    trail = std::move(begun).value();
    audit.attach(trail.get());
    return success();
}

void Stack::add_factor(mfa::FactorProvider& own) {
    mfa.add(own);
    if (settings.mfa.enabled) routes::mount_own_factor_routes(app, own.kind(), sign_in, account, bearer, web);
}

signin::Rooms Stack::rooms() { return {*database, users, roles, passwords, mfa, known_devices, mfa_policy, notices, sessions, audit, clock}; }

std::size_t Stack::purge() {
    std::size_t removed = 0;
    // Each on its own: what one of them cannot do must not keep the others from it, round after round.
    auto const part = [&](std::string_view name, auto const& work) {
        try {
            removed += static_cast<std::size_t>(work());
        } catch (std::exception const& failed) {
            log.warning("stack.purge_failed", {{"part", name}, {"why", failed.what()}});
        }
    };
    part("sessions", [&] { return sessions.purge(); });
    part("tokens", [&] { return tokens.purge(); });
    part("signing_keys", [&] { return signing_keys.purge(); });
    part("forward", [&] { return forward.purge(); });
    part("messages", [&] { return outbox.purge(); });
    part("mfa", [&] { return mfa.purge(); });
    part("known_devices", [&] { return known_devices.purge(); });
    part("passwords", [&] { return passwords.purge(); });
    part("roles", [&] { return roles.purge_expired(clock.now()); });
    part("mail_links", [&] { return mail_links.purge(); });
    part("recovery", [&] { return recovery.purge(); });
    part("due_recoveries", [&] { return recovery.carry_out_due(); });
    return removed;
}

std::vector<storage::Migration> const& schema_migrations() {
    static std::vector<storage::Migration> const migrations = storage::make_migrations(embedded_migrations::files());
    return migrations;
}

}  // namespace zephyr
