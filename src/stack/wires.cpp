// Who carries messages, by the settings.
#include "zephyr/adapters/curl_http_client.h"
#include "zephyr/adapters/hook_sender.h"
#include "zephyr/adapters/sendgrid_sender.h"
#include "zephyr/adapters/smpp_sender.h"
#include "zephyr/adapters/smtp_sender.h"
#include "zephyr/adapters/twilio_sender.h"
#include "zephyr/encoding/url.h"
#include "zephyr/stack.h"

namespace zephyr {

namespace {

std::uint16_t port(std::int64_t number) { return static_cast<std::uint16_t>(number); }

std::string host_of(std::string_view url) {
    auto const path = url.find('/', url.find("://") + 3);
    auto const origin = encoding::parse_origin(url.substr(0, path));
    return origin.ok() ? origin.value().host : std::string{};
}

// The operator chose the address, so it may be a private one; config::load has seen to it that it is https, or this machine.
std::shared_ptr<ports::HttpClient> http_to(std::string const& url, std::string const& ca_file) {
    return std::make_shared<adapters::CurlHttpClient>(
        adapters::CurlHttpClientSettings{.allow_loopback = true, .allowed_hosts = {host_of(url)}, .ca_file = ca_file});
}

std::string from_name(config::Settings const& settings) {
    return settings.mail.from_name.empty() ? settings.server.name : settings.mail.from_name;
}

std::unique_ptr<ports::MessageSender> email_wire(config::Settings const& settings, Clock const& clock) {
    if (settings.mfa.email_provider == "sendgrid") {
        return std::make_unique<adapters::SendgridSender>(adapters::SendgridSettings{.url = settings.sendgrid.url,
                                                                                     .api_key = settings.sendgrid.api_key,
                                                                                     .from = settings.mail.from,
                                                                                     .from_name = from_name(settings)},
                                                          http_to(settings.sendgrid.url, {}));
    }
    if (settings.mfa.email_provider != "smtp") return nullptr;
    auto const& smtp = settings.smtp;
    adapters::SmtpSettings chosen{.host = smtp.host,
                                  .port = port(smtp.port),
                                  .tls = static_cast<adapters::SmtpTls>(smtp.tls),
                                  .username = smtp.username,
                                  .password = smtp.password,
                                  .ca_file = smtp.ca_file,
                                  .from = settings.mail.from,
                                  .from_name = from_name(settings)};
    return std::make_unique<adapters::SmtpSender>(std::move(chosen), clock);
}

std::unique_ptr<ports::MessageSender> sms_wire(config::Settings const& settings, Clock const& clock) {
    auto const& provider = settings.mfa.sms_provider;
    if (provider == "twilio") {
        auto const& twilio = settings.twilio;
        return std::make_unique<adapters::TwilioSender>(
            adapters::TwilioSettings{
                .url = twilio.url, .account_sid = twilio.account_sid, .auth_token = twilio.auth_token, .from = twilio.from},
            http_to(twilio.url, {}));
    }
    if (provider == "hook") {
        auto const& hook = settings.sms_hook;
        return std::make_unique<adapters::HookSender>(adapters::HookSettings{.url = hook.url, .secret = hook.secret},
                                                      http_to(hook.url, hook.ca_file), clock);
    }
    if (provider != "smpp") return nullptr;
    auto const& smpp = settings.smpp;
    return std::make_unique<adapters::SmppSender>(adapters::SmppSettings{.host = smpp.host,
                                                                         .port = port(smpp.port),
                                                                         .tls = smpp.tls,
                                                                         .ca_file = smpp.ca_file,
                                                                         .system_id = smpp.system_id,
                                                                         .password = smpp.password,
                                                                         .source = smpp.source},
                                                  clock);
}

}  // namespace

std::unique_ptr<messages::Sender> Stack::message_sender() {
    return message_sender({.sms = sms_wire(settings, clock), .email = email_wire(settings, clock)});
}

std::unique_ptr<messages::Sender> Stack::message_sender(messages::Wires wires) {
    auto const host = host_of(settings.server.public_url);
    return std::make_unique<messages::Sender>(
        outbox, log, std::move(wires),
        messages::SenderSettings{.templates = {.service = settings.server.name, .host = host.empty() ? "localhost" : host}});
}

}  // namespace zephyr
