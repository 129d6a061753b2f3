#include "zephyr/adapters/sendgrid_sender.h"

#include "adapters/http_outcome.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/mail_address.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {

using encoding::Json;
using ports::SendOutcome;
using What = SendOutcome::What;

SendgridSender::SendgridSender(SendgridSettings settings, std::shared_ptr<ports::HttpClient> http) : settings_{std::move(settings)}, http_{std::move(http)} {
    auto const from = encoding::mail_address(settings_.from);
    if (!from) throw Fault{"mail.from: not an e-mail address"};
    settings_.from = *from;
}

SendOutcome SendgridSender::send(ports::OutgoingMessage const& message) noexcept {
    return caught([&]() -> SendOutcome {
        auto const to = encoding::mail_address(message.to);
        if (!to) return {.what = What::never, .why = "not an address that can be written to"};
        Json from = Json::object({{"email", settings_.from}});
        if (!settings_.from_name.empty()) from.set("name", settings_.from_name);
        Json content = Json::array({Json::object({{"type", "text/plain"}, {"value", message.text}})});
        if (!message.html.empty()) content.push(Json::object({{"type", "text/html"}, {"value", message.html}}));
        Json off = Json::object({{"enable", false}});
        auto const domain = settings_.from.substr(settings_.from.rfind('@') + 1);
        Json const body = Json::object(
            {{"personalizations", Json::array({Json::object({{"to", Json::array({Json::object({{"email", *to}})})}})})},
             {"from", std::move(from)},
             {"subject", message.subject},
             {"content", std::move(content)},
             {"headers", Json::object({{"Auto-Submitted", "auto-generated"}, {"X-Message-Id", message.id + "@" + domain}})},
             // Their links would lead through another house, and tell it who opened what.
             {"tracking_settings", Json::object({{"click_tracking", off}, {"open_tracking", off}})}});
        auto const reply = http_->send({.method = "POST",
                                       .url = settings_.url + "/v3/mail/send",
                                       .headers = {{"Authorization", "Bearer " + settings_.api_key.reveal()}, {"Content-Type", "application/json"}},
                                       .body = body.dump(),
                                       .deadline = settings_.deadline});
        if (!reply.ok()) return outcome_of(reply.error());
        auto const status = reply.value().status;
        if (status == 200 || status == 202) {
            SendOutcome taken{.what = What::accepted};
            for (auto const& [name, value] : reply.value().headers) {
                if (name == "x-message-id") taken.reference = value;
            }
            return taken;
        }
        if (status == 400 || status == 413) return {.what = What::never, .why = "status " + std::to_string(status)};
        return outcome_of(status);
    });
}

}  // namespace zephyr::adapters
