// Master keys as text, one line per key, the first key active:
//
//     zephyr-master-key-v1 <key id, 16 hex digits> <key, 43 characters of base64url>
//
// The id is checked against the key, so a damaged line is noticed before it seals anything.
#pragma once

#include <string_view>

#include "zephyr/crypto/keyring.h"

namespace zephyr::crypto {

namespace errors {
inline constexpr Failure key_file_malformed{Kind::invalid, "crypto.key_file_malformed"};
}  // namespace errors

// Strict: lines of that form alone, at most Keyring::max_keys of them and no key twice, one blank between fields, LF at
// the end of each (the last may lack it). Fails with key_file_malformed; the detail tells the line, never its content.
Result<Keyring> parse_key_text(std::string_view text);
SecretText format_key_text(Keyring const& keyring);

}  // namespace zephyr::crypto
