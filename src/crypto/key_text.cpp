#include "zephyr/crypto/key_text.h"

#include <string>

#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::crypto {

namespace {

constexpr std::string_view line_label = "zephyr-master-key-v1";

Result<MasterKey> parse_line(std::string_view line) {
    auto const fields = split(line, ' ');
    if (fields.size() != 3 || fields[0] != line_label) return errors::key_file_malformed;
    ZEPHYR_TRY(auto bytes, encoding::base64url_decode(fields[2]));
    ZEPHYR_TRY(auto key, MasterKey::from_bytes(SecretBytes{std::move(bytes)}));
    if (key.id() != fields[1]) return errors::key_file_malformed;
    return key;
}

Error malformed(std::string detail) {
    return Error{errors::key_file_malformed, std::move(detail)};
}

}  // namespace

Result<Keyring> parse_key_text(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.empty()) return malformed("empty");
    std::vector<MasterKey> keys;
    for (auto const line : split(text, '\n')) {
        auto const number = keys.size() + 1;
        if (number > Keyring::max_keys) return malformed("more than " + std::to_string(Keyring::max_keys) + " keys");
        auto key = parse_line(line);
        if (!key.ok()) return malformed("line " + std::to_string(number));
        keys.push_back(std::move(key).value());
    }
    auto keyring = Keyring::from_keys(std::move(keys));
    if (!keyring.ok()) return malformed("key " + std::string{keyring.error().detail()} + " twice");
    return keyring;
}

SecretText format_key_text(Keyring const& keyring) {
    constexpr std::size_t longest_line = 96;
    std::string text;
    text.reserve(keyring.keys().size() * longest_line);  // so that growing leaves no copy behind
    for (auto const& key : keyring.keys()) {
        SecretText const encoded{encoding::base64url_encode(key.bytes().reveal())};
        text.append(line_label).append(" ").append(key.id()).append(" ").append(encoded.reveal()).append("\n");
    }
    return SecretText{std::move(text)};
}

}  // namespace zephyr::crypto
