// The values of one template: a thin layer over a ctemplate dictionary that knows the language.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "pages/catalogue.h"
#include "pages/ctemplate.h"
#include "zephyr/foundation/clock.h"
#include "zephyr/pages/view.h"

namespace zephyr::pages {

class Fill {
public:
    // `inputs`: the ids in the template, so that an error about any other field can be told in the summary.
    Fill(ctemplate::TemplateDictionary& dictionary, Catalogue const& texts, std::set<std::string> const& inputs)
        : dictionary_{&dictionary}, texts_{&texts}, inputs_{&inputs} {}

    Catalogue const& texts() const { return *texts_; }

    // Bytes that are no UTF-8 become U+FFFD; escaping is the template's.
    Fill& set(std::string_view name, std::string_view value);
    Fill& set(std::string_view name, std::int64_t value) { return set(name, std::to_string(value)); }
    // A number for people: "1,284".
    Fill& number(std::string_view name, std::int64_t value);
    // Shows the section {{#name}} once when `yes`.
    Fill& show_if(std::string_view name, bool yes);
    // Shows the section and sets the variable of the same name in it; neither when the value is empty.
    Fill& set_if(std::string_view name, std::string_view value);
    // One more round of the section {{#name}}, with values of its own over these.
    Fill add(std::string_view name);
    // A moment, for time.html: <name>_ISO, <name>_TEXT and <name>_FULL.
    Fill& time(std::string_view name, TimePoint value);
    // Section <name> around a moment that may be missing; section NO_<name> when it is.
    Fill& time_if(std::string_view name, std::optional<TimePoint> const& value);
    // The words for a message (see Message): its reason, or the catalogue's under `<prefix>.<id>`, or those of the key
    // `otherwise`.
    std::string words(Message const& message, std::string_view prefix, std::string_view otherwise) const;
    // SUMMARY section with its lines, ERROR_<field> sections beside the fields, and HAS_ERRORS. An error about a field
    // that the template has not, or that is not shown this time (`absent`), stands in the summary alone.
    Fill& errors(FormErrors const& errors, std::string_view absent = {});
    // NOTICE section for the name of a notice the catalogue knows; nothing for any other, so that a query cannot put
    // words here.
    Fill& notice(std::string_view name);

private:
    ctemplate::TemplateDictionary* dictionary_;
    Catalogue const* texts_;
    std::set<std::string> const* inputs_;
};

// "24 Nov 2026, 06:59 UTC" and "24. Nov. 2026, 06:59 UTC": the words come from the catalogue, the order from
// "time.pattern".
std::string time_text(Catalogue const& texts, TimePoint time);
std::string day_text(Catalogue const& texts, TimePoint time);

}  // namespace zephyr::pages
