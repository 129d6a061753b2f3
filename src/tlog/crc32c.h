// CRC-32C (Castagnoli; RFC 3720 appendix B.4): finds torn and rotten bytes, and stands against nobody's intent.
#pragma once

#include <cstdint>

#include "zephyr/foundation/bytes.h"

namespace zephyr::tlog {

// Of `bytes`, or of what led to `before` followed by `bytes`.
std::uint32_t crc32c(ByteView bytes, std::uint32_t before = 0);
// The same without the processor's instruction, for machines that have none and for the test that compares the two.
std::uint32_t crc32c_by_table(ByteView bytes, std::uint32_t before = 0);

}  // namespace zephyr::tlog
