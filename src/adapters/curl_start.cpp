#include "adapters/curl_start.h"

namespace zephyr::adapters {

void start_curl() {
    static CURLcode const started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) throw Fault{"curl: does not start"};
}

void append_to(List& list, std::string const& line) {
    auto* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw Fault{"curl: out of memory"};
    (void)list.release();
    list.reset(longer);
}

}  // namespace zephyr::adapters
