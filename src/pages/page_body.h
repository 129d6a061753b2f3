// What is behind Pages, for the files that render one family of pages each.
#pragma once

#include <memory>

#include "pages/engine.h"
#include "zephyr/pages/pages.h"

namespace zephyr::pages {

struct Pages::Body {
    PagesSettings settings;
    std::shared_ptr<Engine const> fixed;

    // The one made at start, or in development one made from the disk just now.
    std::shared_ptr<Engine const> engine() const;
    std::string render(std::string_view page, PageContext const& context,
                       std::function<void(Fill&)> const& fill) const {
        return engine()->render(page, context, settings.brand, fill);
    }
};

}  // namespace zephyr::pages
