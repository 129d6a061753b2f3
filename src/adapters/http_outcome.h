// What the senders over HTTP have in common.
#pragma once

#include <string>

#include "zephyr/ports/http_client.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::adapters {

// The request failed: nothing was sent, or nobody knows.
inline ports::SendOutcome outcome_of(Error const& error) {
    using What = ports::SendOutcome::What;
    bool const sent = error == ports::errors::http_no_answer || error == ports::errors::http_too_large;
    return {.what = sent ? What::uncertain : What::later, .why = std::string{error.id()} + " " + std::string{error.detail()}};
}

// Of a status that a provider's own rules leave open. A gateway that lost its backend (502, 504) does not know what the backend did.
inline ports::SendOutcome outcome_of(int status) {
    using What = ports::SendOutcome::What;
    bool const lost = status == 502 || status == 504;
    return {.what = lost ? What::uncertain : What::later, .why = "status " + std::to_string(status)};
}

// "+" and 7 to 15 digits (ITU-T E.164).
inline bool is_e164(std::string_view to) {
    return to.size() >= 8 && to.size() <= 16 && to[0] == '+' && to[1] != '0' &&
           to.substr(1).find_first_not_of("0123456789") == std::string_view::npos;
}

// Never throws: what a sender's body throws happens before anything is sent, or is memory running out.
template <class Body>
ports::SendOutcome caught(Body&& body) noexcept {
    try {
        return body();
    } catch (std::exception const& fault) {
        return {.what = ports::SendOutcome::What::later, .why = fault.what()};
    }
}

}  // namespace zephyr::adapters
