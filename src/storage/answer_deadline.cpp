#include "storage/answer_deadline.h"

#include <sys/socket.h>

#include <algorithm>

namespace zephyr::storage {

AnswerDeadlines::Watch::Watch(AnswerDeadlines& owner, int socket) : owner_{owner}, socket_{socket} {
    std::lock_guard const lock{owner_.mutex_};
    owner_.watches_.push_back(this);
    if (!owner_.thread_.joinable()) owner_.thread_ = std::thread{[deadlines = &owner_] { deadlines->run(); }};
}

AnswerDeadlines::Watch::~Watch() {
    std::lock_guard const lock{owner_.mutex_};
    std::erase(owner_.watches_, this);
}

AnswerDeadlines::Span::Span(Watch& watch, std::chrono::milliseconds limit) : watch_{watch} {
    auto const ticks = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(limit) / tick) + 2;
    int nothing = 0;
    watch_.ticks_left_.compare_exchange_strong(nothing, ticks);
    auto& owner = watch_.owner_;
    // Either we see that the thread sleeps, or it sees our ticks before it does.
    if (!owner.asleep_.load()) return;
    {
        std::lock_guard const lock{owner.mutex_};
        owner.asleep_ = false;
    }
    owner.changed_.notify_one();
}

AnswerDeadlines::Span::~Span() {
    auto ticks = watch_.ticks_left_.load();
    while (ticks > 0 && !watch_.ticks_left_.compare_exchange_weak(ticks, 0)) {
    }
}

AnswerDeadlines::~AnswerDeadlines() {
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void AnswerDeadlines::run() {
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        asleep_ = true;
        if (look()) {
            asleep_ = false;
            changed_.wait_for(lock, tick);
        } else {
            changed_.wait(lock, [this] { return stopping_ || !asleep_; });
        }
    }
}

bool AnswerDeadlines::look() {
    bool awaited = false;
    for (auto* watch : watches_) {
        auto ticks = watch->ticks_left_.load();
        if (ticks <= 0) continue;
        awaited = true;
        auto const next = ticks == 1 ? Watch::overdue : ticks - 1;
        // A span that ends in this moment wins.
        if (watch->ticks_left_.compare_exchange_strong(ticks, next) && next == Watch::overdue) ::shutdown(watch->socket_, SHUT_RDWR);
    }
    return awaited;
}

}  // namespace zephyr::storage
