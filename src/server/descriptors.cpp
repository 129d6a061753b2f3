#include "server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace zephyr::server {

namespace {

// Databases hold up to three a connection (file, WAL, shared memory); loops, workers, Redis, logs and control sockets the rest.
std::size_t for_everything_else(config::Settings const& settings) {
    return 128 + 3 * static_cast<std::size_t>(settings.storage.connections);
}

}  // namespace

std::size_t fitting_connections(config::Settings const& settings, Log& log) {
    auto const wanted = static_cast<std::size_t>(settings.server.max_connections);
    auto const others = for_everything_else(settings);
    rlim_t const needed = wanted + others;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return wanted;
    // The hard limit too, which only a privileged process may; then the soft one as far as the hard one goes.
    rlimit const higher{needed, std::max<rlim_t>(limit.rlim_max, needed)};
    rlimit const within{std::min<rlim_t>(limit.rlim_max, needed), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) return wanted;
    (void)::setrlimit(RLIMIT_NOFILE, &within);
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return wanted;
    auto const fitting = std::max<std::size_t>(limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2, 1);
    log.warning("server.few_descriptors", {{"limit", static_cast<long long>(limit.rlim_cur)},
                                           {"needed", static_cast<long long>(needed)},
                                           {"connections", static_cast<long long>(fitting)},
                                           {"advice", "raise the limit of open files (LimitNOFILE, ulimit -n) or lower server.max_connections"}});
    return std::min(wanted, fitting);
}

}  // namespace zephyr::server
