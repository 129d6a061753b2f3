// Floor H: Argon2id alone, with the server's parameters, on as many threads as the server uses. Prints hashes per second.
//   floor_h SECONDS THREADS [MEMORY_KIB PASSES]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "zephyr/crypto/password_hash.h"
#include "zephyr/crypto/random.h"

int main(int argc, char** argv) {
    double const seconds = argc > 1 ? std::atof(argv[1]) : 3;
    int const threads = argc > 2 ? std::atoi(argv[2]) : 2;
    zephyr::crypto::Argon2Parameters parameters;
    if (argc > 4) parameters = {static_cast<std::uint32_t>(std::atoi(argv[3])), static_cast<std::uint32_t>(std::atoi(argv[4]))};
    zephyr::crypto::SystemRandom random;
    zephyr::SecretText const password{"correct horse battery staple"};
    auto const phc = zephyr::crypto::argon2id_hash(password, parameters, random);

    std::atomic<long> hashes{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> workers;
    auto const begin = std::chrono::steady_clock::now();
    for (int i = 0; i < threads; ++i) {
        workers.emplace_back([&] {
            while (!stop) {
                // Verifying is what a sign-in does.
                if (!zephyr::crypto::argon2id_verify(password, phc, parameters).ok()) std::abort();
                ++hashes;
            }
        });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (auto& worker : workers) worker.join();
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
    std::printf("%.2f\n", static_cast<double>(hashes) / took.count());
}
