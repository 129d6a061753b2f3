// What every use of libcurl needs around it.
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <string>

#include "zephyr/foundation/fault.h"

namespace zephyr::adapters {

struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;

// Once per process, before other threads use it. Throws Fault.
void start_curl();
// Throws Fault when memory is out.
void append_to(List& list, std::string const& line);

template <class Value>
void set(Easy const& handle, CURLoption option, Value value) {
    if (curl_easy_setopt(handle.get(), option, value) != CURLE_OK) throw Fault{"curl: an option is not supported"};
}

// A peer that hangs up must cost the request, not the process: OpenSSL below curl writes to sockets that may be gone.
class BrokenPipesBlocked {
public:
    BrokenPipesBlocked() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    BrokenPipesBlocked(BrokenPipesBlocked const&) = delete;
    BrokenPipesBlocked& operator=(BrokenPipesBlocked const&) = delete;
    ~BrokenPipesBlocked() {
        if (sigismember(&before_, SIGPIPE) == 0) {
            timespec const at_once{};
            while (sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
};

}  // namespace zephyr::adapters
