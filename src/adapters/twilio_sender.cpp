#include "zephyr/adapters/twilio_sender.h"

#include <algorithm>
#include <array>

#include "adapters/http_outcome.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/json.h"
#include "zephyr/encoding/url.h"

namespace zephyr::adapters {

using ports::SendOutcome;
using What = SendOutcome::What;

namespace {

// Codes of a 400 that say nothing against this message: authentication, account suspended, too many requests, queue full, no funds, a
// sender that the operator has to put right.
constexpr std::array<std::int64_t, 9> about_us{20003, 20005, 20429, 14107, 21606, 21603, 21611, 30001, 30002};

std::int64_t code_of(ports::HttpReply const& reply) {
    auto const parsed = encoding::parse_json(reply.body);
    if (!parsed.ok()) return 0;
    auto const* const code = parsed.value().find("code");
    return code == nullptr ? 0 : code->integer().value_or(0);
}

}  // namespace

TwilioSender::TwilioSender(TwilioSettings settings, std::shared_ptr<ports::HttpClient> http) : settings_{std::move(settings)}, http_{std::move(http)} {}

SendOutcome TwilioSender::send(ports::OutgoingMessage const& message) noexcept {
    return caught([&]() -> SendOutcome {
        if (!is_e164(message.to)) return {.what = What::never, .why = "not a number in E.164"};
        bool const service = settings_.from.size() == 34 && settings_.from.starts_with("MG");
        auto const credentials = settings_.account_sid + ":" + settings_.auth_token.reveal();
        auto const reply = http_->send(
            {.method = "POST",
             .url = settings_.url + "/2010-04-01/Accounts/" + encoding::percent_encode(settings_.account_sid) + "/Messages.json",
             .headers = {{"Authorization", "Basic " + encoding::base64_encode(as_bytes(credentials))},
                         {"Content-Type", "application/x-www-form-urlencoded"},
                         {"Accept", "application/json"}},
             .body = encoding::build_form(
                 {{"To", message.to}, {service ? "MessagingServiceSid" : "From", settings_.from}, {"Body", message.text}}),
             .deadline = settings_.deadline});
        if (!reply.ok()) return outcome_of(reply.error());
        auto const status = reply.value().status;
        if (status == 200 || status == 201) {
            auto const parsed = encoding::parse_json(reply.value().body);
            return {.what = What::accepted, .reference = parsed.ok() ? parsed.value().string_at("sid").value_or("") : ""};
        }
        if (status != 400) return outcome_of(status);
        auto const code = code_of(reply.value());
        bool const ours = std::find(about_us.begin(), about_us.end(), code) != about_us.end();
        return {.what = ours ? What::later : What::never, .why = "status 400, code " + std::to_string(code)};
    });
}

}  // namespace zephyr::adapters
