#include "zephyr/http/request.h"

#include <algorithm>
#include <array>

#include "zephyr/encoding/url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/cookies.h"

namespace zephyr::http {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::array<std::pair<Method, std::string_view>, 7> method_names{{{Method::get, "GET"},
                                                                           {Method::head, "HEAD"},
                                                                           {Method::post, "POST"},
                                                                           {Method::put, "PUT"},
                                                                           {Method::patch, "PATCH"},
                                                                           {Method::del, "DELETE"},
                                                                           {Method::options, "OPTIONS"}}};

std::optional<std::string> only(Fields const& fields, std::string_view name) {
    std::optional<std::string> found;
    for (auto const& [key, value] : fields) {
        if (key != name) continue;
        if (found) return std::nullopt;
        found = value;
    }
    return found;
}

Fields parse(std::string_view text) {
    auto fields = encoding::parse_form(text);
    return fields.ok() ? std::move(fields).value() : Fields{};
}

// The type without its parameters: "application/json; charset=utf-8" is JSON.
std::string media_type(Headers const& headers) {
    auto const value = headers.get("Content-Type").value_or("");
    return ascii_lower(trim(value.substr(0, value.find(';'))));
}

}  // namespace

std::string_view to_string(Method method) {
    for (auto const& [known, name] : method_names) {
        if (known == method) return name;
    }
    return "OTHER";
}

// RFC 9110 9.1: "The method token is case-sensitive".
Method method_from(std::string_view text) {
    for (auto const& [known, name] : method_names) {
        if (name == text) return known;
    }
    return Method::other;
}

bool is_safe(Method method) {
    return method == Method::get || method == Method::head || method == Method::options;
}

void Headers::set(std::string_view name, std::string value) {
    remove(name);
    list_.push_back({std::string{name}, std::move(value)});
}

void Headers::remove(std::string_view name) {
    std::erase_if(list_, [&](Header const& header) { return equals_ignoring_case(header.name, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
    std::optional<std::string_view> found;
    for (auto const& header : list_) {
        if (!equals_ignoring_case(header.name, name)) continue;
        if (found) return std::nullopt;
        found = header.value;
    }
    return found;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        list_.begin(), list_.end(), [&](Header const& header) { return equals_ignoring_case(header.name, name); }));
}

Fields Request::query_fields() const {
    auto const mark = target.find('?');
    return mark == std::string::npos ? Fields{} : parse(std::string_view{target}.substr(mark + 1));
}

std::optional<std::string> Request::query(std::string_view name) const {
    return only(query_fields(), name);
}

std::vector<std::string> Request::query_all(std::string_view name) const {
    std::vector<std::string> values;
    for (auto& [key, value] : query_fields()) {
        if (key == name) values.push_back(std::move(value));
    }
    return values;
}

Fields Request::form_fields() const {
    return has_form_body() ? parse(body) : Fields{};
}

std::optional<std::string> Request::form(std::string_view name) const {
    return only(form_fields(), name);
}

bool Request::has_form_body() const {
    return media_type(headers) == "application/x-www-form-urlencoded";
}

bool Request::has_json_body() const {
    return media_type(headers) == "application/json";
}

std::optional<std::string> Request::cookie(std::string_view name) const {
    auto const header = headers.get("Cookie");
    return header ? cookie_from(*header, name) : std::nullopt;
}

std::string const& Request::parameter(std::string_view name) const {
    auto const found = path_parameters.find(name);
    if (found == path_parameters.end()) throw Fault{"the route " + route + " has no parameter " + std::string{name}};
    return found->second;
}

bool Request::wants_html() const {
    auto const accept = headers.get("Accept");
    if (!accept) return false;
    for (auto const range : split(*accept, ',')) {
        auto const type = ascii_lower(trim(range.substr(0, range.find(';'))));
        if (type == "text/html" || type == "application/xhtml+xml") return true;
        if (type == "application/json" || type == "application/problem+json") return false;
    }
    return false;
}

}  // namespace zephyr::http
