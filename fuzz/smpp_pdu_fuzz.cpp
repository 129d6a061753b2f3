// Units of SMPP, as an SMS centre may send them: whole, in pieces, or rubbish.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/smpp_pdu.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::adapters;
    std::string const input{reinterpret_cast<char const*>(data), size};
    std::string buffer = input;
    std::string again;
    for (;;) {
        auto const before = buffer.size();
        auto const taken = smpp::take_pdu(buffer);
        if (!taken.ok() || !taken.value()) break;
        auto const& pdu = *taken.value();
        if (buffer.size() >= before) std::abort();  // it must come to an end
        again += smpp::write_pdu(pdu);
        if (smpp::message_id(pdu).size() > 64) std::abort();
    }
    if (again + buffer != input) std::abort();  // what was read is what was there
    // The same bytes as a text to send.
    if (auto const body = smpp::submit_sm_body({"Zephyr", "+4915112345678", input})) {
        if (body->size() > 2000) std::abort();
    }
    return 0;
}
