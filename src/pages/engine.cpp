#include "pages/engine.h"

#include <fstream>
#include <iterator>

#include "pages/accent.h"
#include "pages/ctemplate.h"
#include "pages/embedded_web.h"
#include "pages/template_source.h"
#include "pages/trusted_urls.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::pages {

namespace {

constexpr std::string_view templates_folder = "templates/";
constexpr std::string_view texts_folder = "i18n/";
constexpr std::string_view static_folder = "static/";
constexpr std::string_view default_language = "en";
constexpr std::string_view default_brand = "Zephyr";

std::string template_key(std::string_view language, std::string_view page) {
    return std::string{language} + "/" + std::string{page};
}

// A template that is a page of its own: its second line names the layout it goes into.
bool is_page(std::string_view name, std::string_view content) {
    if (!name.starts_with(templates_folder) || name.starts_with("templates/layout_")) return false;
    return content.size() > autoescape_pragma.size() &&
           content.substr(autoescape_pragma.size()).starts_with("[[layout ");
}

std::set<std::string> ids_in(std::string_view html) {
    constexpr std::string_view mark = " id=\"";
    std::set<std::string> out;
    for (auto at = html.find(mark); at != std::string_view::npos; at = html.find(mark, at)) {
        at += mark.size();
        out.emplace(html.substr(at, html.find('"', at) - at));
    }
    return out;
}

// The same page in another language: what was asked for, without an older choice.
std::string language_link(PageContext const& context, std::string_view language) {
    encoding::FormFields fields;
    if (!context.return_to.empty()) fields.emplace_back("return_to", context.return_to);
    fields.emplace_back("lang", language);
    return safe_return_to(context.request_path, "/") + "?" + encoding::build_form(fields);
}

}  // namespace

struct Engine::Cache {
    ctemplate::TemplateCache templates;
};

WebFiles embedded_web_files() {
    constexpr std::string_view root = "web/";
    WebFiles out;
    for (auto const& [path, content] : embedded_web::files()) out.emplace(path.substr(root.size()), content);
    return out;
}

WebFiles web_files_on_disk(std::filesystem::path const& web_dir) {
    WebFiles out;
    for (auto const& entry : std::filesystem::recursive_directory_iterator{web_dir}) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in{entry.path(), std::ios::binary};
        std::string content{std::istreambuf_iterator<char>{in}, {}};
        out.emplace(std::filesystem::relative(entry.path(), web_dir).generic_string(), std::move(content));
    }
    return out;
}

Engine::Engine(WebFiles files) : files_{std::move(files)}, cache_{std::make_unique<Cache>()} {
    register_trusted_urls();
    for (auto const& [path, content] : files_) {
        if (!path.starts_with(static_folder)) continue;
        std::string const name = path.substr(static_folder.size());
        static_urls_.emplace(name, hashed_path(name, content));
    }
    for (auto const& [path, content] : files_) {
        if (!path.starts_with(texts_folder) || !path.ends_with(".json")) continue;
        std::string const language = path.substr(texts_folder.size(), path.size() - texts_folder.size() - 5);
        catalogues_.try_emplace(language, language, content);
    }
    if (!has_language(default_language)) throw Fault{"pages: no English texts"};
    ReadTemplate const read = [this](std::string_view name) -> std::optional<std::string> {
        auto const found = files_.find(std::string{templates_folder}.append(name));
        if (found == files_.end()) return std::nullopt;
        return found->second;
    };
    for (auto const& [path, content] : files_) {
        if (!is_page(path, content)) continue;
        std::string const page = path.substr(templates_folder.size());
        for (auto const& [language, catalogue] : catalogues_) {
            std::string const assembled = assemble_template(page, read, catalogue);
            inputs_[page] = ids_in(assembled);
            if (!cache_->templates.StringToTemplateCache(template_key(language, page), assembled,
                                                         ctemplate::STRIP_BLANK_LINES))
                throw Fault{"pages: ctemplate cannot read " + page};
        }
    }
    cache_->templates.Freeze();
}

