// Pieces of the pages about second factors: what factor_ask.html and factor_offers.html show.
#pragma once

#include <string_view>

#include "pages/fill.h"
#include "zephyr/pages/account_pages.h"
#include "zephyr/pages/entry_pages.h"

namespace zephyr::pages {

// The field for one kind of factor, and links to the others. `path` is that of the page; return_to goes along in the links.
void fill_ask(Fill& fill, FactorAsk const& ask, std::string_view path, std::string_view return_to);
// What can be added here.
void fill_offers(Fill& fill, FactorOffers const& offers, std::string_view return_to);
// Icon of a kind, as one of the sections ICON_PHONE, ICON_MESSAGE, ICON_MAIL, ICON_KEY.
void fill_kind_icon(Fill& fill, std::string_view kind);

}  // namespace zephyr::pages
