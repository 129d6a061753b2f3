#include "middleware/random_block.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>

#include "zephyr/foundation/fault.h"

namespace zephyr::middleware {

namespace {

// How often this process came out of a fork.
std::atomic<std::uint64_t> forks{0};

void count_forks() {
    static bool const counting = ::pthread_atfork(nullptr, nullptr, [] { ++forks; }) == 0;
    if (!counting) throw Fault{"no memory to hear of forks"};
}

}  // namespace

RandomBlock::RandomBlock(Random& source) : source_{source} {
    count_forks();
}

void RandomBlock::fill(std::span<std::byte> out) {
    if (out.size() > block_.size()) return source_.fill(out);
    std::lock_guard const lock{mutex_};
    if (block_.size() - used_ < out.size() || generation_ != forks) {
        used_ = block_.size();  // should the source fail, nothing of the old block is left to be given
        source_.fill(block_);
        used_ = 0;
        generation_ = forks;
    }
    auto const piece = std::span{block_}.subspan(used_, out.size());
    std::copy(piece.begin(), piece.end(), out.begin());
    std::fill(piece.begin(), piece.end(), std::byte{0});
    used_ += out.size();
}

}  // namespace zephyr::middleware
