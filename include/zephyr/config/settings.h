// Every setting of the server as plain values. What each one means, its limits and its default stand in one place,
// src/config/settings_table.cpp; docs/reference/settings.md is generated from there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "zephyr/foundation/log.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::config {

using Duration = std::chrono::milliseconds;

// Where to listen: an IP address (IPv6 without brackets) or "localhost"; port 0 lets the system choose.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;

    std::string str() const;  // "127.0.0.1:8080", "[::1]:8080"
    bool is_loopback() const;
    bool is_wildcard() const;  // 0.0.0.0 or ::
    bool operator==(Endpoint const&) const = default;
};

struct ServerSettings {
    Endpoint listen;
    std::string public_url;  // the issuer: an origin, never empty after load()
    bool behind_proxy = false;
    std::vector<std::string> trusted_proxies;  // CIDR, such as "10.0.0.0/8"; a single address has its /32 or /128
    std::string tls_certificate;               // path of a PEM chain; empty: no TLS
    std::string tls_key;                       // path
    std::int64_t io_threads = 0;               // 0: as many as cores
    std::int64_t workers = 0;
    std::int64_t queue = 0;  // requests that may wait for a worker; beyond it 503
    std::int64_t max_connections = 0;
    std::int64_t max_body_bytes = 0;
    std::int64_t max_header_bytes = 0;
    Duration handshake_timeout{};
    Duration header_timeout{};
    Duration body_timeout{};
    Duration write_timeout{};
    Duration idle_timeout{};
    Duration lame_duck{};  // from "stop" to the end of accepting, while /readyz says 503 already
    Duration drain{};      // how long running requests get when the server stops
    std::string web_dir;  // templates and styles from here instead of the built-in ones; for development
    std::string name;     // the name pages show
    std::string logo;     // path of an image; empty: built in
    std::string accent;   // "#rrggbb"; empty: built in

    bool has_tls() const { return !tls_certificate.empty(); }
};

struct StorageSettings {
    std::string data;  // the data folder: SQLite file, lock, control socket
    SecretText url;    // empty: SQLite in the data folder; otherwise postgresql://…
    std::int64_t connections = 0;
    Duration statement_timeout{};
};

struct RedisSettings {
    SecretText url;       // empty: none
    std::string ca_file;  // path; empty: the system's authorities
    Duration deadline{};
};

struct KeySettings {
    std::string master_key_file;  // empty: a systemd credential, or made on first start
};

struct LogSettings {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
};

struct MetricsSettings {
    bool enabled = false;
    SecretText token;  // the bearer token /metrics asks for
};

struct SignupSettings {
    bool open = false;
};

enum class WhenFull { evict_oldest, refuse };

enum class SessionPlace { database, redis, cookie };

struct SessionSettings {
    SessionPlace store = SessionPlace::database;
    Duration idle{};
    Duration absolute{};
    Duration remember{};
    Duration pending{};
    std::int64_t max_per_user = 0;  // 0: no limit
    WhenFull when_full = WhenFull::evict_oldest;
};

// What memory is believed about other nodes of one PostgreSQL: nothing, or what Redis brings.
enum class OtherNodes { exact, bounded };

struct CacheSettings {
    std::int64_t entries = 0;  // sessions and tokens remembered; 0: none
    OtherNodes other_nodes = OtherNodes::exact;
};

enum class TokenAlgorithm { es256, eddsa, rs256 };

struct TokenSettings {
    Duration access_lifetime{};
    Duration refresh_grace{};
    std::string audience;  // empty: the public address
    TokenAlgorithm algorithm = TokenAlgorithm::es256;
    Duration key_rotation{};
};

struct PasswordSettings {
    std::int64_t min_length_alone = 0;        // characters (code points)
    std::int64_t min_length_with_factor = 0;  // characters (code points)
    std::int64_t argon2_memory_kib = 0;
    std::int64_t argon2_passes = 0;
    std::int64_t hash_workers = 0;       // hashes at the same time; never 0 after load()
    std::int64_t hash_memory_bytes = 0;  // what they may use together
    Duration hash_deadline{};
    std::string breach_filter_file;
};

struct MfaSettings {
    bool enabled = false;
    bool required_for_admin = false;
    std::vector<std::string> required_for;  // "everyone", "role:clinician grace:7d", "group:Night shift"
    bool email_satisfies_mfa = false;
    std::string totp_issuer;
    std::int64_t totp_drift_steps = 0;
    std::int64_t backup_codes_count = 0;
    bool trusted_devices = false;
    Duration trust_lifetime{};
    std::int64_t attempts_per_challenge = 0;
    std::int64_t attempts_per_account = 0;
    std::string sms_provider;
    std::vector<std::string> sms_prefixes;  // "+49", "!+1876"; needed with a provider
    std::int64_t sms_per_number_per_hour = 0;
    std::int64_t sms_per_number_per_day = 0;
    std::int64_t sms_per_person_per_hour = 0;
    std::int64_t sms_per_person_per_day = 0;
    std::int64_t sms_per_prefix_per_hour = 0;
    std::int64_t sms_per_hour = 0;
    std::string email_provider;
    Duration code_lifetime{};
};

