// A mail server played by a test, line by line, over a real socket: it answers whatever the test says, rightly or wrongly.
#pragma once

#include <functional>
#include <string>

#include "testing/http_peer.h"

namespace zephyr::adapters {

// What to answer to a command ("EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT", "AUTH"; "" is the greeting). "" hangs up, "hang" says nothing.
struct SmtpScript {
    std::function<std::string(std::string const& command)> answer;
    std::string received;  // the message, with its dot-stuffing
    std::string commands;
};

inline testing::HttpPeer::Handler smtp_peer(SmtpScript& script) {
    return [&script](testing::HttpPeer::Connection& client) {
        std::string buffer;
        auto const line = [&]() -> std::string {
            for (;;) {
                auto const end = buffer.find("\r\n");
                if (end != std::string::npos) {
                    auto out = buffer.substr(0, end);
                    buffer.erase(0, end + 2);
                    return out;
                }
                auto const more = client.some();
                if (more.empty()) return "\x04";
                buffer += more;
            }
        };
        auto const say = [&](std::string const& command) {
            auto const text = script.answer(command);
            if (text == "hang") {
                client.wait_until_gone();
                return false;
            }
            return !text.empty() && client.send(text + "\r\n");
        };
        if (!say("")) return;
        for (;;) {
            auto const got = line();
            if (got == "\x04") return;
            script.commands += got + "\n";
            auto const command = got.substr(0, 4);
            if (!say(command)) return;
            if (command == "QUIT") return;
            if (command != "DATA" || !script.answer("DATA").starts_with("354")) continue;
            for (;;) {
                auto const text = line();
                if (text == "\x04") return;
                if (text == ".") break;
                script.received += text + "\r\n";
            }
            if (!say(".")) return;
        }
    };
}

}  // namespace zephyr::adapters
