// Comparison that takes as long for a near miss as for a far one.
#pragma once

#include <string_view>

#include "zephyr/foundation/bytes.h"

namespace zephyr::crypto {

// True for equal content. The time depends on the lengths alone, which are taken to be public.
bool equal_constant_time(ByteView a, ByteView b);
inline bool equal_constant_time(std::string_view a, std::string_view b) {
    return equal_constant_time(as_bytes(a), as_bytes(b));
}

}  // namespace zephyr::crypto
