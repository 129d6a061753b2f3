// The whole tamper test, for log_tamper_test.py: log_tamper FOLDER THREADS [STRIDE]. Prints a line per part; 0 when everything was found and
// named.
#include <dlfcn.h>
#include <openssl/evp.h>

#include <array>
#include <iostream>
#include <unordered_set>

#include "tlog/tampering.h"

using namespace zephyr::testing;

namespace {

bool part(std::string const& name, std::function<void(Tally&)> const& run) {
    Tally tally;
    run(tally);
    std::cout << name << ": " << tally.str() << std::endl;
    return tally.tried > 0 && tally.missed == 0 && tally.misplaced == 0;
}

std::string_view view(unsigned char const* bytes, std::size_t size) { return {reinterpret_cast<char const*>(bytes), size}; }

// Key, signature and text as one string that stands for no others; empty for a key that is no Ed25519.
std::string question(EVP_MD_CTX* context, std::string_view signature, std::string_view text) {
    std::array<unsigned char, 32> key{};
    std::size_t size = key.size();
    if (EVP_PKEY_get_raw_public_key(EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(context)), key.data(), &size) != 1) return {};
    if (size != key.size()) return {};
    std::string out{view(key.data(), size)};
    return out.append(std::to_string(signature.size())).append(":").append(signature).append(text);
}

}  // namespace

// In front of OpenSSL's own. The verifier is the real one and reads the real folder each time; but this log's dozen good signatures would
// be checked 200,000 times, most of the work, and always with the same outcome. So a check that came out good is not made again for the very
// same key, signature and text. A change of what is signed, or of a signature, asks something else, and OpenSSL answers it.
extern "C" int EVP_DigestVerify(EVP_MD_CTX* context, unsigned char const* signature, std::size_t signature_size, unsigned char const* text,
                                std::size_t text_size) {
    static auto const real = reinterpret_cast<decltype(&EVP_DigestVerify)>(::dlsym(RTLD_NEXT, "EVP_DigestVerify"));
    thread_local std::unordered_set<std::string> good;
    auto asked = question(context, view(signature, signature_size), view(text, text_size));
    if (!asked.empty() && good.contains(asked)) return 1;
    int const outcome = real(context, signature, signature_size, text, text_size);
    if (outcome == 1 && !asked.empty()) good.insert(std::move(asked));
    return outcome;
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    auto const threads = static_cast<unsigned>(std::stoul(argv[2]));
    auto const stride = argc > 3 ? std::stoul(argv[3]) : 1;
    TamperedLog const log{argv[1]};
    std::cout << "bytes: " << log.bytes() << std::endl;
    bool good = part("flipped", [&](Tally& tally) { flip_bytes(log, stride, threads, tally); });
    good = part("cut", [&](Tally& tally) { cut_files(log, stride, threads, tally); }) && good;
    good = part("moved", [&](Tally& tally) { move_records(log, tally); }) && good;
    good = part("ended", [&](Tally& tally) { end_early(log, tally); }) && good;
    return good ? 0 : 1;
}
