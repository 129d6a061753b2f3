#include "adapters/redis_connection.h"

#include <hiredis/read.h>

#include <array>
#include <new>

#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {

using ports::RedisReply;
using ports::errors::redis_unavailable;

namespace {

// More items than this are never asked for; hiredis would allocate them before the first one came.
constexpr int max_items = 10'000;

// hiredis builds replies through these. The root is ours on the heap; items stand in their parent's vector, which has its size before
// the first of them comes. A null tells the reader to give up; nothing may throw through C.
RedisReply* place(redisReadTask const* task) noexcept {
    if (task->parent == nullptr) return new (std::nothrow) RedisReply;
    auto* const parent = static_cast<RedisReply*>(task->parent->obj);
    auto const index = static_cast<std::size_t>(task->idx);
    return parent != nullptr && index < parent->items.size() ? &parent->items[index] : nullptr;
}

void* make_text(redisReadTask const* task, char* text, std::size_t size) {
    auto* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = task->type == REDIS_REPLY_ERROR ? RedisReply::Type::error : RedisReply::Type::text;
    try {
        reply->text.assign(text, size);
    } catch (std::bad_alloc const&) {
        if (task->parent == nullptr) delete reply;
        return nullptr;
    }
    return reply;
}

void* make_array(redisReadTask const* task, int count) {
    if (count < 0 || count > max_items) return nullptr;
    auto* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = RedisReply::Type::array;
    try {
        reply->items.resize(static_cast<std::size_t>(count));
    } catch (std::bad_alloc const&) {
        if (task->parent == nullptr) delete reply;
        return nullptr;
    }
    return reply;
}

void* make_integer(redisReadTask const* task, long long value) {
    auto* const reply = place(task);
    if (reply == nullptr) return nullptr;
    reply->type = RedisReply::Type::integer;
    reply->integer = value;
    return reply;
}

void* make_nil(redisReadTask const* task) { return place(task); }

void release(void* root) { delete static_cast<RedisReply*>(root); }

redisReplyObjectFunctions functions{make_text, make_array, make_integer, make_nil, release};

// The whole time left for the first of two addresses would leave nothing for the second.
Result<std::unique_ptr<RedisStream>> connect_any(RedisTarget const& target, std::vector<SocketAddress> const& addresses,
                                                 Deadline const& deadline) {
    Error last{redis_unavailable, "no address"};
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        auto const share = deadline.left() / static_cast<int>(addresses.size() - i);
        auto stream = RedisStream::connect(addresses[i], target.tls.get(), target.address.host, deadline.within(share));
        if (stream.ok()) return stream;
        last = std::move(stream).error();
    }
    return last;
}

}  // namespace

void RedisConnection::ReaderDeleter::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisTarget::RedisTarget(RedisSettings const& settings) : max_reply_bytes{settings.max_reply_bytes} {
    auto parsed = parse_redis_url(settings.url.reveal());
    if (!parsed.ok()) throw Fault{"redis.url: " + std::string{parsed.error().id()}};
    address = std::move(parsed).value();
    if (address.tls) tls = std::make_unique<TlsClient>(settings.ca_file);
}

std::string encode_command(std::vector<std::string> const& arguments) {
    std::string out = "*" + std::to_string(arguments.size()) + "\r\n";
    for (auto const& argument : arguments) {
        out += '$';
        out += std::to_string(argument.size());
        out += "\r\n";
        out += argument;
        out += "\r\n";
    }
    return out;
}

RedisConnection::RedisConnection(std::unique_ptr<RedisStream> stream, std::size_t max_reply_bytes)
    : stream_{std::move(stream)}, reader_{redisReaderCreateWithFunctions(&functions)}, max_reply_bytes_{max_reply_bytes} {
    if (!reader_) throw std::bad_alloc{};
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(RedisTarget const& target, std::vector<SocketAddress> const& addresses,
                                                               Deadline const& deadline) {
    ZEPHYR_TRY(auto stream, connect_any(target, addresses, deadline));
    std::unique_ptr<RedisConnection> connection{new RedisConnection{std::move(stream), target.max_reply_bytes}};
    ZEPHYR_CHECK(connection->introduce(target.address, deadline));
    return connection;
}

Result<void> RedisConnection::introduce(RedisAddress const& address, Deadline const& deadline) {
    std::vector<std::vector<std::string>> greetings;
    if (!address.password.empty()) {
        std::vector<std::string> auth{"AUTH"};
        if (!address.user.empty()) auth.push_back(address.user);
        auth.push_back(address.password.reveal());
        greetings.push_back(std::move(auth));
    }
    if (address.database != 0) greetings.push_back({"SELECT", std::to_string(address.database)});
    for (auto const& greeting : greetings) {
        ZEPHYR_TRY(auto const reply, ask(greeting, deadline));
        if (reply.is_error()) return Error{redis_unavailable, greeting.front() + " refused: " + reply.text};
    }
    return success();
}

Result<RedisReply> RedisConnection::ask(std::vector<std::string> const& arguments, Deadline const& deadline) {
    ZEPHYR_CHECK(send(arguments, deadline));
    ZEPHYR_TRY(auto reply, receive(deadline));
    if (!reply) return Error{redis_unavailable, "no answer in time"};
    return *std::move(reply);
}

Result<void> RedisConnection::send(std::vector<std::string> const& arguments, Deadline const& deadline) {
    return stream_->write(encode_command(arguments), deadline);
}

Result<std::optional<RedisReply>> RedisConnection::receive(Deadline const& deadline) {
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        void* root = nullptr;
        if (redisReaderGetReply(reader_.get(), &root) != REDIS_OK) {
            return Error{redis_unavailable, std::string{"protocol broken: "} + reader_->errstr};
        }
        if (root != nullptr) {
            std::unique_ptr<RedisReply> const reply{static_cast<RedisReply*>(root)};
            received_ = 0;
            return std::optional{std::move(*reply)};
        }
        if (received_ > max_reply_bytes_) return Error{redis_unavailable, "answer too large"};
        ZEPHYR_TRY(auto const count, stream_->read(buffer.data(), buffer.size(), deadline));
        if (!count) return std::optional<RedisReply>{};
        received_ += *count;
        if (redisReaderFeed(reader_.get(), buffer.data(), *count) != REDIS_OK) return Error{redis_unavailable, "out of memory"};
    }
}

}  // namespace zephyr::adapters
