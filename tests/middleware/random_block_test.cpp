#include "middleware/random_block.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>
#include <vector>

#include "testing/scripted_random.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;

class CountingRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override {
        if (broken) throw Fault{"no randomness"};
        ++asked;
        source_.fill(out);
    }
    int asked = 0;
    bool broken = false;

private:
    ScriptedRandom source_;
};

TEST(RandomBlock, gives_no_bytes_twice_and_asks_seldom) {
    CountingRandom source;
    RandomBlock block{source};
    std::set<Bytes> seen;
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.insert(block.bytes(i % 2 == 0 ? 16 : 13)).second);
    EXPECT_LT(source.asked, 10);
    EXPECT_NE(block.bytes(10'000), block.bytes(10'000));
}

TEST(RandomBlock, gives_each_thread_bytes_of_its_own) {
    CountingRandom source;
    RandomBlock block{source};
    std::array<std::vector<Bytes>, 4> drawn;
    std::vector<std::thread> threads;
    for (auto& mine : drawn) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) mine.push_back(block.bytes(16));
        });
    }
    for (auto& thread : threads) thread.join();
    std::set<Bytes> seen;
    for (auto const& mine : drawn) seen.insert(mine.begin(), mine.end());
    EXPECT_EQ(seen.size(), 4000u);
}

TEST(RandomBlock, gives_nothing_when_the_source_fails) {
    CountingRandom source;
    RandomBlock block{source};
    source.broken = true;
    EXPECT_THROW(block.bytes(16), Fault);
    source.broken = false;
    auto const first = block.bytes(16);
    EXPECT_NE(first, Bytes(16));
}

TEST(RandomBlock, shares_nothing_with_a_forked_child) {
    CountingRandom source;
    RandomBlock block{source};
    static_cast<void>(block.bytes(16));
    auto const child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        static_cast<void>(block.bytes(16));
        ::_exit(source.asked == 2 ? 0 : 1);  // it asked for a block of its own
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    static_cast<void>(block.bytes(16));
    EXPECT_EQ(source.asked, 1);
}

}  // namespace
}  // namespace zephyr::middleware
