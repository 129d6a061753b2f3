#include "pages/static_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "zephyr/foundation/text.h"

namespace zephyr::pages {

namespace {

constexpr std::pair<std::string_view, std::string_view> types[] = {{"css", "text/css; charset=utf-8"},
                                                                   {"js", "text/javascript; charset=utf-8"},
                                                                   {"svg", "image/svg+xml"},
                                                                   {"png", "image/png"},
                                                                   {"ico", "image/x-icon"}};

std::string_view type_of(std::string_view extension) {
    for (auto const& [known, type] : types)
        if (known == extension) return type;
    return {};
}

bool plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

std::optional<StaticName> parse_static_path(std::string_view path) {
    constexpr std::string_view folder = "/static/";
    if (!path.starts_with(folder) || path.size() > 128) return std::nullopt;
    path.remove_prefix(folder.size());
    auto const parts = split(path, '.');
    if (parts.size() != 2 && parts.size() != 3) return std::nullopt;
    for (auto const part : parts)
        if (part.empty() || !std::all_of(part.begin(), part.end(), plain)) return std::nullopt;
    if (type_of(parts.back()).empty()) return std::nullopt;
    StaticName out{std::string{parts.front()} + "." + std::string{parts.back()}, {}};
    if (parts.size() == 3) out.hash = parts[1];
    return out;
}

std::string content_hash(std::string_view content) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (char const c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return fmt::format("{:016x}", hash);
}

std::string hashed_path(std::string_view name, std::string_view content) {
    auto const dot = name.rfind('.');
    return fmt::format("/static/{}.{}{}", name.substr(0, dot), content_hash(content), name.substr(dot));
}

StaticFile make_static_file(StaticName const& name, std::string content) {
    std::string const hash = content_hash(content);
    // A stale hash, from a page of the version before, gets today's file but no promise to keep it.
    bool const lasting = name.hash == hash;
    return {std::string{type_of(std::string_view{name.name}.substr(name.name.rfind('.') + 1))}, "\"" + hash + "\"",
            lasting ? "public, max-age=31536000, immutable" : "no-cache", std::move(content)};
}

}  // namespace zephyr::pages
