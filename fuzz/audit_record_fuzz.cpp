// Bytes of a log that anybody may have handed us: read in one spelling alone, and written back the same.
#include <cstdlib>

#include "zephyr/audit/record.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    zephyr::ByteView const bytes{reinterpret_cast<std::byte const*>(data), size};
    auto const record = zephyr::audit::Record::parse(bytes);
    if (!record.ok()) return 0;
    auto const again = record.value().encode();
    if (!again.ok() || zephyr::as_text(again.value()) != zephyr::as_text(bytes)) std::abort();
    return 0;
}
