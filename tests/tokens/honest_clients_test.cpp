// Clients that lose answers and ask again in time must never be taken for thieves.
//
// 4,000 retries by default; ZEPHYR_HONEST_RETRIES=1000000 is the long run (minutes: two million refreshes and more).
#include <cstdlib>
#include <queue>
#include <random>

#include "tokens/tokens_fixture.h"

namespace zephyr::tokens {
namespace {

// One client: it holds a token, asks, and if the answer is lost asks again with the same token before the grace of its first use is over.
// Now and then the network delivers one of its requests a second time, late.
struct HonestClient {
    SecretText token;
    std::optional<TimePoint> first_used;  // of `token`, once a request with it arrived
    std::vector<std::pair<SecretText, TimePoint>> in_flight;  // requests that the network may still repeat, and when each was first used
};

class HonestClientsTest : public TokensTest {
protected:
    std::mt19937_64 chance{2026};  // of the model, not of the product
    std::chrono::milliseconds between(std::chrono::milliseconds least, std::chrono::milliseconds most) {
        return std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{least.count(), most.count()}(chance)};
    }
    bool happens(double probability) { return std::bernoulli_distribution{probability}(chance); }
};

TEST_F(HonestClientsTest, who_retry_within_the_grace_are_never_revoked) {
    auto const* wanted_text = std::getenv("ZEPHYR_HONEST_RETRIES");
    std::int64_t const wanted = wanted_text != nullptr ? std::atoll(wanted_text) : 4'000;
    auto const grace = settings.refresh_grace;
    std::vector<HonestClient> clients(64);
    using Due = std::pair<TimePoint, std::size_t>;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> schedule;
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].token = tokens.issue(start({}, true)).value().refresh_token;
        schedule.emplace(clock.now() + between(0ms, 5s), i);
    }
    std::int64_t retries = 0, rotations = 0, duplicates = 0;
    while (retries < wanted) {
        auto const [at, index] = schedule.top();
        schedule.pop();
        if (at > clock.now()) clock.advance(at - clock.now());
        auto& client = clients[index];
        std::erase_if(client.in_flight, [&](auto const& sent) { return clock.now() >= sent.second + grace; });
        if (!client.in_flight.empty() && happens(0.2)) {
            // A copy of an earlier request arrives; whatever is answered goes nowhere.
            auto const& copy = client.in_flight[std::uniform_int_distribution<std::size_t>{0, client.in_flight.size() - 1}(chance)];
            (void)refresh(copy.first).ok();
            ++duplicates;
        }
        bool const again = client.first_used.has_value();
        auto const got = refresh(client.token);
        ASSERT_TRUE(got.ok()) << got.error() << " after " << retries << " retries";
        if (again) ++retries;
        else client.first_used = clock.now();
        client.in_flight.emplace_back(client.token, *client.first_used);

        auto const last_chance = *client.first_used + grace - 1ms;
        bool const lost = happens(0.6) && clock.now() < last_chance;
        if (lost) {
            auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(last_chance - clock.now());
            schedule.emplace(clock.now() + (happens(0.3) ? left : between(1ms, std::max(1ms, left))), index);
            continue;
        }
        client.token = got.value().refresh_token;
        client.first_used.reset();
        ++rotations;
        schedule.emplace(clock.now() + (happens(0.3) ? between(0ms, 3s) : between(0ms, 4min)), index);
    }
    EXPECT_EQ(told, 0);
    EXPECT_EQ(events(audit::codes::refresh_reuse_detected), 0u);
    EXPECT_EQ(rows("refresh_token"), 64);
    EXPECT_GT(rotations, wanted / 3);
    EXPECT_GT(duplicates, wanted / 50);
    std::printf("%lld retries, %lld rotations, %lld late duplicates, no revocation\n", static_cast<long long>(retries),
                static_cast<long long>(rotations), static_cast<long long>(duplicates));
    // The model can fail: one retry too late is seen.
    auto& client = clients.front();
    if (!client.first_used) (void)refresh(client.token).value();
    clock.advance(std::chrono::duration_cast<std::chrono::milliseconds>(2 * grace));
    EXPECT_FALSE(refresh(client.token).ok());
    EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace zephyr::tokens
