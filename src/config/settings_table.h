// Every setting, once.
#pragma once

#include <string_view>
#include <vector>

#include "config/entry.h"

namespace zephyr::config {

struct Area {
    std::string_view name;   // "server"
    std::string_view about;  // a sentence for the reference page
};
std::vector<Area> const& areas();

// Parts of it: mail and SMS; what is still to come.
std::vector<Entry> message_settings();
std::vector<Entry> later_settings();

// In the order of the reference page; all of an area together.
std::vector<Entry> const& table();

// Nothing for a key no entry has.
Entry const* find_entry(std::string_view key);

}  // namespace zephyr::config
