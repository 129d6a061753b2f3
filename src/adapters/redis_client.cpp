#include "zephyr/adapters/redis_client.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "adapters/redis_connection.h"

namespace zephyr::adapters {

using ports::RedisReply;
using ports::errors::redis_unavailable;

struct RedisClient::State {
    enum class Server { unknown, up, away };
    // A connection out of the pool, or a place in it.
    struct Lease {
        std::unique_ptr<RedisConnection> connection;
        std::uint64_t era = 0;
    };

    State(RedisSettings chosen, Clock const& its_clock, Log& its_log)
        : settings{std::move(chosen)}, clock{its_clock}, log{its_log}, target{settings} {
        idle.reserve(settings.connections);
    }

    Result<Lease> take(Deadline const& deadline);
    void give_back(Lease lease);
    void give_up(std::uint64_t era, std::string_view why);
    void keep_watch();
    bool pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds time);
    Result<std::unique_ptr<RedisConnection>> probe(std::vector<SocketAddress>& found) const;

    RedisSettings const settings;
    Clock const& clock;
    Log& log;
    RedisTarget const target;

    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<Server> server = Server::unknown;
    std::uint64_t era = 0;  // counts losses, so that a connection from before one cannot report it again
    bool stopping = false;
    std::size_t open = 0;  // connections, in use and idle
    std::vector<std::unique_ptr<RedisConnection>> idle;
    std::vector<SocketAddress> addresses;
    std::thread watch;
};

RedisClient::RedisClient(RedisSettings settings, Clock const& clock, Log& log)
    : state_{std::make_unique<State>(std::move(settings), clock, log)} {
    state_->watch = std::thread{[state = state_.get()] { state->keep_watch(); }};
}

RedisClient::~RedisClient() {
    {
        std::lock_guard const lock{state_->mutex};
        state_->stopping = true;
    }
    state_->changed.notify_all();
    state_->watch.join();
}

bool RedisClient::healthy() const { return state_->server == State::Server::up; }

Result<RedisReply> RedisClient::command(std::vector<std::string> const& arguments) {
    if (state_->server == State::Server::away) return Error{redis_unavailable, "known to be away"};
    Deadline const deadline{state_->clock, state_->settings.deadline};
    ZEPHYR_TRY(auto lease, state_->take(deadline));
    auto reply = [&]() -> Result<RedisReply> {
        try {
            return lease.connection->ask(arguments, deadline);
        } catch (std::bad_alloc const&) {  // the place in the pool must not be lost with it
            return Error{redis_unavailable, "out of memory"};
        }
    }();
    if (reply.ok()) {
        state_->give_back(std::move(lease));
    } else {
        lease.connection.reset();
        state_->give_up(lease.era, reply.error().detail());
    }
    return reply;
}

Result<RedisClient::State::Lease> RedisClient::State::take(Deadline const& deadline) {
    Lease lease;
    {
        std::unique_lock lock{mutex};
        for (;;) {
            if (server == Server::away) return Error{redis_unavailable, "known to be away"};
            if (server == Server::up && (!idle.empty() || open < settings.connections)) break;
            auto const left = deadline.left();
            if (left.count() == 0 || changed.wait_for(lock, left) == std::cv_status::timeout) {
                return Error{redis_unavailable, server == Server::unknown ? "not connected yet" : "every connection is busy"};
            }
        }
        lease.era = era;
        if (idle.empty()) {
            ++open;
        } else {
            lease.connection = std::move(idle.back());
            idle.pop_back();
        }
    }
    // The server may have closed it while it lay idle; that is no sign of trouble.
    if (lease.connection && !lease.connection->quiet(deadline)) lease.connection.reset();
    if (!lease.connection) {
        std::vector<SocketAddress> where;
        {
            std::lock_guard const lock{mutex};
            where = addresses;
        }
        auto opened = RedisConnection::open(target, where, deadline);
        if (!opened.ok()) {
            give_up(lease.era, opened.error().detail());
            return std::move(opened).error();
        }
        lease.connection = std::move(opened).value();
    }
    return lease;
}

void RedisClient::State::give_back(Lease lease) {
    {
        std::lock_guard const lock{mutex};
        if (lease.era == era) {
            idle.push_back(std::move(lease.connection));
        } else {
            --open;  // the server was lost meanwhile; this connection may be half dead too
        }
    }
    changed.notify_one();
}

void RedisClient::State::give_up(std::uint64_t its_era, std::string_view why) {
    std::vector<std::unique_ptr<RedisConnection>> dropped;
    {
        std::lock_guard const lock{mutex};
        --open;
        if (its_era != era || server != Server::up) return;
        server = Server::away;
        ++era;
        open -= idle.size();
        dropped.swap(idle);
    }
    changed.notify_all();
    log.warning("redis.lost", {{"host", target.address.host}, {"why", std::string{why}}});
}

bool RedisClient::State::pause(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds time) {
    return !changed.wait_for(lock, time, [this] { return stopping; });
}

Result<std::unique_ptr<RedisConnection>> RedisClient::State::probe(std::vector<SocketAddress>& found) const {
    ZEPHYR_TRY(found, resolve(target.address.host, target.address.port));
    Deadline const deadline{clock, settings.deadline};
    ZEPHYR_TRY(auto connection, RedisConnection::open(target, found, deadline));
    ZEPHYR_TRY(auto const reply, connection->ask({"PING"}, deadline));
    // A server that still loads its data, or wants a password, says so here.
    if (reply.is_error()) return Error{redis_unavailable, "PING refused: " + reply.text};
    return connection;
}

// The only place where a lost server is tried again.
void RedisClient::State::keep_watch() {
    auto wait = settings.shortest_pause;
    std::unique_lock lock{mutex};
    while (!stopping) {
        if (server == Server::up) {
            changed.wait(lock, [this] { return stopping || server != Server::up; });
            if (stopping || !pause(lock, wait)) return;
        }
        bool const first = server == Server::unknown;
        lock.unlock();
        std::vector<SocketAddress> found;
        auto probed = probe(found);
        if (probed.ok()) {
            log.info("redis.connected", {{"host", target.address.host}});
        } else if (first) {
            log.warning("redis.lost", {{"host", target.address.host}, {"why", std::string{probed.error().detail()}}});
        }
        lock.lock();
        if (probed.ok()) {
            addresses = std::move(found);
            server = Server::up;
            ++open;
            idle.push_back(std::move(probed).value());
            wait = settings.shortest_pause;
            changed.notify_all();
            continue;
        }
        server = Server::away;
        changed.notify_all();
        if (!pause(lock, wait)) return;
        wait = std::min(wait * 2, settings.longest_pause);
    }
}

}  // namespace zephyr::adapters
