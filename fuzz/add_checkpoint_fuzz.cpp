// The body of add-checkpoint: what is read prints as it was, and a witness answers everything.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/tlog/witness.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::tlog;
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const parsed = AddCheckpoint::parse(text);
    if (parsed.ok() && (parsed.value().str() != text || parsed.value().proof.size() > 63)) std::abort();
    return 0;
}
