// The seed's /auth/mfa/sms and /auth/mfa/email paths for programs: have a code sent, give it back. Mounted whether or not the operator set
// up somebody who sends: without one, those that send answer mfa.unknown_factor.
#include "routes/code_answer.h"
#include "zephyr/guards/gatekeeper.h"
#include "zephyr/routes/routes.h"

namespace zephyr::routes {

using encoding::Json;
using guards::origin_of;
using http::Field;
using http::Request;
using http::Response;
using http::SessionHolder;

namespace {

struct Rooms {
    signin::SignInService& sign_in;
    signin::AccountService& account;
    signin::BearerService& bearer;
    Web const& web;
};

Response refuse_sending(Error const& error, Request const& request) {
    auto response = refuse(error, request);
    if (auto const wait = mfa::sending_wait(error)) response.headers.set("Retry-After", std::to_string(wait->count()));
    return response;
}

// The seed's words, and where it went as far as it may be shown.
Response answer_sent(Request const& request, Result<mfa::SentCode> const& sent) {
    if (!sent.ok()) return refuse_sending(sent.error(), request);
    return Response::json(
        200, Json::object({{"status", "sent"}, {"expires_in", std::int64_t{sent.value().expires_in.count()}}, {"to", sent.value().to}}));
}

Result<Response> verify(Request const& request, SessionHolder const& who, std::string_view kind, Rooms const& rooms) {
    return answer_code(request, who, {.kind = std::string{kind}, .code = json_text(request, "code")}, {rooms.sign_in, rooms.bearer, rooms.web});
}

// To the factor that is named, of a session that may know its id; else to the first.
Result<mfa::SentCode> send(Request const& request, SessionHolder const& who, std::string_view kind, Rooms const& rooms) {
    std::optional<FactorId> factor;
    if (auto const named = json_text(request, "factor"); !named.empty()) {
        factor = FactorId::parse(named);
        if (!factor) return mfa::errors::not_enrolled;
    }
    return rooms.sign_in.send_code(who.session, kind, origin_of(request, who), factor);
}

std::vector<http::Answer> sent_answers() {
    return {{.description = "A code is on its way.",
             .fields = {{.name = "status", .required = true, .one_of = {"sent"}},
                        {.name = "expires_in",
                         .type = Field::Type::integer,
                         .required = true,
                         .description = "Seconds the code may be used."},
                        {.name = "to", .required = true, .description = "Where it went, fit to be shown.", .example = "+49 … 42"}}}};
}

http::RouteOptions set_up_options(bool sms) {
    std::vector<Failure> refusals{mfa::errors::unknown_factor,  mfa::errors::sending_limited,       mfa::errors::device_limit,
                                  mfa::errors::already_enrolled, mfa::errors::stronger_proof_required, signin::errors::step_up_required,
                                  signin::errors::mfa_required, signin::errors::mfa_disabled};
    if (sms) refusals.insert(refusals.end(), {mfa::errors::number_malformed, mfa::errors::number_not_allowed});
    else refusals.push_back(mfa::errors::no_verified_email);
    http::RouteOptions options{
        .rate_class = "factor",
        .summary = sms ? "Begin to enrol a telephone number" : "Begin to enrol the account's e-mail address",
        .description = sms ? "Sends a code to the number; finish with POST /auth/mfa/sms/verify. Needs a proof of the last "
                             "minutes. Codes by SMS are a restricted factor (NIST SP 800-63B-4, 3.1.3.3): offer an authenticator app beside it."
                           : "Sends a code to the account's verified address; finish with POST /auth/mfa/email/verify. Needs a proof of "
                             "the last minutes. Codes by e-mail never count towards AAL2 (NIST SP 800-63B-4, 3.1.3.1).",
        .answers = sent_answers(),
        .refusals = std::move(refusals)};
    options.body = http::BodySchema{.fields = {}, .optional = true};
    if (sms) {
        options.body = http::BodySchema{.fields = {{.name = "phone",
                                                    .required = true,
                                                    .description = "With its country code, in any usual spelling.",
                                                    .longest = 128,
                                                    .example = "+49 151 23456789"}}};
    }
    return options;
}

http::RouteOptions send_options(std::string_view where) {
    return {.rate_class = "factor",
            .summary = "Have a code sent by " + std::string{where},
            .description = "For sign-in or to prove the factor again. A newer code ends the one before and resets no count of wrong codes.",
            .body = http::BodySchema{.fields = {{.name = "factor",
                                                 .description = "Which of several, by its id in GET /auth/mfa; else the first.",
                                                 .longest = 64}},
                                     .optional = true},
            .answers = sent_answers(),
            .refusals = {mfa::errors::unknown_factor, mfa::errors::not_enrolled, mfa::errors::sending_limited,
                         mfa::errors::number_not_allowed, mfa::errors::stronger_proof_required, signin::errors::mfa_disabled}};
}

http::RouteOptions verify_options(std::string_view where) {
    return {.rate_class = "factor",
            .summary = "Give a code that came by " + std::string{where},
            .description = "Finishes the enrolment this session began, or proves the second factor. The session gets a new cookie; a "
                           "client with an access token gets new tokens in the answer instead.",
            .body = http::BodySchema{.fields = {{.name = "code",
                                                 .type = Field::Type::secret,
                                                 .required = true,
                                                 .description = "Six digits."}}},
            .answers = {{.description = "The code was right.", .fields = code_answer_fields()}},
            .refusals = {mfa::errors::wrong_code, mfa::errors::code_reused, mfa::errors::code_expired, mfa::errors::not_enrolled,
                         mfa::errors::unknown_factor, mfa::errors::enrolment_expired, mfa::errors::too_many_attempts,
                         mfa::errors::locked_out, mfa::errors::device_limit, mfa::errors::already_enrolled, mfa::errors::stronger_proof_required,
                         signin::errors::mfa_disabled, signin::errors::step_up_required, sessions::errors::limit_reached}};
}

}  // namespace

void mount_delivered_routes(http::App& app, signin::SignInService& sign_in, signin::AccountService& account, signin::BearerService& bearer,
                            Web const& web) {
    Rooms const rooms{sign_in, account, bearer, web};
    app.post(
        "/auth/mfa/sms/setup", http::require_session,
        [rooms](Request const& request, SessionHolder const& who) {
            return answer_sent(request, rooms.account.begin_sms(who.session, json_text(request, "phone"), origin_of(request, who)));
        },
        set_up_options(true));
    app.post(
        "/auth/mfa/email/setup", http::require_session,
        [rooms](Request const& request, SessionHolder const& who) {
            return answer_sent(request, rooms.account.begin_email(who.session, origin_of(request, who)));
        },
        set_up_options(false));
    using Pair = std::pair<std::string_view, std::string_view>;
    for (auto const& [kind, where] : {Pair{mfa::sms_kind.name, "SMS"}, Pair{mfa::email_kind.name, "e-mail"}}) {
        auto const path = "/auth/mfa/" + std::string{kind};
        app.post(
            path + "/send", http::require_session,
            [rooms, name = kind](Request const& request, SessionHolder const& who) {
                return answer_sent(request, send(request, who, name, rooms));
            },
            send_options(where));
        app.post(
            path + "/verify", http::require_session,
            [rooms, name = kind](Request const& request, SessionHolder const& who) {
                auto verified = verify(request, who, name, rooms);
                return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
            },
            verify_options(where));
    }
}

void mount_own_factor_routes(http::App& app, mfa::FactorKind const& kind, signin::SignInService& sign_in, signin::AccountService& account,
                             signin::BearerService& bearer, Web const& web) {
    Rooms const rooms{sign_in, account, bearer, web};
    auto const name = std::string{kind.name};
    app.post(
        "/auth/mfa/" + name + "/send", http::require_session,
        [rooms, name](Request const& request, SessionHolder const& who) {
            return answer_sent(request, send(request, who, name, rooms));
        },
        send_options(name));
    auto options = verify_options(name);
    options.body->fields.front().required = false;  // there may be nothing to type
    app.post(
        "/auth/mfa/" + name + "/verify", http::require_session,
        [rooms, name](Request const& request, SessionHolder const& who) {
            auto verified = verify(request, who, name, rooms);
            return verified.ok() ? std::move(verified).value() : refuse(verified.error(), request);
        },
        std::move(options));
}

}  // namespace zephyr::routes
