#include "server/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "zephyr/encoding/json.h"
#include "zephyr/server/data_folder.h"

namespace zephyr::server {

using encoding::Json;

namespace {

constexpr std::size_t longest_request = 4 << 20;
constexpr std::size_t longest_answer = 256 << 20;
constexpr std::size_t most_clients = 16;
constexpr std::chrono::seconds for_a_message{30};
constexpr timeval look_up{.tv_sec = 1, .tv_usec = 0};  // how often a wait looks at its deadline
constexpr int exit_fault = 70;

// One end of a conversation. Without a clock it waits for as long as the other side takes.
class Conversation {
public:
    Conversation(int socket, Clock const* clock) : socket_{socket}, clock_{clock} {
        if (clock_ == nullptr) return;
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &look_up, sizeof look_up);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &look_up, sizeof look_up);
    }

    bool send(Json const& message) {
        begin();
        auto const text = message.dump();
        auto const size = static_cast<std::uint32_t>(text.size());
        char const head[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                              static_cast<char>(size)};
        return write_all({head, sizeof head}) && write_all(text);
    }

    enum class Outcome { received, broken, too_long };
    Outcome receive(std::size_t longest, Json& message) {
        begin();
        std::array<unsigned char, 4> head{};
        if (!read_all(reinterpret_cast<char*>(head.data()), head.size())) return Outcome::broken;
        std::size_t const size = (std::uint32_t{head[0]} << 24) | (std::uint32_t{head[1]} << 16) | (std::uint32_t{head[2]} << 8) | head[3];
        if (size > longest) return Outcome::too_long;
        // Grown as it comes: a length alone gets nobody that much memory.
        std::string text;
        while (text.size() < size) {
            auto const before = text.size();
            text.resize(std::min(size, before + (std::size_t{1} << 20)));
            if (!read_all(text.data() + before, text.size() - before)) return Outcome::broken;
        }
        auto parsed = encoding::parse_json(text, {.bytes = longest, .depth = 16});
        if (!parsed.ok()) return Outcome::broken;
        message = std::move(parsed).value();
        return Outcome::received;
    }

private:
    void begin() {
        if (clock_ != nullptr) end_ = clock_->monotonic() + for_a_message;
    }
    // After a call that moved nothing: is it worth trying again?
    bool go_on() const {
        if (errno == EINTR) return true;
        return (errno == EAGAIN || errno == EWOULDBLOCK) && clock_ != nullptr && clock_->monotonic() < end_;
    }
    bool write_all(std::string_view data) {
        while (!data.empty()) {
            auto const sent = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent < 0 && go_on()) continue;
            if (sent <= 0 || (clock_ != nullptr && clock_->monotonic() >= end_)) return false;
            data.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    bool read_all(char* data, std::size_t size) {
        while (size > 0) {
            auto const got = ::recv(socket_, data, size, 0);
            if (got < 0 && go_on()) continue;
            if (got <= 0 || (clock_ != nullptr && clock_->monotonic() >= end_)) return false;
            data += got;
            size -= static_cast<std::size_t>(got);
        }
        return true;
    }

    int socket_;
    Clock const* clock_;
    MonotonicTime end_{};
};

Result<sockaddr_un> address_of(std::filesystem::path const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto const text = path.string();
    auto const most = sizeof address.sun_path - 1;
    if (text.size() > most) {
        return Error{errors::no_control_socket, text}.with_reason("The control socket would be " + text + ", a path of " +
                                                                  std::to_string(text.size()) + " bytes. The system allows " +
                                                                  std::to_string(most) + ": choose a data folder with a shorter path.");
    }
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
    return address;
}

// The file's mode keeps others out already; this holds where a file system ignores modes.
bool same_user(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == ::geteuid() || peer.uid == 0;
}

ControlAnswer sorry(std::string const& sentence) { return {.exit_code = exit_fault, .output = {}, .errors = "zephyr: " + sentence + "\n"}; }

Json as_json(ControlAnswer const& answer) {
    return Json::object({{"exit_code", answer.exit_code}, {"output", answer.output}, {"errors", answer.errors}});
}

ControlAnswer answer_from(Json const& message) {
    auto const* code = message.find("exit_code");
    return {.exit_code = static_cast<int>(code != nullptr ? code->integer().value_or(exit_fault) : exit_fault),
            .output = message.string_at("output").value_or(""),
            .errors = message.string_at("errors").value_or("")};
}

std::optional<ControlRequest> request_from(Json const& message) {
    ControlRequest request{.arguments = {}, .input = message.string_at("input").value_or("")};
    auto const* arguments = message.find("arguments");
    if (arguments == nullptr || arguments->items() == nullptr) return request;
    for (auto const& argument : *arguments->items()) {
        if (argument.string() == nullptr) return std::nullopt;
        request.arguments.push_back(*argument.string());
    }
    return request;
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(std::filesystem::path path, Clock const& clock, Log& log,
                                                           std::function<ControlAnswer(ControlRequest const&)> handler) {
    std::unique_ptr<ControlSocket> socket{new ControlSocket{std::move(path), clock, log, std::move(handler)}};
    ZEPHYR_CHECK(socket->listen());
    return socket;
}

ControlSocket::ControlSocket(std::filesystem::path path, Clock const& clock, Log& log,
                             std::function<ControlAnswer(ControlRequest const&)> handler)
    : path_{std::move(path)}, clock_{clock}, log_{log}, handler_{std::move(handler)} {}

Result<void> ControlSocket::listen() {
    ZEPHYR_TRY(auto const address, address_of(path_));
    ::unlink(path_.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const old = ::umask(0177);  // the socket file is born 0600
    bool const bound = listener_ >= 0 && ::bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
    ::umask(old);
    if (!bound || ::listen(listener_, 8) != 0 || ::pipe2(wake_, O_CLOEXEC) != 0) {
        auto const why = std::string{std::strerror(errno)};
        return Error{errors::no_control_socket, why}.with_reason("There can be no control socket at " + path_.string() + ": " + why + ".");
    }
    thread_ = std::thread{[this] { accept_loop(); }};
    return success();
}

ControlSocket::~ControlSocket() {
    if (thread_.joinable()) {
        char const stop = 0;
        (void)!::write(wake_[1], &stop, 1);
        thread_.join();
        hang_up(SHUT_RD);  // nobody begins to ask any more
        {
            std::unique_lock lock{mutex_};
            left_.wait_for(lock, std::chrono::seconds{1}, [this] {
                return std::all_of(clients_.begin(), clients_.end(), [](auto const& client) { return client.done; });
            });
        }
        hang_up(SHUT_RDWR);
        for (auto& client : clients_) client.thread.join();
        for (auto const& client : clients_) ::close(client.connection);
        ::unlink(path_.c_str());
    }
    for (int const descriptor : {listener_, wake_[0], wake_[1]}) {
        if (descriptor >= 0) ::close(descriptor);
    }
}

void ControlSocket::hang_up(int how) {
    std::lock_guard const lock{mutex_};
    for (auto const& client : clients_) ::shutdown(client.connection, how);
}

void ControlSocket::accept_loop() {
    for (;;) {
        std::array<pollfd, 2> waiting{{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
        if (waiting[1].revents != 0) return;
        if ((waiting[0].revents & POLLIN) == 0) continue;
        int const connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) {
            // Without descriptors the client stays in the backlog, and asking at once again would only spin.
            if (errno != ECONNABORTED && errno != EINTR) std::this_thread::sleep_for(std::chrono::milliseconds{100});
            continue;
        }
        if (same_user(connection)) admit(connection);
        else ::close(connection);
    }
}

void ControlSocket::admit(int connection) {
    reap();
    std::lock_guard const lock{mutex_};
    if (clients_.size() >= most_clients) {
        Conversation{connection, &clock_}.send(as_json(sorry("the server has too many commands at once; try again")));
        ::close(connection);
        return;
    }
    auto& client = clients_.emplace_back(Client{.connection = connection});
    client.thread = std::thread{[this, &client] {
        serve(client.connection);
        ::shutdown(client.connection, SHUT_RDWR);  // the client sees the end now; the descriptor goes when it is reaped
        std::lock_guard const done{mutex_};
        client.done = true;
        left_.notify_all();
    }};
}

// Joins whoever is done.
void ControlSocket::reap() {
    std::list<Client> gone;
    {
        std::lock_guard const lock{mutex_};
        for (auto client = clients_.begin(); client != clients_.end();) {
            auto const next = std::next(client);
            if (client->done) gone.splice(gone.end(), clients_, client);
            client = next;
        }
    }
    for (auto& client : gone) {
        client.thread.join();
        ::close(client.connection);
    }
}

void ControlSocket::serve(int connection) {
    Conversation conversation{connection, &clock_};
    Json message;
    auto const outcome = conversation.receive(longest_request, message);
    if (outcome == Conversation::Outcome::broken) return;
    auto const request = outcome == Conversation::Outcome::received ? request_from(message) : std::nullopt;
    auto answer = request ? run(*request) : sorry("the server does not take such a request");
    auto const size = answer.output.size() + answer.errors.size();
    // Escaped, a byte may take six.
    if (size > longest_answer / 6) {
        answer = sorry("the answer has " + std::to_string(size >> 20) + " MiB, too much to send at once; ask for less");
    }
    conversation.send(as_json(answer));
}

ControlAnswer ControlSocket::run(ControlRequest const& request) {
    std::lock_guard const lock{commands_};
    try {
        return handler_(request);
    } catch (std::exception const& failed) {  // the edge of a command: the server goes on
        log_.error("server.command_failed", {{"why", failed.what()}});
        return sorry(std::string{"the server could not do this: "} + failed.what());
    }
}

std::optional<ControlAnswer> ask_running_server(std::filesystem::path const& data, ControlRequest const& request) {
    auto const address = address_of(control_socket_path(data));
    if (!address.ok()) return std::nullopt;  // no server could listen there
    auto const message = Json::object({{"arguments", Json::strings(request.arguments)}, {"input", request.input}});
    if (message.dump().size() > longest_request) {
        return sorry("the command and its input are more than " + std::to_string(longest_request >> 20) + " MiB, which the server takes at once");
    }
    int const connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return std::nullopt;
    std::optional<ControlAnswer> answer;
    if (::connect(connection, reinterpret_cast<sockaddr const*>(&address.value()), sizeof(sockaddr_un)) == 0) {
        Conversation conversation{connection, nullptr};
        Json reply;
        // Sending may fail because the server has answered already and hung up: then the answer is there to read.
        conversation.send(message);
        switch (conversation.receive(longest_answer, reply)) {
            case Conversation::Outcome::received: answer = answer_from(reply); break;
            case Conversation::Outcome::too_long: answer = sorry("the server's answer is too long to read"); break;
            case Conversation::Outcome::broken: answer = sorry("the server hung up without an answer; its log may say why"); break;
        }
    }
    ::close(connection);
    return answer;
}

}  // namespace zephyr::server
