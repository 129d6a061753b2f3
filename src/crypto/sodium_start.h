// libsodium wants to be started once before its first use.
#pragma once

namespace zephyr::crypto {

// Any number of times, from any thread. Throws Fault when libsodium can't start.
void start_sodium();

}  // namespace zephyr::crypto
