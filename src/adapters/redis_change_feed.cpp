#include "zephyr/adapters/redis_change_feed.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "adapters/redis_connection.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"

namespace zephyr::adapters {

using encoding::Json;

namespace {
// Without a heartbeat of ours for so long, the connection is made anew.
constexpr std::chrono::milliseconds deaf_after = 3s;
// More changes than this are not named one by one.
constexpr std::size_t most_named = 200;

std::optional<std::vector<ports::ChangeFeed::Change>> read_changes(Json const* list) {
    if (list == nullptr || list->items() == nullptr) return std::nullopt;
    std::vector<ports::ChangeFeed::Change> changes;
    for (auto const& item : *list->items()) {
        auto const* parts = item.items();
        if (parts == nullptr || parts->size() != 2) return std::nullopt;
        auto const* topic = parts->front().string();
        auto const* key = parts->back().string();
        if (topic == nullptr || key == nullptr) return std::nullopt;
        changes.push_back({*topic, *key});
    }
    return changes;
}
}  // namespace

struct RedisChangeFeed::State {
    State(ports::Redis& publisher, RedisSettings chosen, Clock const& its_clock, Random& random, Log& its_log)
        : redis{publisher}, settings{std::move(chosen)}, clock{its_clock}, log{its_log}, target{settings},
          me{encoding::hex_encode(random.bytes(8))} {}

    void run();
    void missed() { handler({{std::string{everything}, {}}}); }
    std::optional<std::unique_ptr<RedisConnection>> subscribe();
    void listen(RedisConnection& connection);
    bool send(Json message);
    void take(std::string const& text);
    bool stopped(std::chrono::milliseconds wait);

    ports::Redis& redis;
    RedisSettings const settings;
    Clock const& clock;
    Log& log;
    RedisTarget const target;
    std::string const me;
    Handler handler;

    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();
    std::atomic<std::int64_t> heard{never};  // when the latest heartbeat that came back was sent, in monotonic microseconds

    std::mutex mutex;
    std::condition_variable woken;
    bool stopping = false;
    std::thread thread;
};

RedisChangeFeed::RedisChangeFeed(ports::Redis& redis, RedisSettings settings, Clock const& clock, Random& random, Log& log)
    : state_{std::make_unique<State>(redis, std::move(settings), clock, random, log)} {}

RedisChangeFeed::~RedisChangeFeed() {
    {
        std::lock_guard const lock{state_->mutex};
        state_->stopping = true;
    }
    state_->woken.notify_all();
    if (state_->thread.joinable()) state_->thread.join();
}

void RedisChangeFeed::on_message(Handler handler) { state_->handler = std::move(handler); }

void RedisChangeFeed::start() {
    if (!state_->thread.joinable()) state_->thread = std::thread{[state = state_.get()] { state->run(); }};
}

bool RedisChangeFeed::publish(std::vector<Change> const& changes) noexcept {
    try {
        Json list = Json::array();
        if (changes.size() > most_named) {
            list.push(Json::array({everything, ""}));
        } else {
            for (auto const& change : changes) list.push(Json::array({change.topic, change.key}));
        }
        return state_->send(Json::object({{"from", state_->me}, {"changes", std::move(list)}}));
    } catch (std::exception const&) {
        return false;
    }
}

bool RedisChangeFeed::current() const noexcept {
    auto const heard = state_->heard.load();
    if (heard == State::never) return false;
    return state_->clock.monotonic() - MonotonicTime{std::chrono::microseconds{heard}} <= believed_for;
}

bool RedisChangeFeed::State::send(Json message) {
    auto const reply = redis.command({"PUBLISH", std::string{channel}, message.dump()});
    return reply.ok() && reply.value().is_integer();
}

bool RedisChangeFeed::State::stopped(std::chrono::milliseconds wait) {
    std::unique_lock lock{mutex};
    return woken.wait_for(lock, wait, [this] { return stopping; });
}

std::optional<std::unique_ptr<RedisConnection>> RedisChangeFeed::State::subscribe() {
    auto const found = resolve(target.address.host, target.address.port);
    if (!found.ok()) return std::nullopt;
    Deadline const deadline{clock, settings.deadline};
    auto connection = RedisConnection::open(target, found.value(), deadline);
    if (!connection.ok()) return std::nullopt;
    auto const reply = connection.value()->ask({"SUBSCRIBE", std::string{channel}}, deadline);
    if (!reply.ok() || !reply.value().is_array()) return std::nullopt;
    return std::move(connection).value();
}

void RedisChangeFeed::State::run() {
    auto wait = settings.shortest_pause;
    do {
        if (auto const connection = subscribe()) {
            wait = settings.shortest_pause;
            missed();  // what was published before is lost to us
            listen(**connection);
            heard = never;
        } else {
            wait = std::min(wait * 2, settings.longest_pause);
        }
    } while (!stopped(wait));
}

void RedisChangeFeed::State::listen(RedisConnection& connection) {
    auto const began = clock.monotonic();
    while (!stopped(0ms)) {
        auto const now = clock.monotonic();
        send(Json::object({{"from", me}, {"beat", now.time_since_epoch().count()}}));
        Deadline const next{clock, between_beats};
        for (;;) {
            auto reply = connection.receive(next);
            if (!reply.ok()) return;
            if (!reply.value()) break;
            auto const& parts = reply.value()->items;  // "message", channel, text
            if (parts.size() == 3 && parts[0].text == "message") take(parts[2].text);
            if (next.passed()) break;
        }
        auto const last = heard == never ? began : MonotonicTime{std::chrono::microseconds{heard.load()}};
        if (clock.monotonic() - last > deaf_after) return;
    }
}

void RedisChangeFeed::State::take(std::string const& text) {
    auto const parsed = encoding::parse_json(text);
    auto const from = parsed.ok() ? parsed.value().string_at("from") : std::nullopt;
    if (!from) return missed();
    if (auto const* beat = parsed.value().find("beat")) {
        if (*from == me && beat->integer()) heard = std::max(heard.load(), *beat->integer());
        return;
    }
    if (*from == me) return;
    auto changes = read_changes(parsed.value().find("changes"));
    if (!changes) return missed();
    handler(*changes);
}

}  // namespace zephyr::adapters
