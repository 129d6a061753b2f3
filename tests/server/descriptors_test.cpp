#include "server/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "testing/kept_log.h"

namespace zephyr::server {
namespace {

config::Settings settings_for(std::int64_t connections) {
    config::Settings settings;
    settings.server.max_connections = connections;
    settings.storage.connections = 16;
    return settings;
}

rlim_t soft_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void limit_to(rlim_t soft, rlim_t hard) {
    rlimit const limit{soft, hard};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(90);
}

// Limits belong to a process, and a hard one never comes back: each test has a process of its own.
#define IN_A_PROCESS(...) EXPECT_EXIT({ __VA_ARGS__; ::_exit(0); }, ::testing::ExitedWithCode(0), "")
#define NEED(condition) \
    if (!(condition)) ::_exit(__LINE__ % 64 + 1)

TEST(DescriptorsTest, the_soft_limit_is_raised_to_what_the_connections_need) {
    IN_A_PROCESS(testing::KeptLog log; limit_to(64, 4096); NEED(fitting_connections(settings_for(500), log) == 500);
                 NEED(soft_limit() >= 500 + 128); NEED(log.lines().empty()));
}

TEST(DescriptorsTest, a_limit_that_is_high_enough_stays_as_it_is) {
    IN_A_PROCESS(testing::KeptLog log; limit_to(3000, 4096); NEED(fitting_connections(settings_for(500), log) == 500);
                 NEED(soft_limit() == 3000));
}

TEST(DescriptorsTest, when_it_cannot_be_raised_a_warning_says_so_and_fewer_connections_are_let_in) {
    IN_A_PROCESS(testing::KeptLog log; limit_to(1024, 1024); if (::geteuid() == 0) NEED(::setuid(65534) == 0);
                 auto const fitting = fitting_connections(settings_for(10'000), log); NEED(fitting > 512 && fitting < 1024);
                 NEED(soft_limit() == 1024); NEED(log.lines().size() == 1); NEED(log.lines()[0].event == "server.few_descriptors");
                 NEED(log.lines()[0].field("limit") == "1024"));
}

TEST(DescriptorsTest, a_tiny_limit_still_leaves_half_to_everything_else) {
    IN_A_PROCESS(testing::KeptLog log; limit_to(100, 100); if (::geteuid() == 0) NEED(::setuid(65534) == 0);
                 NEED(fitting_connections(settings_for(10'000), log) == 50));
}

}  // namespace
}  // namespace zephyr::server