Engine::~Engine() = default;

std::vector<std::string> Engine::languages() const {
    std::vector<std::string> out;
    for (auto const& [language, catalogue] : catalogues_) out.push_back(language);
    return out;
}

Catalogue const& Engine::texts(std::string_view language) const {
    auto const found = catalogues_.find(language);
    return found != catalogues_.end() ? found->second : catalogues_.find(default_language)->second;
}

std::string const* Engine::static_content(std::string_view name) const {
    auto const found = files_.find(std::string{static_folder}.append(name));
    return found == files_.end() ? nullptr : &found->second;
}

std::string const& Engine::static_url(std::string_view name) const {
    auto const found = static_urls_.find(name);
    if (found == static_urls_.end()) throw Fault{"pages: no file web/static/" + std::string{name}};
    return found->second;
}

void Engine::fill_frame(Fill& fill, PageContext const& context, Brand const& brand) const {
    fill.set("LANG", fill.texts().language()).set("NONCE", context.csp_nonce).set("CSRF", context.csrf_token);
    fill.set_if("RETURN_TO", safe_return_to(context.return_to, ""));
    if (context.theme == "light" || context.theme == "dark") fill.set_if("THEME", context.theme);
    fill.set("CSS_URL", static_url("zephyr.css")).set("JS_URL", static_url("zephyr.js"));
    fill.set("PROOF_JS_URL", static_url("proof.js"));
    fill.set("ICON_URL", static_url("favicon.svg")).set("ICONS_URL", static_url("icons.svg"));
    fill.set("BRAND_NAME", brand.name.empty() ? default_brand : brand.name)
        .set("LOGO_URL", brand.logo_url.empty() ? static_url("logo.svg") : brand.logo_url);
    if (auto const wanted = parse_colour(brand.accent)) {
        auto const [light, dark] = readable_accents(*wanted);
        Fill accent = fill.add("ACCENT");
        accent.set("L1", light.accent.hex())
            .set("L2", light.on_accent.hex())
            .set("L3", light.strong.hex())
            .set("L4", light.soft.hex());
        accent.set("D1", dark.accent.hex())
            .set("D2", dark.on_accent.hex())
            .set("D3", dark.strong.hex())
            .set("D4", dark.soft.hex());
    }
    if (context.who) {
        Fill who = fill.add("WHO");
        who.set("WHO_NAME", context.who->display_name.empty() ? context.who->username : context.who->display_name);
        who.show_if("WHO_ADMIN", context.who->admin).show_if("WHO_AUDITOR", context.who->auditor);
        fill.show_if("AS_ADMIN", context.who->admin);
    }
    for (auto const& [language, catalogue] : catalogues_) {
        Fill entry = fill.add("LANGUAGE");
        entry.set("LANGUAGE_CODE", language).set("LANGUAGE_NAME", catalogue.raw("language.name"));
        entry.set("LANGUAGE_HREF", language_link(context, language));
        entry.show_if("LANGUAGE_CURRENT", language == fill.texts().language());
    }
}

std::string Engine::render(std::string_view page, PageContext const& context, Brand const& fallback,
                           std::function<void(Fill&)> const& fill) const {
    Catalogue const& texts = this->texts(context.language);
    ctemplate::TemplateDictionary dictionary{"page"};
    Fill values{dictionary, texts, inputs_.find(page)->second};
    fill_frame(values, context, context.brand.name.empty() ? fallback : context.brand);
    fill(values);
    std::string out;
    if (!cache_->templates.ExpandNoLoad(template_key(texts.language(), page), ctemplate::STRIP_BLANK_LINES, &dictionary,
                                        nullptr, &out))
        throw Fault{"pages: cannot render " + std::string{page}};
    return out;
}

}  // namespace zephyr::pages
