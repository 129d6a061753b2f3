// SMS by Twilio's Messages resource: POST /2010-04-01/Accounts/{AccountSid}/Messages.json, a form, HTTP Basic.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "zephyr/foundation/secret.h"
#include "zephyr/ports/http_client.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

struct TwilioSettings {
    std::string url = "https://api.twilio.com";  // without a path
    std::string account_sid;
    SecretText auth_token;
    std::string from;  // a number in E.164, a sender's name, or a messaging service ("MG…")
    std::chrono::milliseconds deadline = 20s;
};

class TwilioSender final : public ports::MessageSender {
public:
    TwilioSender(TwilioSettings settings, std::shared_ptr<ports::HttpClient> http);

    // 201 is accepted; 400 never, unless its code is about our account; 401, 403, 404, 429 and 5xx later, but 502 and 504 uncertain.
    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override;
    bool idempotent() const override { return false; }
    std::string_view name() const override { return "twilio"; }

private:
    TwilioSettings settings_;
    std::shared_ptr<ports::HttpClient> http_;
};

}  // namespace zephyr::adapters
