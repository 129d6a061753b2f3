// A server on a free port of 127.0.0.1, a dispatcher made of a function, and a client that says exactly what it is told to.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "testing/manual_clock.h"
#include "zephyr/foundation/log.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/server.h"

namespace zephyr::http::server {

inline constexpr std::chrono::seconds patience{10};  // longer than anything here takes, sanitizers included

// True as soon as `condition` is; false when patience ends.
inline bool eventually(std::function<bool()> const& condition) {
    auto const end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

// Holds handlers until opened.
class Gate {
public:
    void pass() {
        std::unique_lock lock{mutex_};
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        --waiting_;
    }
    void open() {
        std::lock_guard const lock{mutex_};
        open_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] bool wait_for(int waiting) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, patience, [&] { return waiting_ >= waiting; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
};

// Targets that begin with "/inline" run on the loop.
class FunctionDispatcher final : public Dispatcher {
public:
    std::function<Response(Request const&)> answer = [](Request const& request) {
        return Response{200, {{"Content-Type", "text/plain"}}, request.target + " " + request.body};
    };
    bool runs_inline(Request const& request) const override { return request.target.rfind("/inline", 0) == 0; }
    Response dispatch(Request&& request) override { return answer(request); }
};

struct Answer {
    int status = 0;
    std::string head;
    std::string body;

    std::string header(std::string_view name) const {
        for (auto line : split(head, '\n')) {
            auto const colon = line.find(':');
            if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) return std::string{trim(line.substr(colon + 1))};
        }
        return {};
    }
};

class Client {
public:
    explicit Client(std::uint16_t port) : descriptor_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        ::fcntl(descriptor_, F_SETFL, O_NONBLOCK);
    }
    ~Client() { close(); }
    Client(Client const&) = delete;
    Client& operator=(Client const&) = delete;

    bool connected() const { return connected_; }
    int descriptor() const { return descriptor_; }
    void close() {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = -1;
    }
    void finish_sending() { ::shutdown(descriptor_, SHUT_WR); }
    void reset() {
        linger const now{1, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

    // What could be sent before patience ended or the server hung up.
    std::size_t send(std::string_view bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            auto const size = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (size > 0) sent += static_cast<std::size_t>(size);
            else if (errno != EAGAIN || !ready(POLLOUT)) break;
        }
        return sent;
    }

    // The next whole answer. `to_head`: one without a body whatever its Content-Length says.
    std::optional<Answer> receive(bool to_head = false) {
        std::size_t end;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
            if (!fill()) return std::nullopt;
        }
        Answer answer;
        answer.head = buffer_.substr(0, end + 2);
        if (answer.head.size() < 12) return std::nullopt;
        answer.status = std::stoi(answer.head.substr(9, 3));
        auto const length = to_head ? 0 : parse_integer(answer.header("Content-Length")).value_or(0);
        auto const size = static_cast<std::size_t>(length);
        while (buffer_.size() < end + 4 + size) {
            if (!fill()) return std::nullopt;
        }
        answer.body = buffer_.substr(end + 4, size);
        buffer_.erase(0, end + 4 + size);
        return answer;
    }
    std::optional<Answer> ask(std::string_view request) {
        send(request);
        return receive();
    }
    // True when the server closes and nothing more came before that.
    bool is_closed() {
        while (fill()) {
        }
        return closed_ && buffer_.empty();
    }
    std::string const& unread() const { return buffer_; }

private:
    bool ready(short what) {
        pollfd entry{descriptor_, what, 0};
        return ::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds{patience}.count())) == 1;
    }
    bool fill() {
        if (closed_ || !ready(POLLIN)) return false;
        char bytes[16 * 1024];
        auto const size = ::recv(descriptor_, bytes, sizeof bytes, 0);
        if (size <= 0) {
            closed_ = size == 0 || errno == ECONNRESET;
            return false;
        }
        buffer_.append(bytes, static_cast<std::size_t>(size));
        return true;
    }

    int descriptor_;
    bool connected_ = false;
    bool closed_ = false;
    std::string buffer_;
};

// Sanitizers fill memory of their own, and time passes only when a test says so.
class Porch : public ::testing::Test {
protected:
    Porch() {
        settings.loops = 2;
        settings.workers = 4;
        settings.timeouts.linger = std::chrono::milliseconds{20};  // sets the tick of the sweep: deadlines are seen at once
    }
    void start() {
        server = std::make_unique<Server>(settings, dispatcher, clock, log);
        auto const started = server->start();
        ASSERT_TRUE(started.ok()) << started.error() << " " << started.error().reason();
    }
    Client client() { return Client{server->port()}; }
    std::optional<Answer> ask(std::string_view request) { return client().ask(request); }

    ServerSettings settings;
    FunctionDispatcher dispatcher;
    testing::ManualClock clock;
    NullLog log;
    std::unique_ptr<Server> server;
};

}  // namespace zephyr::http::server
