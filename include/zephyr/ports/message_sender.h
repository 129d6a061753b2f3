// Letting something out of the house to a person: an e-mail, an SMS. One interface for both, so that one outbox carries them.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"

namespace zephyr::ports {

struct OutgoingMessage {
    std::string id;       // the same at every try: Message-ID, Idempotency-Key
    std::string to;       // an address, or a number in E.164
    std::string subject;  // e-mail only; one line of UTF-8
    std::string text;     // UTF-8
    std::string html;     // e-mail only; may be empty
};

struct SendOutcome {
    enum class What {
        accepted,   // the other side has taken it
        later,      // it has surely not, and may another time: try again
        never,      // it has surely not, and never will: a number that is none, a sender that is refused
        uncertain,  // the connection broke when it may have been taken
    };
    What what = What::later;
    std::string reference = {};  // what the other side calls it
    std::string why = {};        // for the operator: a status, a reply line; nothing of the message, at most 200 bytes
};

class MessageSender {
public:
    virtual ~MessageSender() = default;
    // Blocks until there is an outcome, at most until the sender's own deadline. Never throws. Many threads may call it.
    virtual SendOutcome send(OutgoingMessage const& message) noexcept = 0;
    // Whether sending the same id twice reaches the person once, by what the other side promises.
    virtual bool idempotent() const = 0;
    virtual std::string_view name() const = 0;  // "smtp", "twilio": for the log and metrics
};

}  // namespace zephyr::ports
