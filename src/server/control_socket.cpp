#include "server/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/server/data_folder.h"

namespace zephyr::server {

using encoding::Json;

namespace {

constexpr std::uint32_t longest_message = 4 * 1024 * 1024;
constexpr timeval io_timeout{.tv_sec = 30, .tv_usec = 0};

bool write_all(int to, std::string_view data) {
    while (!data.empty()) {
        auto const sent = ::send(to, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool read_all(int from, char* data, std::size_t size) {
    while (size > 0) {
        auto const got = ::recv(from, data, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        data += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

bool send_message(int to, Json const& message) {
    auto const text = message.dump();
    auto const size = static_cast<std::uint32_t>(text.size());
    char const head[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
    return write_all(to, {head, sizeof head}) && write_all(to, text);
}

std::optional<Json> receive_message(int from) {
    std::array<unsigned char, 4> head{};
    if (!read_all(from, reinterpret_cast<char*>(head.data()), head.size())) return std::nullopt;
    auto const size = (std::uint32_t{head[0]} << 24) | (std::uint32_t{head[1]} << 16) | (std::uint32_t{head[2]} << 8) | head[3];
    if (size > longest_message) return std::nullopt;
    std::string text(size, '\0');
    if (!read_all(from, text.data(), text.size())) return std::nullopt;
    auto parsed = encoding::parse_json(text, {.bytes = longest_message, .depth = 16});
    if (!parsed.ok()) return std::nullopt;
    return std::move(parsed).value();
}

sockaddr_un address_of(std::filesystem::path const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto const text = path.string();
    if (text.size() >= sizeof address.sun_path) throw Fault{"the path of the control socket is too long: " + text};
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

}  // namespace

ControlSocket::ControlSocket(std::filesystem::path path, Log& log, std::function<ControlAnswer(ControlRequest const&)> handler)
    : path_{std::move(path)}, log_{log}, handler_{std::move(handler)} {
    auto const address = address_of(path_);
    ::unlink(path_.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto const old = ::umask(0177);  // the socket file is born 0600
    bool const bound = listener_ >= 0 && ::bind(listener_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
    ::umask(old);
    if (!bound || ::listen(listener_, 8) != 0 || ::pipe2(wake_, O_CLOEXEC) != 0) {
        throw Fault{"no control socket at " + path_.string() + ": " + std::strerror(errno)};
    }
    thread_ = std::thread{[this] { accept_loop(); }};
}

ControlSocket::~ControlSocket() {
    char const stop = 0;
    (void)!::write(wake_[1], &stop, 1);
    thread_.join();
    ::close(listener_);
    ::close(wake_[0]);
    ::close(wake_[1]);
    ::unlink(path_.c_str());
}

void ControlSocket::accept_loop() {
    for (;;) {
        std::array<pollfd, 2> waiting{{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
        if (waiting[1].revents != 0) return;
        if ((waiting[0].revents & POLLIN) == 0) continue;
        int const connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) continue;
        if (same_user(connection)) answer(connection);
        ::close(connection);
    }
}

void ControlSocket::answer(int connection) {
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &io_timeout, sizeof io_timeout);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &io_timeout, sizeof io_timeout);
    auto const message = receive_message(connection);
    if (!message) return;
    ControlRequest request{.arguments = {}, .input = message->string_at("input").value_or("")};
    if (auto const* arguments = message->find("arguments"); arguments != nullptr && arguments->items() != nullptr) {
        for (auto const& argument : *arguments->items()) {
            if (argument.string() == nullptr) return;
            request.arguments.push_back(*argument.string());
        }
    }
    ControlAnswer answer;
    try {
        answer = handler_(request);
    } catch (std::exception const& failed) {  // the edge of a command: the server goes on
        log_.error("server.command_failed", {{"why", failed.what()}});
        answer = {.exit_code = 70, .output = {}, .errors = std::string{"the server could not do this: "} + failed.what() + "\n"};
    }
    send_message(connection, Json::object({{"exit_code", answer.exit_code}, {"output", answer.output}, {"errors", answer.errors}}));
}

std::optional<ControlAnswer> ask_running_server(std::filesystem::path const& data, ControlRequest const& request) {
    auto const address = address_of(control_socket_path(data));
    int const connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return std::nullopt;
    std::optional<ControlAnswer> answer;
    if (::connect(connection, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0 &&
        send_message(connection, Json::object({{"arguments", Json::strings(request.arguments)}, {"input", request.input}}))) {
        if (auto const message = receive_message(connection)) {
            auto const* code = message->find("exit_code");
            answer = ControlAnswer{.exit_code = static_cast<int>(code != nullptr ? code->integer().value_or(70) : 70),
                                   .output = message->string_at("output").value_or(""),
                                   .errors = message->string_at("errors").value_or("")};
        }
    }
    ::close(connection);
    return answer;
}

}  // namespace zephyr::server
