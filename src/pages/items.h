// Pieces that several pages show: a second factor, a session, an audit event, a choice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pages/fill.h"
#include "zephyr/pages/account_pages.h"
#include "zephyr/pages/admin_pages.h"

namespace zephyr::pages {

// NAME, KIND, ADDED, USED of one factor.
void fill_factor(Fill& row, FactorItem const& factor);
// What session_lines.html shows.
void fill_session(Fill& row, SessionItem const& session);
// What event_table.html shows: EVENTS, or NO_EVENTS.
void fill_events(Fill& page, std::vector<EventRow> const& events, bool with_subject);
// A round of the section `name` for one <option>.
void fill_option(Fill& page, std::string_view name, std::string_view value, std::string_view text,
                 std::string_view chosen);
// Section DEVICES with a DEVICE each; nothing when there are no names.
void fill_devices(Fill& page, std::vector<std::string> const& names);

// "/admin/users/<id>", the id percent-encoded.
std::string path_of(std::string_view folder, std::string_view id, std::string_view action = {});

}  // namespace zephyr::pages
