#include "zephyr/http/request.h"

#include <algorithm>
#include <array>
#include <functional>

#include "http/characters.h"
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

// Room for an answer with everything that middleware adds to it.
constexpr std::size_t usual_fields = 24;
constexpr std::size_t usual_bytes = 1024;

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

void Headers::add(std::string_view name, std::string_view value) {
    // A field copied from these Headers themselves: the first of the two appends may move the text away under the
    // second.
    auto const inside = [&](std::string_view text) {
        return !std::less<>{}(text.data(), text_.data()) && std::less<>{}(text.data(), text_.data() + text_.size());
    };
    if (inside(name) || inside(value)) return add(std::string{name}, std::string{value});
    if (fields_.capacity() == 0) reserve(usual_fields, usual_bytes);
    if (text_.size() + name.size() + value.size() > UINT32_MAX) throw Fault{"headers of more than 4 GiB"};
    fields_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(value.size())});
    text_ += name;
    text_ += value;
}

void Headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

// Its bytes stay in the text: removing is rare, and Headers live as long as one request.
void Headers::remove(std::string_view name) {
    std::erase_if(fields_, [&](Field const& field) { return detail::is_same_name(view(field).name, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
    std::optional<std::string_view> found;
    for (auto const& field : fields_) {
        if (field.name_size != name.size() || !detail::is_same_name(view(field).name, name)) continue;
        if (found) return std::nullopt;
        found = view(field).value;
    }
    return found;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(), [&](Field const& field) {
        return field.name_size == name.size() && detail::is_same_name(view(field).name, name);
    }));
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
    fields_.reserve(fields);
    text_.reserve(bytes);
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
