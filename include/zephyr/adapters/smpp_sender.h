// SMS by SMPP 3.4: a transmitter of our own over TCP or TLS.
//
// One session, kept between messages and bound again when it is gone; one message at a time. After a rest enquire_link asks whether
// anybody is still there, so that a connection that died silently does not cost a message its certainty. A connection that breaks between
// submit_sm and its answer leaves it uncertain.
//
// A message may take twice the deadline, one for its turn and one for itself, and where a session is opened for it also what the resolver
// takes: getaddrinfo has no deadline of ours. By resolv.conf(5) that is at most attempts x timeout for each name server, 30 s as it comes
// with three; nothing for a host that is an address.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

struct SmppSettings {
    std::string host;
    std::uint16_t port = 2775;
    bool tls = false;
    std::string ca_file;    // PEM; empty: the system's authorities
    std::string system_id;  // at most 15 characters
    SecretText password;    // at most 8
    std::string source;     // who it is from: a number, a short code, a name of at most 11 characters
    std::chrono::milliseconds deadline = 20s;  // for one message, with connecting and binding; as long before it for its turn
    std::chrono::milliseconds rest = 1s;       // after which the session is asked for before it is used
};

class SmppSender final : public ports::MessageSender {
public:
    // Throws Fault for an unusable CA file.
    SmppSender(SmppSettings settings, Clock const& clock);
    ~SmppSender() override;

    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override;
    bool idempotent() const override { return false; }
    std::string_view name() const override { return "smpp"; }

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::adapters
