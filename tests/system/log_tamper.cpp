// The whole tamper test, for log_tamper_test.py: log_tamper FOLDER THREADS [STRIDE]. Prints a line per part; 0 when everything was found and named.
#include <iostream>

#include "tlog/tampering.h"

using namespace zephyr::testing;

namespace {

bool part(std::string const& name, std::function<void(Tally&)> const& run) {
    Tally tally;
    run(tally);
    std::cout << name << ": " << tally.str() << std::endl;
    return tally.tried > 0 && tally.missed == 0 && tally.misplaced == 0;
}

}  // namespace

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