struct RecoverySettings {
    bool self_service = false;
    Duration wait{};
    Duration reset_delay{};
};

// Who mail is from, whoever carries it.
struct MailSettings {
    std::string from;       // an address
    std::string from_name;  // empty: server.name
};

enum class SmtpTls { starttls, implicit, off };

struct SmtpSettings {
    std::string host;
    std::int64_t port = 0;  // never 0 after load()
    SmtpTls tls = SmtpTls::starttls;
    std::string username;  // empty: no AUTH
    SecretText password;
    std::string ca_file;  // path; empty: the system's authorities
};

struct SendgridSettings {
    std::string url;
    SecretText api_key;
};

struct TwilioSettings {
    std::string url;
    std::string account_sid;
    SecretText auth_token;
    std::string from;
};

struct SmsHookSettings {
    std::string url;
    SecretText secret;
    std::string ca_file;  // path; empty: the system's authorities
};

struct SmppSettings {
    std::string host;
    std::int64_t port = 0;
    bool tls = false;
    std::string ca_file;  // path; empty: the system's authorities
    std::string system_id;
    SecretText password;
    std::string source;
};

struct WebauthnSettings {
    bool enabled = false;
    std::string rp_id;  // empty: host of the public address
    std::string rp_name;
    std::string origin;  // empty: the public address
    bool require_user_verification = false;
};

struct FederationSettings {
    bool enabled = false;
};

struct LdapSettings {
    std::string server_uri;
    std::string bind_dn;
    SecretText bind_password;
    std::string user_search_base;
    std::string user_search_filter;
};

struct UmaSettings {
    bool enabled = false;
    std::string authorization_server;
    std::string resource_server_id;
};

// What happens to events of sign-ins and requests while the audit log can't be written; those of administration refuse always.
enum class AuditWhenUnavailable { refuse, record_gap };

struct AuditSettings {
    std::string folder;  // empty: "audit" in the data folder
    AuditWhenUnavailable when_unavailable = AuditWhenUnavailable::refuse;
    std::int64_t segment_bytes = 0;
    Duration checkpoint_every{};
    // How long events of each class are kept at least, and their personal fields at most.
    Duration retention_auth{};
    Duration retention_admin{};
    Duration retention_phi{};
    Duration retention_http{};
    std::vector<std::string> witnesses;  // "VKEY URL", read by audit::WitnessTarget
    std::int64_t witness_quorum = 0;
};

struct ComplianceSettings {
    bool gdpr = false;
    bool soc2 = false;
    bool hipaa = false;
};

struct ScanningSettings {
    bool enabled = false;
    Duration interval{};
};

struct ThreatSettings {
    bool enabled = false;
};

// Per client address. A burst is how many may come at once before the rate counts. A rate of 0 means no limit.
struct LimitSettings {
    std::int64_t requests_per_second = 0;
    std::int64_t requests_burst = 0;
    std::int64_t sign_in_per_minute = 0;
    std::int64_t sign_in_burst = 0;
    std::int64_t factor_per_minute = 0;
    std::int64_t factor_burst = 0;
    std::int64_t refresh_per_minute = 0;
    std::int64_t refresh_burst = 0;
    std::int64_t register_per_hour = 0;
    std::int64_t register_burst = 0;
    std::int64_t forward_per_second = 0;
    std::int64_t forward_burst = 0;
};

struct ForwardAuthSettings {
    std::vector<std::string> rules;  // lines of forward::RuleBook
    bool send_email = false;         // Remote-Email; people choose their address, and nobody has checked it
};

struct CorsSettings {
    std::vector<std::string> allowed_origins;  // exact; "*" cannot be said
};

struct Settings {
    ServerSettings server;
    StorageSettings storage;
    RedisSettings redis;
    KeySettings keys;
    LogSettings log;
    MetricsSettings metrics;
    SignupSettings signup;
    SessionSettings sessions;
    TokenSettings tokens;
    CacheSettings cache;
    PasswordSettings passwords;
    MfaSettings mfa;
    RecoverySettings recovery;
    MailSettings mail;
    SmtpSettings smtp;
    SendgridSettings sendgrid;
    TwilioSettings twilio;
    SmsHookSettings sms_hook;
    SmppSettings smpp;
    WebauthnSettings webauthn;
    FederationSettings federation;
    LdapSettings ldap;
    UmaSettings uma;
    ComplianceSettings compliance;
    ScanningSettings scanning;
    ThreatSettings threats;
    LimitSettings limits;
    CorsSettings cors;
    ForwardAuthSettings forward_auth;
    AuditSettings audit;

    // The defaults of the table, so that nobody can hold a Settings full of zeros.
    Settings();
};

// "https://[::1]:8443" for a listener: what server.public_url is when nobody set it. The server calls it again with
// the real port when it was told to listen on port 0.
std::string derived_public_url(ServerSettings const& server, std::uint16_t port);

}  // namespace zephyr::config
