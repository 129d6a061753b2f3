#include "adapters/smpp_pdu.h"

#include <algorithm>

#include "zephyr/encoding/gsm7.h"

namespace zephyr::adapters::smpp {

namespace {

constexpr std::size_t longest_payload = 1530;

std::uint32_t read_word(std::string_view bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = (out << 8) | static_cast<unsigned char>(bytes[at + i]);
    return out;
}

void put_word(std::string& out, std::uint32_t word) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((word >> shift) & 0xff));
}

void put_byte(std::string& out, std::size_t byte) { out.push_back(static_cast<char>(byte & 0xff)); }

// A C-octet string (3.1) of at most `most` bytes, its NUL among them.
void put_text(std::string& out, std::string_view text, std::size_t most) {
    auto const end = std::min({text.find('\0'), text.size(), most - 1});
    out.append(text.substr(0, end)).push_back('\0');
}

// Type of number and numbering plan (5.2.5, 5.2.6), and the address itself.
void put_source(std::string& out, std::string_view source) {
    bool const international = source.starts_with('+');
    auto const digits = source.substr(international ? 1 : 0);
    bool const number = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number) {
        put_byte(out, 5);  // alphanumeric
        put_byte(out, 0);
        put_text(out, source.substr(0, 11), 21);
        return;
    }
    put_byte(out, international ? 1 : digits.size() <= 6 ? 3 : 0);  // international; of the network alone: a short code; unknown
    put_byte(out, 1);
    put_text(out, digits, 21);
}

}  // namespace

Result<std::optional<Pdu>> take_pdu(std::string& buffer) {
    if (buffer.size() < 4) return std::optional<Pdu>{};
    std::size_t const length = read_word(buffer, 0);
    if (length < header_bytes || length > max_pdu_bytes) return Error{errors::smpp_broken, "a length of " + std::to_string(length)};
    if (buffer.size() < length) return std::optional<Pdu>{};
    Pdu pdu{read_word(buffer, 4), read_word(buffer, 8), read_word(buffer, 12), buffer.substr(header_bytes, length - header_bytes)};
    buffer.erase(0, length);
    return std::optional{std::move(pdu)};
}

std::string write_pdu(Pdu const& pdu) {
    std::string out;
    put_word(out, static_cast<std::uint32_t>(header_bytes + pdu.body.size()));
    put_word(out, pdu.command);
    put_word(out, pdu.status);
    put_word(out, pdu.sequence);
    return out + pdu.body;
}

std::string message_id(Pdu const& submit_sm_resp) {
    auto const end = submit_sm_resp.body.find('\0');
    if (end == std::string::npos || end > 64) return {};
    auto id = submit_sm_resp.body.substr(0, end);
    bool const visible = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return visible ? id : std::string{};
}

// 4.1.1: system_id, password, system_type, interface_version, addr_ton, addr_npi, address_range.
std::string bind_transmitter_body(std::string_view system_id, std::string_view password) {
    std::string out;
    put_text(out, system_id, 16);
    put_text(out, password, 9);
    put_text(out, "", 13);
    put_byte(out, 0x34);
    put_byte(out, 0);
    put_byte(out, 0);
    put_text(out, "", 41);
    return out;
}

std::optional<std::string> submit_sm_body(Submission const& submission) {
    auto content = encoding::gsm7_encode(submission.text);
    bool const default_alphabet = content.has_value();
    if (!content) content = encoding::utf16_big_endian(submission.text);
    if (!content || content->size() > longest_payload) return std::nullopt;
    std::string out;
    put_text(out, "", 6);  // service_type: the SMSC's default
    put_source(out, submission.source);
    put_byte(out, 1);  // international, E.164
    put_byte(out, 1);
    put_text(out, std::string_view{submission.to}.substr(submission.to.starts_with('+') ? 1 : 0), 21);
    put_byte(out, 0);       // esm_class: store and forward
    put_byte(out, 0);       // protocol_id
    put_byte(out, 1);       // priority: not the lowest
    put_text(out, "", 17);  // schedule_delivery_time: now
    put_text(out, "", 17);  // validity_period: the SMSC's
    put_byte(out, 0);       // registered_delivery: no receipt
    put_byte(out, 0);       // replace_if_present
    put_byte(out, default_alphabet ? 0 : 8);
    put_byte(out, 0);  // sm_default_msg_id
    // One SMS holds 160 septets or 140 bytes.
    if (content->size() <= (default_alphabet ? 160u : 140u)) {
        put_byte(out, content->size());
        return out + *content;
    }
    put_byte(out, 0);
    put_byte(out, 0x04);  // message_payload, 0x0424
    put_byte(out, 0x24);
    put_byte(out, content->size() >> 8);
    put_byte(out, content->size());
    return out + *content;
}

}  // namespace zephyr::adapters::smpp
