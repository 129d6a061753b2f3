#include "zephyr/adapters/hook_sender.h"

#include "adapters/http_outcome.h"
#include "zephyr/crypto/hmac.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"

namespace zephyr::adapters {

using encoding::Json;
using ports::SendOutcome;
using What = SendOutcome::What;

std::string hook_signature(SecretText const& secret, TimePoint time, std::string_view body) {
    auto const seconds = std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
    auto const mac = crypto::hmac_sha256(as_bytes(secret.reveal()), as_bytes(seconds + "." + std::string{body}));
    return "t=" + seconds + ",v1=" + encoding::hex_encode(mac);
}

HookSender::HookSender(HookSettings settings, std::shared_ptr<ports::HttpClient> http, Clock const& clock)
    : settings_{std::move(settings)}, http_{std::move(http)}, clock_{clock} {}

SendOutcome HookSender::send(ports::OutgoingMessage const& message) noexcept {
    return caught([&]() -> SendOutcome {
        if (!is_e164(message.to)) return {.what = What::never, .why = "not a number in E.164"};
        auto const body = Json::object({{"id", message.id}, {"to", message.to}, {"text", message.text}}).dump();
        auto const reply = http_->send({.method = "POST",
                                       .url = settings_.url,
                                       .headers = {{"Content-Type", "application/json"},
                                                   {"Idempotency-Key", message.id},
                                                   {"Zephyr-Signature", hook_signature(settings_.secret, clock_.now(), body)}},
                                       .body = body,
                                       .deadline = settings_.deadline});
        if (!reply.ok()) return outcome_of(reply.error());
        auto const status = reply.value().status;
        if (status >= 200 && status < 300) return {.what = What::accepted};
        if (status == 400 || status == 410 || status == 422) return {.what = What::never, .why = "status " + std::to_string(status)};
        return outcome_of(status);
    });
}

}  // namespace zephyr::adapters
