#include <iostream>

#include "zephyr/cli/run.h"
#include "zephyr/crypto/random.h"

int main(int argc, char** argv) {
    zephyr::SystemClock clock;
    zephyr::crypto::SystemRandom random;
    zephyr::NullLog log;
    return zephyr::cli::run({argv + 1, argv + argc}, {std::cin, std::cout, std::cerr}, {clock, random, log});
}
