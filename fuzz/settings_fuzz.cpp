// A hostile settings file gives settings or problems, both printable; what is accepted holds its promises.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "zephyr/config/load.h"
#include "zephyr/config/reference.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::config;
    Sources sources;
    sources.file_name = "f";
    sources.file_text.assign(reinterpret_cast<char const*>(data), size);
    sources.environment = {{"MFA_TOTP_ISSUER", sources.file_text.substr(0, 64)}};
    sources.flags = {{"--listen", sources.file_text.substr(0, 32)}};
    auto const with_flags = load(sources);
    if (!zephyr::encoding::parse_json(check_json(with_flags).dump(), {.bytes = 1 << 26, .depth = 8}).ok()) std::abort();
    sources.environment.clear();
    sources.flags.clear();
    auto const outcome = load(sources);
    if (!outcome.ok()) {
        if (outcome.problems().empty() || check_text(outcome).empty()) std::abort();
        return 0;
    }
    auto const& settings = outcome.loaded().settings;
    bool const exposed =
        !settings.server.listen.is_loopback() && !settings.server.has_tls() && settings.server.trusted_proxies.empty();
    if (exposed || settings.server.public_url.empty() || settings.passwords.hash_workers < 1) std::abort();
    if (show_text(outcome.loaded()).empty()) std::abort();
    return 0;
}
