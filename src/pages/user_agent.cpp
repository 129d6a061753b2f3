#include "pages/user_agent.h"

#include <utility>

namespace zephyr::pages {

namespace {

using Mark = std::pair<std::string_view, std::string_view>;  // what it says, what we call it

// Order matters: every browser claims to be the ones before it, so the rarest claim goes first.
constexpr Mark browsers[] = {
    {"Edg/", "Edge"},          {"EdgA/", "Edge"},       {"EdgiOS/", "Edge"},
    {"OPR/", "Opera"},         {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
    {"FxiOS/", "Firefox"},     {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"},
    {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},   {"Safari/", "Safari"},
    {"curl/", "curl"},         {"Wget/", "Wget"},       {"python-requests/", "Python"}};
constexpr Mark systems[] = {
    {"iPhone", "iPhone"}, {"iPad", "iPad"},    {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
    {"Macintosh", "Mac"}, {"Mac OS X", "Mac"}, {"Linux", "Linux"},     {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}};

template <std::size_t N>
std::string first_of(Mark const (&marks)[N], std::string_view text) {
    for (auto const& [mark, name] : marks)
        if (text.find(mark) != std::string_view::npos) return std::string{name};
    return {};
}

}  // namespace

Device describe_device(std::string_view user_agent) {
    Device device{first_of(browsers, user_agent), first_of(systems, user_agent), false};
    device.phone = device.system == "iPhone" ||
                   (device.system == "Android" && user_agent.find("Mobile") != std::string_view::npos);
    return device;
}

}  // namespace zephyr::pages
