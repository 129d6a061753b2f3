// A password hash from elsewhere: up to the first line's end. Behind it stands the password it is compared with, if that is cheap.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zephyr/crypto/foreign_hash.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr;
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    auto const end = input.find('\n');
    auto const text = input.substr(0, end);
    auto const password = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);

    auto const hash = crypto::ForeignHash::parse(text);
    if (!hash.ok()) {
        if (hash.error().reason().empty()) std::abort();  // a refusal always says why
        return 0;
    }
    auto const& read = hash.value();
    if (text.size() > crypto::ForeignHash::longest_text) std::abort();
    if (read.memory_kib() > crypto::ForeignHash::most_memory_kib) std::abort();
    if (!(read.weight() > 0) || read.weight() > crypto::ForeignHash::most_weight) std::abort();
    if (read.scheme().empty()) std::abort();
    // What the reader accepts can be computed: here it must not throw.
    constexpr double cheap = 0.02;
    if (read.weight() <= cheap && read.memory_kib() <= 1024) {
        if (read.matches(as_bytes(password)) != read.matches(as_bytes(password))) std::abort();
    }
    return 0;
}
