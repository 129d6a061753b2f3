// A server with a factor of its own beside the built-in ones: push_factor.h, and the three routes a phone needs.
#include <zephyr/guards/gatekeeper.h>
#include <zephyr/stack.h>
#include <zephyr/zephyr.h>

#include <iostream>

#include "push_factor.h"

using namespace zephyr;
using encoding::Json;
using http::Field;

namespace {

void mount_push_routes(Stack& stack, push::PushFactor& push) {
    stack.app.post(
        "/push/pair", http::require_login,
        [&](http::Request const& request, http::Principal const& who) -> http::Response {
            auto const paired = [&]() -> Result<FactorId> {
                ZEPHYR_TRY(auto const session, stack.sessions.find(who.session));
                ZEPHYR_TRY(auto const proof, stack.sign_in.require_fresh(session));
                ZEPHYR_TRY(auto const der, encoding::hex_decode(routes::json_text(request, "public_key")));
                ZEPHYR_TRY(auto const key, crypto::VerifyKey::from_spki_der(crypto::SignatureAlgorithm::ed25519, der));
                return push.pair(proof, routes::json_text(request, "name"), key);
            }();
            if (!paired.ok()) return routes::refuse(paired.error(), request);
            return http::Response::json(200, Json::object({{"phone", paired.value().str()}}));
        },
        {.body = http::BodySchema{.fields = {{.name = "name", .required = true, .longest = 64},
                                             {.name = "public_key", .required = true, .description = "Ed25519, SubjectPublicKeyInfo in hex."}}}});

    auto const by_signature = http::open_to_all("a phone has no session: its signature is the proof");
    stack.app.get("/push/questions/{phone}", by_signature, [&](http::Request const& request) -> http::Response {
        auto const phone = FactorId::parse(request.parameter("phone"));
        return http::Response::json(200, Json::object({{"questions", Json::strings(phone ? push.questions(*phone) : std::vector<std::string>{})}}));
    });
    stack.app.post(
        "/push/answer", by_signature,
        [&](http::Request const& request) -> http::Response {
            auto const answered = [&]() -> Result<void> {
                ZEPHYR_TRY(auto const signature, encoding::hex_decode(routes::json_text(request, "signature")));
                return push.answer(routes::json_text(request, "question"), routes::json_text(request, "number"), signature);
            }();
            return answered.ok() ? http::Response::no_content() : routes::refuse(answered.error(), request);
        },
        {.rate_class = "factor",
         .body = http::BodySchema{.fields = {{.name = "question", .required = true, .longest = 64},
                                             {.name = "number", .required = true, .longest = 2},
                                             {.name = "signature", .required = true, .longest = 128}}}});
}

}  // namespace

int main(int argc, char** argv) {
    SystemClock clock;
    crypto::SystemRandom random;
    auto const log = make_stderr_log(LogLevel::info, LogFormat::text);

    auto const loading = server::load_settings(argc, argv);
    if (!loading.settings) {
        std::cerr << loading.problems;
        return 78;
    }
    auto opened = server::Node::open(*loading.settings, {clock, random, *log});
    if (!opened.ok()) {
        std::cerr << opened.error().reason() << "\n";
        return 1;
    }
    auto& node = *opened.value();
    auto& stack = node.stack();
    push::PushFactor push{*stack.database, stack.audit, stack.attempts, clock, random};
    stack.add_factor(push);
    mount_push_routes(stack, push);
    return node.serve({.on_listening = [](auto const& url, auto const& setup_link) {
        std::cout << url << "\n" << setup_link.value_or("") << "\nCtrl-C stops it." << std::endl;
    }});
}
