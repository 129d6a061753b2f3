// Pieces that several pages show: a second factor, a session, an audit event, a choice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pages/fill.h"
#include "zephyr/encoding/url.h"
#include "zephyr/pages/account_pages.h"
#include "zephyr/pages/admin_pages.h"

namespace zephyr::pages {

// NAME, KIND, ADDED, USED and icon of one factor.
void fill_factor(Fill& row, FactorItem const& factor);
// What session_lines.html shows.
void fill_session(Fill& row, SessionItem const& session);
// A browser known to an account: as session_lines.html, and TRUSTED.
void fill_browser(Fill& row, BrowserItem const& browser);
// What event_table.html shows: EVENTS, or NO_EVENTS.
void fill_events(Fill& page, std::vector<EventRow> const& events, bool with_subject, bool may_see_people = true);
// Links back to the first and on to the next page; filters stay in the address.
void fill_pager(Fill& fill, std::string_view path, encoding::FormFields fields, std::string_view cursor, std::string const& here,
                std::string const& next);
// An event's name, who did it, and why, in words.
std::string event_words(Catalogue const& texts, EventRow const& event);
std::string actor_words(Catalogue const& texts, EventRow const& event);
std::string reason_words(Catalogue const& texts, EventRow const& event);
// A round of the section `name` for one <option>.
void fill_option(Fill& page, std::string_view name, std::string_view value, std::string_view text,
                 std::string_view chosen);
// Section DEVICES with a DEVICE each; nothing when there are no names.
void fill_devices(Fill& page, std::vector<std::string> const& names);

// "/admin/users/<id>", the id percent-encoded.
std::string path_of(std::string_view folder, std::string_view id, std::string_view action = {});

}  // namespace zephyr::pages
