// E-mail by SendGrid's Web API v3: POST /v3/mail/send.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "zephyr/foundation/secret.h"
#include "zephyr/ports/http_client.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

struct SendgridSettings {
    std::string url = "https://api.sendgrid.com";  // without a path
    SecretText api_key;
    std::string from;  // an address
    std::string from_name;
    std::chrono::milliseconds deadline = 20s;
};

class SendgridSender final : public ports::MessageSender {
public:
    // Throws Fault for a sender address that is none.
    SendgridSender(SendgridSettings settings, std::shared_ptr<ports::HttpClient> http);

    // 202 is accepted; 400 and 413 never; 401, 403, 429 and 5xx later, but 502 and 504 uncertain: somebody in between lost the answer.
    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override;
    bool idempotent() const override { return false; }
    std::string_view name() const override { return "sendgrid"; }

private:
    SendgridSettings settings_;
    std::shared_ptr<ports::HttpClient> http_;
};

}  // namespace zephyr::adapters
