#include "zephyr/pages/pages.h"

#include <algorithm>
#include <charconv>

#include "pages/page_body.h"
#include "zephyr/foundation/text.h"

namespace zephyr::pages {

namespace {

// RFC 9110 12.5.4: "de-AT, de;q=0.8, en;q=0.5". The best range of ours wins; "de-AT" is served by "de".
// Unreadable weights count as 0, and a long header is read no further than its first 20 ranges.
std::string preferred_language(std::string_view header, Engine const& engine) {
    std::string best;
    double best_weight = 0;
    int left = 20;
    for (std::string_view const range : split(header, ',')) {
        if (left-- == 0) break;
        auto const parts = split(range, ';');
        std::string const tag = ascii_lower(trim(parts[0]));
        double weight = 1;
        if (parts.size() > 1) {
            std::string_view const q = trim(parts[1]);
            bool const readable = q.size() >= 3 && q.size() <= 7 && q.starts_with("q=") && (q[2] == '0' || q[2] == '1');
            weight = 0;
            if (readable) std::from_chars(q.data() + 2, q.data() + q.size(), weight);
        }
        std::string const primary{tag.substr(0, tag.find('-'))};
        if (weight > best_weight && engine.has_language(primary)) {
            best = primary;
            best_weight = weight;
        }
    }
    return best;
}

}  // namespace

std::string safe_return_to(std::string_view text, std::string_view otherwise) {
    // A browser reads '\' as '/', drops tabs and line ends, and takes "//host" for another server.
    bool const ours = text.starts_with('/') && !text.starts_with("//") && text.find('\\') == std::string_view::npos &&
                      text.size() <= 2048 && std::all_of(text.begin(), text.end(), [](char c) {
                          return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
                      });
    return std::string{ours ? text : otherwise};
}

std::shared_ptr<Engine const> Pages::Body::engine() const {
    if (settings.web_dir.empty()) return fixed;
    return std::make_shared<Engine const>(web_files_on_disk(settings.web_dir));
}

Pages::Pages(PagesSettings settings) : body_{std::make_unique<Body>()} {
    body_->settings = std::move(settings);
    auto const& web_dir = body_->settings.web_dir;
    body_->fixed = std::make_shared<Engine const>(web_dir.empty() ? embedded_web_files() : web_files_on_disk(web_dir));
}

Pages::~Pages() = default;

std::string Pages::language_for(http::Request const& request) const {
    auto const engine = body_->engine();
    if (auto const asked = request.query("lang"); asked && engine->has_language(*asked)) return *asked;
    if (auto const kept = request.cookie("lang"); kept && engine->has_language(*kept)) return *kept;
    if (auto const accept = request.headers.get("accept-language")) {
        if (auto const best = preferred_language(*accept, *engine); !best.empty()) return best;
    }
    return "en";
}

std::optional<http::Cookie> Pages::language_cookie(http::Request const& request) const {
    auto const asked = request.query("lang");
    if (!asked || !body_->engine()->has_language(*asked)) return std::nullopt;
    http::Cookie cookie;
    cookie.name = "lang";
    cookie.value = *asked;
    cookie.secure = request.scheme == "https";  // no secret: it must also work on a plain-text development port
    cookie.max_age = std::chrono::hours{24 * 365};
    return cookie;
}

PageContext Pages::context_for(http::Request const& request) const {
    PageContext context;
    context.language = language_for(request);
    context.theme = request.cookie("theme").value_or("");
    context.csp_nonce = request.csp_nonce;
    context.brand = body_->settings.brand;
    context.return_to = safe_return_to(request.query("return_to").value_or(""), "");
    if (context.return_to.empty() && request.has_form_body())
        context.return_to = safe_return_to(request.form("return_to").value_or(""), "");
    context.request_path = request.path;
    return context;
}

std::vector<std::string> Pages::languages() const {
    return body_->engine()->languages();
}

std::optional<StaticFile> Pages::static_file(std::string_view path) const {
    auto const name = parse_static_path(path);
    if (!name) return std::nullopt;
    auto const engine = body_->engine();
    auto const* content = engine->static_content(name->name);
    if (content == nullptr) return std::nullopt;
    return make_static_file(*name, *content);
}

std::optional<http::Response> Pages::static_response(http::Request const& request) const {
    auto file = static_file(request.path);
    if (!file) return std::nullopt;
    http::Response response;
    response.headers.add("ETag", file->etag);
    response.headers.add("Cache-Control", file->cache_control);
    auto const known = request.headers.get("if-none-match");
    if (known && (*known == "*" || known->find(file->etag) != std::string_view::npos)) {
        response.status = 304;
        return response;
    }
    response.headers.add("Content-Type", file->content_type);
    response.body = std::move(file->body);
    return response;
}

}  // namespace zephyr::pages
