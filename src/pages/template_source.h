// From the files in web/templates to one flat template per page and language.
//
// The files are ctemplate templates with three additions, worked off before ctemplate sees them:
//   [[layout card.html title=sign_in.title]]   after the pragma: this file is the [[body]] of that one
//   [[> field.html name=email type="text"]]    the file, with @name@ and @type@ replaced in it
//   [[sign_in.title]]  [[=sign_in.title]]      the text of that key. Its {username} becomes the variable {{USERNAME}},
//   escaped by
//                                              ctemplate like any other; the first form, for text between tags, puts
//                                              <bdi> around it, the second, for attribute values and <title>, does not.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pages/catalogue.h"

namespace zephyr::pages {

// The first line of every template. Without it ctemplate escapes nothing.
inline constexpr std::string_view autoescape_pragma = "{{%AUTOESCAPE context=\"HTML\"}}\n";

// Content of web/templates/<name>; nothing when there is no such file.
using ReadTemplate = std::function<std::optional<std::string>(std::string_view name)>;

// The page with layouts and includes worked in and texts in place, ready for ctemplate. Throws Fault for a missing
// file, pragma, parameter or text.
std::string assemble_template(std::string_view name, ReadTemplate const& read, Catalogue const& catalogue);

}  // namespace zephyr::pages
