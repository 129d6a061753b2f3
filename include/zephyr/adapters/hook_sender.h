// SMS by an HTTP endpoint of the operator's own: whatever gateway there is, behind a few lines of theirs.
//
//   POST <url>
//   Content-Type: application/json
//   Idempotency-Key: <id>
//   Zephyr-Signature: t=<seconds since 1970>,v1=<hex>
//
//   {"id":"…","to":"+49…","text":"…"}
//
// <hex> is HMAC-SHA-256 under sms_hook.secret of "<t>.<body>", the body byte for byte. The endpoint compares it in constant time, refuses a
// time more than five minutes off, and acts once on an id however often it comes: that is what it promises, and why we may send again.
// It answers 2xx when the message is taken; 400, 410 or 422 when this message never will be; anything else: we come again.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/secret.h"
#include "zephyr/ports/http_client.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

struct HookSettings {
    std::string url;
    SecretText secret;
    std::chrono::milliseconds deadline = 20s;
};

// The value of Zephyr-Signature, for those who check it too.
std::string hook_signature(SecretText const& secret, TimePoint time, std::string_view body);

class HookSender final : public ports::MessageSender {
public:
    HookSender(HookSettings settings, std::shared_ptr<ports::HttpClient> http, Clock const& clock);

    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override;
    bool idempotent() const override { return true; }
    std::string_view name() const override { return "hook"; }

private:
    HookSettings settings_;
    std::shared_ptr<ports::HttpClient> http_;
    Clock const& clock_;
};

}  // namespace zephyr::adapters
