// One event loop: its thread's io_context, its own listening socket, its connections, and the buffers they share while they run.
// Everything but the constructor, listen(), start(), drain(), halt(), deliver() and post() happens on the loop's thread.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/server/shared.h"

namespace zephyr::http::server {

namespace asio = boost::asio;

// Concrete executors: any_io_executor costs an indirection and an allocation per operation.
using LoopExecutor = asio::io_context::executor_type;
using Tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<Tcp, LoopExecutor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, LoopExecutor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;

class Connection;

class Loop {
public:
    // Work that a worker has done and this loop's thread must conclude. A link in a list, so that handing it over needs no memory:
    // an answer that exists can always be delivered.
    class Completion : public WorkerPool::Task {
    public:
        virtual void conclude() noexcept = 0;

    private:
        friend class Loop;
        std::unique_ptr<Completion> next_finished_;
    };

    explicit Loop(Shared& shared);
    ~Loop();
    Loop(Loop const&) = delete;
    Loop& operator=(Loop const&) = delete;

    // Binds and listens, with SO_REUSEPORT so that the other loops can have the same port.
    boost::system::error_code listen(Tcp::endpoint const& endpoint);
    Tcp::endpoint local_endpoint() const;

    void start();
    // Takes what already waits in the backlog, then accepts nothing more and lets each connection finish.
    void drain();
    // Closes everything; the thread ends once its pending work is done.
    void halt();
    void join();

    // From any thread.
    void deliver(std::unique_ptr<Completion> completion) noexcept;

    template <class Function>
    void post(Function&& function) {
        asio::post(context_, std::forward<Function>(function));
    }

    Shared& shared() { return shared_; }
    LoopExecutor executor() { return context_.get_executor(); }
    std::string_view date();

    void add(Connection& connection);
    void remove(Connection& connection);

    // For the connection that runs now. `out` is empty between runs.
    std::vector<char> in;
    std::string out;

private:
    void run();
    void wait_for_accept();
    bool accept_some();  // false when the backlog is empty
    void open(Socket socket, std::string peer);
    void conclude_finished();
    void arm_sweep();
    void sweep();
    template <class Function>
    void for_each_connection(Function function);

    Shared& shared_;
    asio::io_context context_{1};
    asio::executor_work_guard<LoopExecutor> guard_;
    Acceptor acceptor_;
    Timer timer_;
    std::chrono::milliseconds const tick_;
    bool sweeping_ = false;
    bool accept_paused_ = false;
    MonotonicTime warn_again_{};
    Connection* first_ = nullptr;  // of a list through the connections themselves
    std::chrono::sys_seconds date_for_{};
    std::string date_;
    std::mutex finished_mutex_;
    std::unique_ptr<Completion> finished_;  // oldest first
    Completion* last_finished_ = nullptr;
    std::thread thread_;
};

}  // namespace zephyr::http::server
