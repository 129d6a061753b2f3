// A wire that keeps messages instead of sending them, and does what a test says when it is told to.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "zephyr/ports/message_sender.h"

namespace zephyr::testing {

// Shared by the sender, which owns the wire, and the test, which reads it.
class SentMessages {
public:
    using Behaviour = std::function<ports::SendOutcome(ports::OutgoingMessage const&)>;

    // Every message handed over, in order, accepted or not.
    std::vector<ports::OutgoingMessage> all() const {
        std::lock_guard const lock{mutex_};
        return messages_;
    }
    std::size_t count() const { return all().size(); }
    // The newest; an empty one when there is none.
    ports::OutgoingMessage last() const {
        auto const messages = all();
        return messages.empty() ? ports::OutgoingMessage{} : messages.back();
    }
    // The newest to this destination.
    ports::OutgoingMessage last_to(std::string_view to) const {
        ports::OutgoingMessage found;
        for (auto& message : all()) {
            if (message.to == to) found = message;
        }
        return found;
    }
    // From now on; a function that answers as the other side would, or waits.
    void behave(Behaviour behaviour) {
        std::lock_guard const lock{mutex_};
        behaviour_ = std::move(behaviour);
    }
    void answer(ports::SendOutcome::What what) {
        behave([what](auto const&) { return ports::SendOutcome{.what = what, .why = "as the test says"}; });
    }

    ports::SendOutcome take(ports::OutgoingMessage const& message) {
        Behaviour behaviour;
        {
            std::lock_guard const lock{mutex_};
            messages_.push_back(message);
            behaviour = behaviour_;
        }
        return behaviour ? behaviour(message) : ports::SendOutcome{.what = ports::SendOutcome::What::accepted};
    }

private:
    mutable std::mutex mutex_;
    std::vector<ports::OutgoingMessage> messages_;
    Behaviour behaviour_;
};

class KeepingWire final : public ports::MessageSender {
public:
    explicit KeepingWire(SentMessages& kept, bool idempotent = false) : kept_{kept}, idempotent_{idempotent} {}
    ports::SendOutcome send(ports::OutgoingMessage const& message) noexcept override { return kept_.take(message); }
    bool idempotent() const override { return idempotent_; }
    std::string_view name() const override { return "kept"; }

private:
    SentMessages& kept_;
    bool idempotent_;
};

// The first run of six digits or more: the code of a message.
inline std::string code_in(std::string const& text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto const end = text.find_first_not_of("0123456789", at);
        if (end == at) continue;
        auto const digits = text.substr(at, end - at);
        if (digits.size() >= 6) return digits;
        at = end == std::string::npos ? text.size() : end;
    }
    return {};
}
// The code of the newest message that has one, to anybody or to one destination: others may have come after it.
inline std::string newest_code(SentMessages const& kept, std::string_view to = {}) {
    auto const messages = kept.all();
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
        if (auto code = code_in(message->text); !code.empty() && (to.empty() || message->to == to)) return code;
    }
    return {};
}
// The first address in a text.
inline std::string link_in(std::string const& text) {
    auto at = text.find("https://");
    if (at == std::string::npos) at = text.find("http://");
    if (at == std::string::npos) return {};
    return text.substr(at, text.find_first_of(" \r\n<\"", at) - at);
}

}  // namespace zephyr::testing
