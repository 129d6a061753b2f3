// E-mail by SMTP (RFC 5321) through libcurl: STARTTLS (RFC 3207) that is demanded, or TLS from the first byte (RFC 8314), AUTH (RFC 4954).
//
// One connection a message. What an answer means: 4xx later, 5xx never (RFC 5321 4.2.1), but for what concerns us and not the message
// (greeting, AUTH): that is later, so that a wrong password loses nothing. A connection that breaks after the message was handed over and
// before the answer came is uncertain.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

enum class SmtpTls {
    starttls,  // plain until STARTTLS; a server that does not offer it gets nothing
    implicit,  // from the first byte
    off,       // to this machine alone
};

struct SmtpSettings {
    std::string host;
    std::uint16_t port = 587;
    SmtpTls tls = SmtpTls::starttls;
    std::string username;  // empty: no AUTH
    SecretText password;
    std::string ca_file;  // PEM; empty: the system's authorities
    std::string from;     // an address
    std::string from_name;
    std::chrono::milliseconds connect_deadline = 10s;
    std::chrono::milliseconds deadline = 30s;  // for everything together
};

class SmtpSender final : public ports::MessageSender {
public:
    // Throws Fault for a sender address that is none, or TLS off to another machine.
    SmtpSender(SmtpSettings settings, Clock const& clock);

    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override;
    // The same Message-ID lets some mail systems drop a double. None promises it.
    bool idempotent() const override { return false; }
    std::string_view name() const override { return "smtp"; }

private:
    ports::SendOutcome deliver(ports::OutgoingMessage const& message) const;
    SmtpSettings settings_;
    Clock const& clock_;
};

}  // namespace zephyr::adapters
