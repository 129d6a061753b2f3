#include "config/rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "config/settings_table.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::config {

namespace {

bool is_this_machine(std::string const& host) {
    auto const origin = encoding::parse_origin("https://" + host);
    return origin.ok() && origin.value().is_loopback();
}

// An entry of mfa.sms_prefixes that forbids.
bool excludes(std::string const& entry) { return entry.starts_with('!'); }

class Rules {
public:
    Rules(Settings const& settings, Provenance const& provenance, std::set<std::string> const& skip)
        : settings_{settings}, provenance_{provenance}, skip_{skip} {}

    std::vector<Problem> all() {
        listener();
        forward_auth();
        audit();
        public_url();
        sessions();
        redis();
        passwords();
        factors();
        mail();
        sms();
        the_rest();
        return std::move(problems_);
    }

private:
    void refuse_if(bool broken, std::vector<std::string> keys, std::string what, std::string allowed) {
        if (!broken || std::any_of(keys.begin(), keys.end(), [&](auto const& key) { return skip_.contains(key); }))
            return;
        // The places somebody wrote, or "default" when nobody did.
        std::vector<std::string> places;
        for (auto const& key : keys) {
            auto const found = provenance_.find(key);
            if (found == provenance_.end() || found->second.kind == SourceKind::built_in) continue;
            if (auto place = found->second.str(); std::find(places.begin(), places.end(), place) == places.end())
                places.push_back(std::move(place));
        }
        problems_.push_back(
            {join(keys, ", "), places.empty() ? "default" : join(places, ", "), std::move(what), std::move(allowed)});
    }

    void listener() {
        auto const& server = settings_.server;
        refuse_if(server.tls_certificate.empty() != server.tls_key.empty(),
                  {"server.tls_certificate", "server.tls_key"}, "one is set without the other", "both, or neither");
        refuse_if(!server.listen.is_loopback() && !server.has_tls() && !server.behind_proxy,
                  {"server.listen", "server.tls_certificate", "server.behind_proxy"},
                  "listening on " + server.listen.str() + " without TLS would send passwords readable over the network",
                  "set server.tls_certificate and server.tls_key; or let a proxy speak TLS and set server.behind_proxy "
                  "and server.trusted_proxies; or listen on 127.0.0.1");
        refuse_if(server.behind_proxy && server.trusted_proxies.empty(),
                  {"server.behind_proxy", "server.trusted_proxies"},
                  "a proxy is expected, yet none is trusted: every client would look like the proxy",
                  "name the proxy's addresses in server.trusted_proxies");
    }

    void forward_auth() {
        auto const& server = settings_.server;
        refuse_if(!settings_.forward_auth.rules.empty() && (!server.behind_proxy || server.trusted_proxies.empty()),
                  {"forward_auth.rules", "server.behind_proxy", "server.trusted_proxies"},
                  "hosts are protected, yet no proxy is believed: every question about them would be refused",
                  "set server.behind_proxy, and name the proxies that ask in server.trusted_proxies");
    }

    void audit() {
        // 45 CFR 164.316(b)(2)(i): six years, with their leap days.
        refuse_if(settings_.compliance.hipaa && settings_.audit.retention_phi < std::chrono::days{2192},
                  {"audit.retention_phi", "compliance.hipaa"}, "events of access to health records would go before HIPAA lets them",
                  "audit.retention_phi of at least 2192d");
        refuse_if(settings_.audit.witness_quorum > static_cast<std::int64_t>(settings_.audit.witnesses.size()),
                  {"audit.witness_quorum", "audit.witnesses"}, "more witnesses must sign than there are",
                  "at most as many as audit.witnesses lists");
    }

    void public_url() {
        auto const& server = settings_.server;
        refuse_if(server.public_url.empty() && server.listen.is_wildcard(), {"server.public_url", "server.listen"},
                  "listening on every address does not say under which name people come",
                  "set server.public_url, such as https://login.example.com");
        refuse_if(server.has_tls() && !server.behind_proxy && server.public_url.starts_with("http://"),
                  {"server.public_url", "server.tls_certificate"},
                  "the public address says http, the listener speaks TLS", "https://…");
    }

    void sessions() {
        auto const& s = settings_.sessions;
        refuse_if(s.idle > s.absolute, {"sessions.idle", "sessions.absolute"},
                  "a session would end before it can be idle for so long",
                  "sessions.idle of at most sessions.absolute");
        refuse_if(s.absolute > s.remember, {"sessions.absolute", "sessions.remember"},
                  "being remembered would be shorter than not being remembered",
                  "sessions.remember of at least sessions.absolute");
        refuse_if(s.pending > s.absolute, {"sessions.pending", "sessions.absolute"},
                  "a pending sign-in would outlive a session", "sessions.pending of at most sessions.absolute");
    }

