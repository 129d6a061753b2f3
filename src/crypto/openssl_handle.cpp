#include "crypto/openssl_handle.h"

#include <openssl/err.h>

#include <string>

#include "zephyr/foundation/fault.h"

namespace zephyr::crypto {

void openssl_fault(std::string_view what) {
    auto const code = ERR_peek_last_error();
    char const* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    throw Fault{"crypto: " + std::string{what} + " failed (" + (reason == nullptr ? "no reason given" : reason) + ")"};
}

void forget_openssl_errors() {
    ERR_clear_error();
}

}  // namespace zephyr::crypto
