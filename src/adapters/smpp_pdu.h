// Protocol data units of SMPP 3.4, as far as a transmitter speaks them. Whatever comes from outside is read with its length in mind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zephyr/foundation/result.h"

namespace zephyr::adapters::smpp {

namespace errors {
// A length below 16 or above max_pdu_bytes: there is no finding back into the stream.
inline constexpr Failure smpp_broken{Kind::unavailable, "smpp.broken"};
}  // namespace errors

constexpr std::size_t header_bytes = 16;
constexpr std::size_t max_pdu_bytes = 8 * 1024;

// SMPP 3.4, 5.1.2.1. An answer has the request's id with the highest bit set.
namespace command {
constexpr std::uint32_t bind_transmitter = 0x00000002;
constexpr std::uint32_t submit_sm = 0x00000004;
constexpr std::uint32_t deliver_sm = 0x00000005;
constexpr std::uint32_t unbind = 0x00000006;
constexpr std::uint32_t enquire_link = 0x00000015;
constexpr std::uint32_t response = 0x80000000;
constexpr std::uint32_t generic_nack = 0x80000000;
}  // namespace command

struct Pdu {
    std::uint32_t command = 0;
    std::uint32_t status = 0;
    std::uint32_t sequence = 0;
    std::string body;

    bool is_response() const { return (command & command::response) != 0; }
};

// Takes the first whole unit off the buffer; nothing while it is not all there. Fails with smpp_broken.
Result<std::optional<Pdu>> take_pdu(std::string& buffer);
std::string write_pdu(Pdu const& pdu);
// The message_id of a submit_sm_resp (4.4.2): visible ASCII of at most 64 characters, NUL behind it. Empty for what is none.
std::string message_id(Pdu const& submit_sm_resp);

std::string bind_transmitter_body(std::string_view system_id, std::string_view password);

struct Submission {
    std::string source;  // digits, "+" and digits, or a name of at most 11 characters
    std::string to;      // E.164
    std::string text;    // UTF-8
};
// In the default alphabet where that can say it, else UCS-2; in message_payload (5.3.2.32) what does not fit one SMS. Nothing for text that
// is no UTF-8 or more than 10 SMS long.
std::optional<std::string> submit_sm_body(Submission const& submission);

}  // namespace zephyr::adapters::smpp
