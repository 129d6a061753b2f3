// Work that nobody waits for, on a thread of its own: removing what time has ended, sealing again what an old key sealed.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "zephyr/foundation/log.h"
#include "zephyr/server/key_records.h"
#include "zephyr/stack.h"

namespace zephyr::server {

class Jobs {
public:
    Jobs(Stack& stack, Log& log);
    ~Jobs();  // waits for the batch under way
    Jobs(Jobs const&) = delete;
    Jobs& operator=(Jobs const&) = delete;

private:
    void run();
    bool work();  // true when there may be more to do at once
    bool reseal_some();
    bool end_what_is_over();
    void reseal_log_key();

    Stack& stack_;
    Log& log_;
    std::mutex mutex_;
    std::condition_variable woken_;
    bool stopping_ = false;
    Resealer resealer_;
    Resealer subject_key_resealer_;
    bool subject_keys_resealed_ = false;
    std::size_t values_resealed_ = 0;
    MonotonicTime retention_due_{};
    bool resealed_ = false;
    std::thread thread_;
};

}  // namespace zephyr::server
