// "Firefox on Linux": what a person recognises in a User-Agent header.
#pragma once

#include <string>
#include <string_view>

namespace zephyr::pages {

struct Device {
    std::string browser;  // "Firefox"; empty when it is none we know
    std::string system;   // "Linux", "iPhone"; empty when unknown
    bool phone = false;
};

Device describe_device(std::string_view user_agent);

}  // namespace zephyr::pages
