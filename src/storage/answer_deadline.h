// An end to waiting for a server that does not answer. libpq waits for ever on a connection that is open but dead: a network that drops
// packets behind a proxy, a server that hangs. When an answer is overdue, the connection's socket is shut down under libpq, which then
// reports it as lost.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace zephyr::storage {

class AnswerDeadlines {
public:
    // One connection's socket. Ends before the socket is closed, and before the deadlines do.
    class Watch {
    public:
        Watch(AnswerDeadlines& owner, int socket);
        ~Watch();
        Watch(Watch const&) = delete;
        Watch& operator=(Watch const&) = delete;
        // An answer was overdue once, and the socket was shut down.
        bool expired() const { return ticks_left_.load() == overdue; }

    private:
        friend class AnswerDeadlines;
        static constexpr int overdue = -1;
        AnswerDeadlines& owner_;
        int socket_;
        std::atomic<int> ticks_left_{0};  // 0: nothing is awaited
    };

    // While it lives, an answer is awaited: for about `limit`, never less, at most two ticks more.
    class Span {
    public:
        Span(Watch& watch, std::chrono::milliseconds limit);
        ~Span();
        Span(Span const&) = delete;
        Span& operator=(Span const&) = delete;

    private:
        Watch& watch_;
    };

    AnswerDeadlines() = default;
    ~AnswerDeadlines();
    AnswerDeadlines(AnswerDeadlines const&) = delete;
    AnswerDeadlines& operator=(AnswerDeadlines const&) = delete;

private:
    static constexpr std::chrono::milliseconds tick{50};
    void run();
    bool look();  // true while something is awaited

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Watch*> watches_;
    std::thread thread_;  // started by the first watch
    bool stopping_ = false;
    std::atomic<bool> asleep_{false};
};

}  // namespace zephyr::storage
