// Templates of every language, parsed, and the way from values to HTML.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pages/catalogue.h"
#include "pages/fill.h"
#include "pages/static_files.h"
#include "zephyr/pages/pages.h"

namespace zephyr::pages {

// Where web/ comes from: {path below web/, content}.
using WebFiles = std::map<std::string, std::string, std::less<>>;
WebFiles embedded_web_files();
WebFiles web_files_on_disk(std::filesystem::path const& web_dir);

// Everything made from one reading of web/. Immutable, so that any number of threads may render from it.
class Engine {
public:
    explicit Engine(WebFiles files);
    ~Engine();

    std::vector<std::string> languages() const;
    bool has_language(std::string_view language) const { return catalogues_.find(language) != catalogues_.end(); }
    Catalogue const& texts(std::string_view language) const;  // English for a language we don't have
    std::string const* static_content(std::string_view name) const;
    std::string const& static_url(std::string_view name) const;  // with the hash

    // `fill` sets the page's own values; those every page has are there already.
    std::string render(std::string_view page, PageContext const& context, Brand const& fallback,
                       std::function<void(Fill&)> const& fill) const;

private:
    struct Cache;
    void fill_frame(Fill& fill, PageContext const& context, Brand const& brand) const;

    WebFiles files_;
    std::map<std::string, Catalogue, std::less<>> catalogues_;
    std::map<std::string, std::string, std::less<>> static_urls_;
    std::map<std::string, std::set<std::string>, std::less<>> inputs_;  // ids of a page's elements
    std::unique_ptr<Cache> cache_;
};

}  // namespace zephyr::pages
