#include "config/settings_table.h"

#include <algorithm>
#include <iterator>

namespace zephyr::config {

using namespace std::chrono_literals;

namespace {

// The place of a setting: AT(mfa.enabled).
#define AT(member) [](Settings& settings) -> auto& { return settings.member; }

using Entries = std::vector<Entry>;

constexpr std::string_view a_path = "a path";
constexpr std::string_view an_origin = "scheme, host and port alone, such as https://login.example.com";

Entries server() {
    return {
        endpoint(Row{"server.listen", "127.0.0.1:8080",
                     "Where to listen. Beyond this machine only with TLS or behind a proxy."}
                     .flag("--listen"),
                 AT(server.listen)),
        text(Row{"server.public_url", "",
                 "The address people use, and the issuer of everything signed. Links in mails come from here, never "
                 "from a request. Empty: made from server.listen."}
                 .flag("--public-url"),
             AT(server.public_url), origin_or_empty, an_origin),
        boolean(Row{"server.behind_proxy", "false",
                    "A reverse proxy in front speaks TLS and names the client in its headers."}
                    .flag("--behind-proxy"),
                AT(server.behind_proxy)),
        list(Row{"server.trusted_proxies", "", "The proxies whose forwarding headers are believed. Nobody else's are."}
                 .flag("--trusted-proxies"),
             AT(server.trusted_proxies), address_range, "address ranges such as 10.0.0.0/8 or single addresses"),
        text(Row{"server.tls_certificate", "", "PEM file with the certificate and its chain. Empty: no TLS."},
             AT(server.tls_certificate), any_text, a_path, 4096),
        text(Row{"server.tls_key", "", "PEM file with the certificate's private key."}, AT(server.tls_key), any_text,
             a_path, 4096),
        integer(Row{"server.io_threads", "0", "Threads that read and write sockets. 0: as many as cores."},
                AT(server.io_threads), 0, 256),
        integer(Row{"server.workers", "64",
                    "Threads that run handlers. A handler waits for its commit, so more than cores is right."},
                AT(server.workers), 1, 1024),
        integer(Row{"server.queue", "1024", "Requests that may wait for a worker; beyond it the answer is 503."},
                AT(server.queue), 1, 100'000),
        integer(Row{"server.max_connections", "10000", "Open connections; beyond it new ones are closed."},
                AT(server.max_connections), 1, 1'000'000),
        size(Row{"server.max_body_bytes", "1MiB", "The largest request body; beyond it the answer is 413."},
             AT(server.max_body_bytes), 1024, 64 << 20),
        size(Row{"server.max_header_bytes", "16KiB", "The largest request head; beyond it the answer is 431."},
             AT(server.max_header_bytes), 1024, 1 << 20),
        duration(Row{"server.handshake_timeout", "10s", "For a TLS handshake."}, AT(server.handshake_timeout), 100ms,
                 5min),
        duration(Row{"server.header_timeout", "10s", "From the first byte of a request to the end of its head."},
                 AT(server.header_timeout), 100ms, 5min),
        duration(Row{"server.body_timeout", "30s", "For the whole body of a request."}, AT(server.body_timeout), 100ms,
                 10min),
        duration(Row{"server.write_timeout", "30s", "For a whole answer."}, AT(server.write_timeout), 100ms, 10min),
        duration(Row{"server.idle_timeout", "60s", "How long a kept-alive connection may be silent."},
                 AT(server.idle_timeout), 100ms, 1h),
        duration(Row{"server.lame_duck", "0s",
                    "How long the server goes on serving after it was told to stop, while /readyz says 503 already: as "
                    "long as a load balancer takes to notice. 0: not at all."},
                 AT(server.lame_duck), 0ms, 5min),
        duration(Row{"server.drain", "5s", "How long running requests get when the server stops."}, AT(server.drain),
                 0ms, 5min),
        text(Row{"server.web_dir", "",
                 "Templates and styles from this folder instead of the built-in ones; for development."}
                 .flag("--web-dir"),
             AT(server.web_dir), any_text, a_path, 4096),
        text(Row{"server.name", "Zephyr", "The name pages show."}, AT(server.name), visible_text,
             "1 to 64 visible characters", 256),
        text(Row{"server.logo", "", "An SVG or PNG file pages show. Empty: built in."}, AT(server.logo), any_text,
             a_path, 4096),
        text(Row{"server.accent", "", "The colour of buttons and links. Empty: built in."}, AT(server.accent),
             colour_or_empty, "#rrggbb", 7),
    };
}

Entries storage_keys_log_metrics() {
    return {
        text(Row{"storage.data", "zephyr-data", "The data folder: database file, lock and control socket."}.flag(
                 "--data"),
             AT(storage.data), any_text, a_path, 4096),
        secret(Row{"storage.url", "", "A PostgreSQL database. Empty: SQLite in the data folder."}, AT(storage.url), 0,
               postgres_url_or_empty, "postgresql://…"),
        integer(Row{"storage.connections", "16", "Connections to PostgreSQL, or SQLite readers."},
                AT(storage.connections), 2, 500),
        duration(Row{"storage.statement_timeout", "10s", "After this a PostgreSQL statement is cancelled."},
                 AT(storage.statement_timeout), 100ms, 10min),
        secret(Row{"redis.url", "",
                   "A Redis 7 that all nodes share, for sessions.store = redis, for limits that count over all nodes, and "
                   "for cache.other_nodes. Nothing depends on it alone. rediss:// speaks TLS. Empty: none."},
               AT(redis.url), 0, redis_url_or_empty, "redis[s]://[[user]:password@]host[:port][/number]"),
        text(Row{"redis.ca_file", "", "PEM file with the authority of its certificate. Empty: the system's."},
             AT(redis.ca_file), any_text, a_path, 4096),
        duration(Row{"redis.deadline", "250ms", "For one command. After this we go on without Redis."},
                 AT(redis.deadline), 10ms, 5s),
        text(Row{"keys.master_key_file", "",
                 "The file with the master key, outside the data folder. Empty: the systemd credential zephyr.key, or "
                 "a key made on first start."},
             AT(keys.master_key_file), any_text, a_path, 4096),
        choice_of<LogLevel>(Row{"log.level", "info", "Events below this level are not logged."}, AT(log.level),
                            {"debug", "info", "warning", "error"}),
        choice_of<LogFormat>(Row{"log.format", "json", "One JSON object per line, or text for people."}, AT(log.format),
                             {"json", "text"}),
        boolean(Row{"metrics.enabled", "false", "Offers /metrics to whoever knows metrics.token."},
                AT(metrics.enabled)),
        secret(Row{"metrics.token", "", "The bearer token /metrics asks for."}, AT(metrics.token), 16, any_text,
               "at least 16 bytes"),
    };
}

Entries audit_log() {
    return {
        text(Row{"audit.folder", "",
                 "The folder of the audit log and its keys, on a disk of its own if you like. Empty: audit in the data folder."},
             AT(audit.folder), any_text, a_path, 4096),
        choice_of<AuditWhenUnavailable>(
            Row{"audit.when_unavailable", "refuse",
                "While the audit log can't be written, what administrators do is refused (503). refuse: sign-ins too. record_gap: "
                "they go on; what can't be recorded is counted, and the log says how many once it can be written again."},
            AT(audit.when_unavailable), {"refuse", "record_gap"}),
        size(Row{"audit.segment_bytes", "64MiB", "The log is kept in files of this size, and old ones are deleted whole."},
             AT(audit.segment_bytes), 64 << 10, std::int64_t{1} << 30),
        duration(Row{"audit.checkpoint_every", "1s", "How often the log is signed while events come in."}, AT(audit.checkpoint_every),
                 100ms, 1h),
        duration(Row{"audit.retention_auth", "400d", "How long events of signing in are kept; then they can't be read any more, and are "
                                                     "deleted as soon as nothing older must stay."},
                 AT(audit.retention_auth), 24h, 9999 * 24h),
        duration(Row{"audit.retention_admin", "2557d", "The same for what administrators and the server do; 7 years."},
                 AT(audit.retention_admin), 24h, 9999 * 24h),
        duration(Row{"audit.retention_phi", "2192d", "The same for access to health records; 6 years, and no less where HIPAA applies."},
                 AT(audit.retention_phi), 24h, 9999 * 24h),
        duration(Row{"audit.retention_http", "90d", "The same for single requests."}, AT(audit.retention_http), 24h, 9999 * 24h),
        list(Row{"audit.witnesses", "",
                 "Programs on other machines (zephyr witness) that sign the log's checkpoints too, so that nobody can roll it back "
                 "unseen: each one's key and address. See docs/guides/audit.md."},
             AT(audit.witnesses), witness_line, "KEY URL, as zephyr witness key prints it, such as w1.example+1a2b3c4d+BA… https://w1.example:8443", 64),
        integer(Row{"audit.witness_quorum", "0", "How many of them must sign each checkpoint: with fewer, the server's log warns and the metric zephyr_audit_witnesses_good is 0. "
                    "0: collect what comes."},
                AT(audit.witness_quorum), 0, 64),
    };
}

Entries people() {
    return {
        choice_of<SessionPlace>(
            Row{"sessions.store", "database",
                "Where sessions are kept. The database knows in every case which of them live. redis: sealed copies there, "
                "which take most of the writes. cookie: the content travels sealed in the cookie, and the table does not say "
                "from where people sign in; lists of sessions then show times alone. Changing to or from cookie signs "
                "everybody out."},
            AT(sessions.store), {"database", "redis", "cookie"}),
        boolean(Row{"signup.open", "false", "Anybody may make an account. Otherwise an administrator does."},
                AT(signup.open)),
        duration(Row{"sessions.idle", "30m", "A session unused for so long ends."}, AT(sessions.idle), 1min, 24h),
        duration(Row{"sessions.absolute", "12h", "A session ends after so long, used or not."}, AT(sessions.absolute),
                 5min, 720h),
        duration(Row{"sessions.remember", "30d", "The same for someone who asked to be remembered."},
                 AT(sessions.remember), 5min, 8760h),
        duration(Row{"sessions.pending", "10m", "How long a sign-in may wait for its second factor."},
                 AT(sessions.pending), 1min, 1h),
        integer(Row{"sessions.max_per_user", "0", "Sessions one person may have at the same time. 0: no limit."},
                AT(sessions.max_per_user), 0, 10'000),
        choice_of<WhenFull>(Row{"sessions.when_full", "evict_oldest",
                                "What happens at one more: the oldest ends, or the sign-in is refused."},
                            AT(sessions.when_full), {"evict_oldest", "refuse"}),
        integer(Row{"cache.entries", "100000",
                    "Sessions and tokens remembered in memory, about 600 bytes each. Exact on SQLite. 0: none."},
                AT(cache.entries), 0, 10'000'000),
        choice_of<OtherNodes>(
            Row{"cache.other_nodes", "exact",
                "With PostgreSQL: exact asks the database at every request. bounded answers from memory while Redis brings "
                "the other nodes' changes; a revocation there counts here after at most a second."},
            AT(cache.other_nodes), {"exact", "bounded"}),
        duration(Row{"tokens.access_lifetime", "5m",
                     "How long an access token is good. Elsewhere nobody asks us before."},
                 AT(tokens.access_lifetime), 30s, 1h),
        duration(Row{"tokens.refresh_grace", "20s",
                     "A refresh token used again within this gets the same answer again: the first may have been lost. "
                     "Later it ends the session."},
                 AT(tokens.refresh_grace), 10s, 30s),
        text(Row{"tokens.audience", "", "Whom access tokens are for: the name your services check. Empty: "
                                        "server.public_url."},
             AT(tokens.audience), any_text, "text", 256),
        choice_of<TokenAlgorithm>(Row{"tokens.algorithm", "es256", "What access tokens are signed with."},
                                  AT(tokens.algorithm), {"es256", "eddsa", "rs256"}),
        duration(Row{"tokens.key_rotation", "90d", "After so long the next key signs."}, AT(tokens.key_rotation), 24h,
                 8760h),
        integer(Row{"passwords.min_length_alone", "15",
                    "Characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2)."},
                AT(passwords.min_length_alone), 15, 128),
        integer(Row{"passwords.min_length_with_factor", "8",
                    "Characters of a password that a second factor stands beside."},
                AT(passwords.min_length_with_factor), 8, 128),
        integer(Row{"passwords.argon2_memory_kib", "19456", "Memory of one Argon2id hash, in KiB."},
                AT(passwords.argon2_memory_kib), 7168, 256 << 10),
        integer(Row{"passwords.argon2_passes", "2", "Passes of Argon2id over that memory."},
                AT(passwords.argon2_passes), 1, 16),
        size(Row{"passwords.hash_memory", "512MiB", "What all hashes running at the same time may use together."},
             AT(passwords.hash_memory_bytes), 8 << 20, std::int64_t{1} << 40),
        integer(Row{"passwords.hash_workers", "0",
                    "Hashes at the same time. 0: as many as cores, as far as passwords.hash_memory allows."},
                AT(passwords.hash_workers), 0, 256),
        duration(Row{"passwords.hash_deadline", "2s", "How long they may wait; then the answer is 503."},
                 AT(passwords.hash_deadline), 10ms, 1min),
        text(Row{"passwords.breach_filter_file", "", "A filter of passwords known from breaches. Empty: none."},
             AT(passwords.breach_filter_file), any_text, a_path, 4096),
        boolean(Row{"mfa.enabled", "true", "People may have a second factor, and are asked for it."}.env("MFA_ENABLED"),
                AT(mfa.enabled)),
        boolean(
            Row{"mfa.required_for_admin", "true", "Administrators must have proved a second factor in their session."}
                .env("MFA_REQUIRED_FOR_ADMIN"),
            AT(mfa.required_for_admin)),
        list(Row{"mfa.required_for", "",
                 "Who must have a second factor: \"everyone\", \"role:NAME\", \"group:NAME\". With \" grace:7d\" behind it they have so "
                 "long from their first sign-in under the rule to add one; then signing in leads there and nowhere else."},
             AT(mfa.required_for), mfa_rule, "\"everyone\", \"role:NAME\" or \"group:NAME\", perhaps with \" grace:7d\" behind it (h, d, w)"),
        boolean(Row{"mfa.email_satisfies_mfa", "false",
                    "A code by e-mail counts as the second factor where one is demanded. Tokens go on saying that it is none: whoever reads "
                    "the mail often can reset the password too."},
                AT(mfa.email_satisfies_mfa)),
        text(Row{"mfa.totp_issuer", "Zephyr App", "The name authenticator apps show."}.env("MFA_TOTP_ISSUER"),
             AT(mfa.totp_issuer), issuer_name, "1 to 64 visible characters without ':'", 256),
        integer(Row{"mfa.totp_drift_steps", "1", "Steps of 30 s a phone's clock may be off, either way."},
                AT(mfa.totp_drift_steps), 0, 2),
        integer(Row{"mfa.attempts_per_challenge", "5", "Wrong codes one sign-in may give before it must begin again."},
                AT(mfa.attempts_per_challenge), 1, 10),
        integer(
            Row{"mfa.attempts_per_account", "10", "Wrong codes in a row before an account's codes are slowed down."},
            AT(mfa.attempts_per_account), 3, 100),
        integer(Row{"mfa.backup_codes_count", "10", "Codes for the day the phone is lost."}
                    .env("MFA_BACKUP_CODES_COUNT"),
                AT(mfa.backup_codes_count), 1, 50),
        boolean(Row{"mfa.trusted_devices", "false",
                    "People may trust a browser: for a while their password is enough in it. Never for administrators, nor for whoever "
                    "must have a second factor, nor where a route asks for one."},
                AT(mfa.trusted_devices)),
        duration(Row{"mfa.trust_lifetime", "30d", "How long a browser stays trusted."}, AT(mfa.trust_lifetime), 1min, 90 * 24h),
        list(Row{"mfa.sms_prefixes", "",
                 "The countries codes may be sent to, by the beginning of their numbers, such as +49 or +1415. Name only those your "
                 "people live in: fraud goes to the expensive ones. +1 reaches the whole North American numbering plan: 25 countries and "
                 "territories, Caribbean islands with premium numbers among them. '!' excludes, as in +1, !+1876. The longest entry "
                 "that fits a number decides."},
             AT(mfa.sms_prefixes), country_prefix, "'+' and 1 to 7 digits, such as +49, or '!' before that, such as !+1876"),
        integer(Row{"mfa.sms_per_number_per_hour", "3",
                    "Codes one person gets in an hour at a number of theirs. To a number that is being added go half as many, rounded up, whoever "
                    "adds it."},
                AT(mfa.sms_per_number_per_hour), 1, 100),
        integer(Row{"mfa.sms_per_number_per_day", "10", "The same in a day."}, AT(mfa.sms_per_number_per_day), 1, 1000),
        integer(Row{"mfa.sms_per_person_per_hour", "5", "Codes by SMS one person gets in an hour."}, AT(mfa.sms_per_person_per_hour), 1, 100),
        integer(Row{"mfa.sms_per_person_per_day", "15", "Codes by SMS one person gets in a day."}, AT(mfa.sms_per_person_per_day), 1, 1000),
        integer(Row{"mfa.sms_per_prefix_per_hour", "100",
                    "Codes each entry of mfa.sms_prefixes gets in an hour, at most half of them to numbers that are being added; reaching it is "
                    "an event that alerts. 0: no limit."},
                AT(mfa.sms_per_prefix_per_hour), 0, 1'000'000),
        integer(Row{"mfa.sms_per_hour", "500",
                    "Codes by SMS in an hour, all together, at most half of them to numbers that are being added; reaching it is an event that "
                    "alerts. 0: no limit."},
                AT(mfa.sms_per_hour), 0, 1'000'000),
        duration(Row{"mfa.code_lifetime", "5m", "How long a code that was sent may be used."}, AT(mfa.code_lifetime), 1min, 10min),
    };
}

Entries recovery() {
    return {
        boolean(Row{"recovery.self_service", "false",
                    "Whoever knows the password and reads the mail of the verified address may have their second factors removed, after "
                    "the wait. Then the mailbox is worth as much as the second factor."},
                AT(recovery.self_service)),
        duration(Row{"recovery.wait", "24h", "How long that takes; any session of the person can cancel it until then."}, AT(recovery.wait), 1h,
                 14 * 24h),
        duration(Row{"recovery.reset_delay", "24h",
                     "How long an administrator's request takes to remove somebody's second factors, unless a second administrator approves it."},
                 AT(recovery.reset_delay), 1h, 14 * 24h),
    };
}

Entries limits_and_cors() {
    constexpr std::int64_t most = 1'000'000;
    return {
        integer(Row{"limits.requests_per_second", "1000", "Requests of one client address. 0: no limit."},
                AT(limits.requests_per_second), 0, most),
        integer(Row{"limits.requests_burst", "2000", "Of those, how many at once."}, AT(limits.requests_burst), 1, most),
        integer(Row{"limits.sign_in_per_minute", "120", "Sign-in attempts of one client address. 0: no limit."},
                AT(limits.sign_in_per_minute), 0, most),
        integer(Row{"limits.sign_in_burst", "60", "Of those, how many at once."}, AT(limits.sign_in_burst), 1, most),
        integer(Row{"limits.factor_per_minute", "120", "Second-factor attempts of one client address. 0: no limit."},
                AT(limits.factor_per_minute), 0, most),
        integer(Row{"limits.factor_burst", "60", "Of those, how many at once."}, AT(limits.factor_burst), 1, most),
        integer(Row{"limits.refresh_per_minute", "600", "Refreshes of tokens by one client address. 0: no limit."},
                AT(limits.refresh_per_minute), 0, most),
        integer(Row{"limits.refresh_burst", "300", "Of those, how many at once."}, AT(limits.refresh_burst), 1, most),
        integer(Row{"limits.register_per_hour", "120", "Accounts one client address may ask for. 0: no limit."},
                AT(limits.register_per_hour), 0, most),
        integer(Row{"limits.register_burst", "30", "Of those, how many at once."}, AT(limits.register_burst), 1, most),
        integer(Row{"limits.forward_per_second", "5000",
                    "What proxies ask about one client address (forward_auth.rules). 0: no limit."},
                AT(limits.forward_per_second), 0, most),
        integer(Row{"limits.forward_burst", "10000", "Of those, how many at once."}, AT(limits.forward_burst), 1, most),
        list(Row{"cors.allowed_origins", "",
                 "Sites whose scripts may read our answers. Exact: no patterns, and never every site."},
             AT(cors.allowed_origins), cors_origin, "origins such as https://app.example.com"),
        list(Row{"forward_auth.rules", "",
                 "Hosts of other applications, and what each demands: \"app.example.com\", \"wiki.example.com/admin "
                 "role:admin mfa:15m\", \"status.example.com open\". The longest path decides; what no line names is "
                 "refused. See docs/guides/forward-auth.md. Empty: /auth/forward does not exist."},
             AT(forward_auth.rules), forward_rule,
             "HOST[/PATH] and then login, open, role:NAME, permission:NAME, mfa or mfa:15m", 1024),
        boolean(Row{"forward_auth.send_email", "false",
                    "Tells applications the e-mail address (Remote-Email). People choose theirs and nobody checks it: only for "
                    "applications that do not know people by it."},
                AT(forward_auth.send_email)),
    };
}

#undef AT

}  // namespace

std::vector<Area> const& areas() {
    static std::vector<Area> const list{
        {"server", "The listener, its limits, and what pages look like."},
        {"storage", "Where everything is kept."},
        {"redis", "What several nodes share beside the database."},
        {"keys", "The master key seals secrets at rest. Backups leave it out."},
        {"log", "What is written to standard error."},
        {"metrics", "For a monitoring system."},
        {"signup", "Who may make an account."},
        {"sessions", "How long a sign-in lasts."},
        {"cache", "What is remembered between requests."},
        {"tokens", "For programs and services: access and refresh tokens."},
        {"passwords", "What a password must be, and what checking one may cost."},
        {"mfa", "Second factors."},
        {"mail", "Who mail to people is from."},
        {"smtp", "A mail server."},
        {"sendgrid", "Mail by SendGrid."},
        {"twilio", "SMS by Twilio."},
        {"sms_hook", "SMS by an endpoint of yours."},
        {"smpp", "SMS by an SMS centre."},
        {"recovery", "Lost second factors: who may have them taken away, and how long everybody has to object."},
        {"limits", "Rates per client address; a burst is what may come at once before the rate counts."},
        {"cors", "Other sites' scripts."},
        {"forward_auth", "Applications behind a proxy that asks us about each request."},
        {"audit", "The tamper-evident record of what happened."},
        {"webauthn", "Passkeys."},
        {"federation", "People kept by a directory."},
        {"ldap", "That directory."},
        {"uma", "User-Managed Access 2.0."},
        {"compliance", "Evidence for auditors."},
        {"scanning", "Scans of this installation."},
        {"threats", "Threat detection."},
    };
    return list;
}

std::vector<Entry> const& table() {
    static std::vector<Entry> const entries = [] {
        Entries all;
        for (auto* const part :
             {server, storage_keys_log_metrics, people, message_settings, recovery, limits_and_cors, audit_log, later_settings}) {
            auto more = part();
            std::move(more.begin(), more.end(), std::back_inserter(all));
        }
        return all;
    }();
    return entries;
}

Entry const* find_entry(std::string_view key) {
    auto const found =
        std::find_if(table().begin(), table().end(), [&](Entry const& entry) { return entry.info.key == key; });
    return found == table().end() ? nullptr : &*found;
}

}  // namespace zephyr::config