    void redis() {
        auto const& url = settings_.redis.url;
        refuse_if(settings_.sessions.store == SessionPlace::redis && url.empty(), {"sessions.store", "redis.url"},
                  "sessions would be kept in a Redis that is not named", "set redis.url, or sessions.store = database");
        refuse_if(!settings_.redis.ca_file.empty() && !url.reveal().starts_with("rediss://"), {"redis.ca_file", "redis.url"},
                  "an authority is named for a server that is not spoken to by TLS", "redis.url with rediss://");
        refuse_if(settings_.cache.other_nodes == OtherNodes::bounded && !settings_.storage.url.empty() && url.empty(),
                  {"cache.other_nodes", "redis.url"}, "other nodes' changes would come by a Redis that is not named",
                  "set redis.url, or cache.other_nodes = exact");
    }

    void passwords() {
        auto const& p = settings_.passwords;
        refuse_if(p.min_length_with_factor > p.min_length_alone,
                  {"passwords.min_length_with_factor", "passwords.min_length_alone"},
                  "a password with a second factor would have to be longer than one alone",
                  "passwords.min_length_with_factor of at most passwords.min_length_alone");
        // OWASP Password Storage Cheat Sheet, Argon2id: settings of equal strength.
        constexpr std::array<std::pair<std::int64_t, std::int64_t>, 5> floors{
            {{1, 47'104}, {2, 19'456}, {3, 12'288}, {4, 9'216}, {5, 7'168}}};
        auto const floor =
            floors.at(static_cast<std::size_t>(std::clamp<std::int64_t>(p.argon2_passes, 1, 5)) - 1).second;
        refuse_if(p.argon2_memory_kib < floor, {"passwords.argon2_memory_kib", "passwords.argon2_passes"},
                  "the hash would be too cheap to guess against",
                  "at least " + std::to_string(floor) + " KiB with " + std::to_string(p.argon2_passes) + " passes");
        auto const workers = std::max<std::int64_t>(p.hash_workers, 1);
        refuse_if(p.argon2_memory_kib * 1024 > p.hash_memory_bytes / workers,
                  {"passwords.argon2_memory_kib", "passwords.hash_workers", "passwords.hash_memory"},
                  std::to_string(workers) + " hashes of " + std::to_string(p.argon2_memory_kib) +
                      " KiB need more memory than they may use together",
                  "passwords.hash_memory of at least passwords.hash_workers times passwords.argon2_memory_kib");
    }

    void factors() {
        auto const& mfa = settings_.mfa;
        refuse_if(mfa.required_for_admin && !mfa.enabled, {"mfa.enabled", "mfa.required_for_admin"},
                  "administrators could not sign in: their second factor is required and switched off",
                  "mfa.enabled = true, or mfa.required_for_admin = false as well");
        refuse_if(!mfa.sms_provider.empty() && std::all_of(mfa.sms_prefixes.begin(), mfa.sms_prefixes.end(), excludes),
                  {"mfa.sms_provider", "mfa.sms_prefixes"},
                  "codes would be sent by SMS, yet to no country: strangers can have them sent to numbers that cost dearly, so none is allowed "
                  "by default",
                  "name the countries your people live in, such as mfa.sms_prefixes = [\"+49\", \"+33\"]; or leave mfa.sms_provider empty");
        for (auto const& entry : mfa.sms_prefixes) {
            auto const lies_in = [&](std::string const& other) { return !excludes(other) && entry.compare(1, other.size(), other) == 0; };
            refuse_if(excludes(entry) && std::none_of(mfa.sms_prefixes.begin(), mfa.sms_prefixes.end(), lies_in), {"mfa.sms_prefixes"},
                      entry + " excludes nothing: no other entry allows such numbers, so the ones that were meant may still be open",
                      "a part of what another entry allows, such as [\"+1\", \"!+1876\"]");
        }
        refuse_if(!mfa.required_for.empty() && !mfa.enabled, {"mfa.enabled", "mfa.required_for"},
                  "a second factor is required of people and switched off", "mfa.enabled = true, or an empty mfa.required_for");
        auto const& webauthn = settings_.webauthn;
        auto const origin =
            encoding::parse_origin(webauthn.origin.empty() ? settings_.server.public_url : webauthn.origin);
        refuse_if(!webauthn.rp_id.empty() && origin.ok() && origin.value().host != webauthn.rp_id &&
                      !origin.value().host.ends_with("." + webauthn.rp_id),
                  {"webauthn.rp_id", webauthn.origin.empty() ? "server.public_url" : "webauthn.origin"},
                  "browsers would refuse every ceremony: the origin is not of this domain",
                  "the origin's host or a domain it lies in");
    }

    void needed_by(std::string const& provider, bool missing, std::string const& key, std::string const& chosen_in) {
        refuse_if(missing, {key, chosen_in}, "is empty, and " + provider + " can't do without it", "a value, or another " + chosen_in);
    }

    // To this machine, or by TLS: messages hold codes.
    void not_readable(std::string const& key, std::string_view url) {
        auto const path = url.find('/', std::min(url.find("://"), url.size() - 1) + 3);
        auto const origin = encoding::parse_origin(url.substr(0, path));
        refuse_if(origin.ok() && origin.value().scheme == "http" && !origin.value().is_loopback(), {key},
                  "codes and secrets would travel readable over the network", "https://…");
    }

    void mail() {
        auto const& provider = settings_.mfa.email_provider;
        if (!provider.empty()) needed_by(provider, settings_.mail.from.empty(), "mail.from", "mfa.email_provider");
        auto const& smtp = settings_.smtp;
        if (provider == "smtp") needed_by(provider, smtp.host.empty(), "smtp.host", "mfa.email_provider");
        refuse_if(smtp.tls == SmtpTls::off && !smtp.host.empty() && !is_this_machine(smtp.host), {"smtp.tls", "smtp.host"},
                  "codes and the password would travel readable over the network", "smtp.tls = starttls or implicit");
        refuse_if(smtp.username.empty() != smtp.password.empty(), {"smtp.username", "smtp.password"}, "one is set without the other",
                  "both, or neither");
        if (provider != "sendgrid") return;
        needed_by(provider, settings_.sendgrid.api_key.empty(), "sendgrid.api_key", "mfa.email_provider");
        needed_by(provider, settings_.sendgrid.url.empty(), "sendgrid.url", "mfa.email_provider");
        not_readable("sendgrid.url", settings_.sendgrid.url);
    }

    void sms() {
        auto const& provider = settings_.mfa.sms_provider;
        std::string const chosen_in = "mfa.sms_provider";
        if (provider == "twilio") {
            auto const& twilio = settings_.twilio;
            needed_by(provider, twilio.account_sid.empty(), "twilio.account_sid", chosen_in);
            needed_by(provider, twilio.auth_token.empty(), "twilio.auth_token", chosen_in);
            needed_by(provider, twilio.from.empty(), "twilio.from", chosen_in);
            needed_by(provider, twilio.url.empty(), "twilio.url", chosen_in);
            not_readable("twilio.url", twilio.url);
        } else if (provider == "hook") {
            needed_by(provider, settings_.sms_hook.url.empty(), "sms_hook.url", chosen_in);
            needed_by(provider, settings_.sms_hook.secret.empty(), "sms_hook.secret", chosen_in);
            not_readable("sms_hook.url", settings_.sms_hook.url);
        } else if (provider == "smpp") {
            auto const& smpp = settings_.smpp;
            needed_by(provider, smpp.host.empty(), "smpp.host", chosen_in);
            needed_by(provider, smpp.system_id.empty(), "smpp.system_id", chosen_in);
            needed_by(provider, smpp.source.empty(), "smpp.source", chosen_in);
        }
    }

    void the_rest() {
        refuse_if(settings_.metrics.enabled && settings_.metrics.token.empty(), {"metrics.enabled", "metrics.token"},
                  "metrics would be open to everybody", "set metrics.token");
        // By spelling alone, both seen from one unnamed folder: load() does not look at the file system.
        std::filesystem::path const here{"/here"};
        auto const key = (here / settings_.keys.master_key_file).lexically_normal();
        auto const data = (here / settings_.storage.data / "").lexically_normal();  // its last part is empty
        auto const data_end = std::prev(data.end());
        bool const inside = std::mismatch(data.begin(), data_end, key.begin(), key.end()).first == data_end;
        refuse_if(!settings_.keys.master_key_file.empty() && !settings_.storage.data.empty() && inside,
                  {"keys.master_key_file", "storage.data"},
                  "the master key would lie beside what it seals, and in every backup of it",
                  "a file outside the data folder");
        refuse_if(settings_.storage.data.empty(), {"storage.data"}, "is empty", "a path");
        refuse_if(settings_.federation.enabled && settings_.ldap.server_uri.empty(),
                  {"federation.enabled", "ldap.server_uri"}, "there is no directory to ask", "set ldap.server_uri");
    }

    Settings const& settings_;
    Provenance const& provenance_;
    std::set<std::string> const& skip_;
    std::vector<Problem> problems_;
};

// The host of a redis:// URL that passed redis_url_or_empty.
bool names_this_machine(std::string_view url) {
    url.remove_prefix(url.find("://") + 3);
    if (auto const at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
    auto const origin = encoding::parse_origin("https://" + std::string{url.substr(0, url.find('/'))});
    return origin.ok() && origin.value().is_loopback();
}

void say_what_is_not_installed(Settings const& settings, Provenance const& provenance, std::vector<std::string>& out) {
    Settings const defaults;
    for (auto const& entry : table()) {
        if (!entry.is_later()) continue;
        auto const found = provenance.find(entry.info.key);
        if (found == provenance.end() || found->second.kind == SourceKind::built_in) continue;
        auto const value = entry.print(settings);
        bool const asks_for_something =
            entry.info.type == SettingType::boolean ? value == "true" : value != entry.print(defaults);
        if (!asks_for_something) continue;
        out.push_back(entry.info.key + " (" + found->second.str() +
                      "): its feature is not installed; the setting has no effect yet");
    }
}

}  // namespace

std::vector<Problem> broken_rules(Settings const& settings, Provenance const& provenance,
                                  std::set<std::string> const& skip) {
    return Rules{settings, provenance, skip}.all();
}

std::vector<std::string> notices(Settings const& settings, Provenance const& provenance) {
    std::vector<std::string> out;
    say_what_is_not_installed(settings, provenance, out);
    auto const& server = settings.server;
    auto const origin = encoding::parse_origin(server.public_url);
    if (origin.ok() && origin.value().scheme == "http" && !origin.value().is_loopback())
        out.push_back(
            "server.public_url: people would come by http, so cookies and passwords travel readable; use https");
    if (origin.ok() && origin.value().scheme == "https" && !server.has_tls() && !server.behind_proxy)
        out.push_back(
            "server.public_url: says https, yet neither TLS nor a proxy is configured; forwarded client addresses are "
            "not believed");
    auto const redis = std::string_view{settings.redis.url.reveal()};
    if (redis.starts_with("redis://") && !names_this_machine(redis))
        out.push_back("redis.url: its password and what is asked travel readable over the network; use rediss://");
    if (!server.behind_proxy && !server.trusted_proxies.empty())
        out.push_back("server.trusted_proxies: has no effect without server.behind_proxy");
    auto const& prefixes = settings.mfa.sms_prefixes;
    auto const narrows = [](std::string const& entry) { return entry.starts_with("!+1"); };
    if (!settings.mfa.sms_provider.empty() && std::find(prefixes.begin(), prefixes.end(), "+1") != prefixes.end() &&
        std::none_of(prefixes.begin(), prefixes.end(), narrows))
        out.push_back(
            "mfa.sms_prefixes: +1 reaches the whole North American numbering plan, Caribbean islands with premium numbers among them; exclude "
            "what your people don't live in, as in [\"+1\", \"!+1876\"]");
    if (settings.mfa.sms_provider == "smpp" && !settings.smpp.tls && !is_this_machine(settings.smpp.host))
        out.push_back("smpp.tls: codes travel readable to the SMS centre; use TLS, or a network of your own");
    if (!settings.mfa.enabled) out.push_back("mfa.enabled: nobody is asked for a second factor");
    if (settings.mfa.enabled && !settings.mfa.required_for_admin)
        out.push_back("mfa.required_for_admin: administrators may act without a second factor");
    if (settings.mfa.enabled && settings.mfa.trusted_devices)
        out.push_back("mfa.trusted_devices: in a trusted browser a stolen password is enough to sign in");
    if (settings.recovery.self_service)
        out.push_back("recovery.self_service: a password and a mailbox are enough to remove second factors, after the wait");
    if (settings.mfa.enabled && settings.mfa.email_satisfies_mfa)
        out.push_back("mfa.email_satisfies_mfa: whoever reads a person's mail has their second factor (NIST SP 800-63B-4 3.1.3.1 forbids it)");
    if (settings.limits.sign_in_per_minute == 0)
        out.push_back("limits.sign_in_per_minute: sign-in attempts of one address are not limited");
    if (settings.limits.factor_per_minute == 0)
        out.push_back("limits.factor_per_minute: second-factor attempts of one address are not limited");
    return out;
}

void derive(Settings& settings, unsigned cores) {
    if (settings.server.public_url.empty())
        settings.server.public_url = derived_public_url(settings.server, settings.server.listen.port);
    if (settings.smtp.port == 0) {
        auto const tls = settings.smtp.tls;
        settings.smtp.port = tls == SmtpTls::starttls ? 587 : tls == SmtpTls::implicit ? 465 : 25;
    }
    auto& passwords = settings.passwords;
    if (passwords.hash_workers == 0) {
        auto const fit = passwords.hash_memory_bytes / (passwords.argon2_memory_kib * 1024);
        passwords.hash_workers = std::clamp<std::int64_t>(cores, 1, std::max<std::int64_t>(fit, 1));
    }
}

}  // namespace zephyr::config
