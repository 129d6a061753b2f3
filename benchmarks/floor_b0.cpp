// B0: the smallest Beast server there is. Keep-alive, one small JSON answer, no routing, no limits, no deadlines; the same style of
// callbacks as the porch, so that porch / B0 says what all of those cost.
//
//   floor_b0 PORT [LOOPS]
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast::http;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(Socket socket) : socket_{std::move(socket)} {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_.data() + size_, buffer_.size() - size_),
                                [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                                    if (!error) self->on_bytes(size);
                                });
    }

private:
    void on_bytes(std::size_t size) {
        size_ += size;
        out_.clear();
        std::size_t used = 0;
        while (used < size_) {
            if (!parser_) parser_.emplace();
            boost::system::error_code error;
            used += parser_->put(asio::buffer(buffer_.data() + used, size_ - used), error);
            if (error && error != beast::error::need_more) return;
            if (!parser_->is_done()) break;
            parser_.reset();
            out_ += answer;
        }
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used), buffer_.begin() + static_cast<std::ptrdiff_t>(size_), buffer_.begin());
        size_ -= used;
        if (out_.empty()) return read();
        asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](boost::system::error_code error, std::size_t) {
            if (!error) self->read();
        });
    }

    Socket socket_;
    std::array<char, 8192> buffer_;
    std::size_t size_ = 0;
    std::string out_;
    std::optional<beast::request_parser<beast::empty_body>> parser_;
};

void accept(Acceptor& acceptor) {
    acceptor.async_accept([&acceptor](boost::system::error_code error, Socket socket) {
        if (!error) {
            socket.set_option(asio::ip::tcp::no_delay{true});
            std::make_shared<Session>(std::move(socket))->read();
        }
        accept(acceptor);
    });
}

void serve(unsigned short port) {
    asio::io_context context{1};
    Acceptor acceptor{context.get_executor()};
    acceptor.open(asio::ip::tcp::v4());
    acceptor.set_option(asio::socket_base::reuse_address{true});
    int const on = 1;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    acceptor.bind({asio::ip::make_address("127.0.0.1"), port});
    acceptor.listen();
    accept(acceptor);
    context.run();
}

}  // namespace

int main(int argc, char** argv) {
    auto const port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 8080);
    auto const loops = argc > 2 ? std::atoi(argv[2]) : 1;
    std::vector<std::thread> threads;
    for (int i = 1; i < loops; ++i) threads.emplace_back([port] { serve(port); });
    std::printf("listening on 127.0.0.1:%u\n", port);
    std::fflush(stdout);
    serve(port);
}
