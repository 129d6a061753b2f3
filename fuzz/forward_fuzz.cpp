// What a proxy says about a request, and the rule that comes of it. Lines of the input: scheme, authority, target, header lines.
// Invariants: one spelling of a host stays one spelling; a rule is chosen for a path only if every segment of it stands at the path's
// beginning, and no longer one does; what is told to applications is visible ASCII and decodes to what it was.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "routes/forward_request.h"
#include "zephyr/forward/identity.h"
#include "zephyr/forward/rule_book.h"
#include "zephyr/foundation/text.h"

namespace {

using namespace zephyr;

void demand(bool holds) {
    if (!holds) std::abort();
}

forward::RuleBook const& book() {
    static auto const rules =
        forward::RuleBook::parse({"a.test", "b.test/x open", "b.test/x/y role:staff", "b.test/admin mfa", "c.test/p", "c.test login"});
    return rules.value();
}

bool begins_with(std::string_view path, std::string_view prefix) {
    if (prefix == "/") return true;
    auto const parts = split(path, '/');
    auto const wanted = split(prefix, '/');
    return parts.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), parts.begin());
}

void check_rule(encoding::Origin const& origin, std::optional<std::string> const& path) {
    auto const chosen = book().match(origin.host, path);
    if (!chosen.ok()) return;
    auto const& rule = *chosen.value();
    demand(rule.host == origin.host);
    if (!path) {
        demand(origin.host == "a.test");
        return;
    }
    demand(begins_with(*path, rule.path));
    for (auto const* other : book().all()) {
        if (other->host == rule.host && begins_with(*path, other->path)) demand(other->path.size() <= rule.path.size());
    }
}

void check_headers(std::string_view text) {
    auto const headers = forward::headers_of({.user = std::string{text}, .groups = {std::string{text}, "x"}});
    if (!headers.ok()) return;
    for (auto const& [name, value] : headers.value()) {
        for (char const c : value) demand(c >= 0x20 && c < 0x7f);
    }
    auto const back = encoding::percent_decode(headers.value()[0].second);
    demand(back.ok() && back.value() == text);
    demand(split(headers.value()[3].second, ',').size() == 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const input{reinterpret_cast<char const*>(data), size};
    auto const lines = split(input, '\n');
    check_headers(input);
    if (lines.size() < 3) return 0;
    if (auto const origin = forward::origin_of(lines[0], lines[1])) {
        auto const again = encoding::parse_origin(origin->str());
        demand(again.ok() && again.value() == *origin);
        check_rule(*origin, routes::readable_path(lines[2]));
    }
    (void)forward::RuleBook::parse({std::string{lines[1]} + std::string{lines[2]}});

    http::Request request;
    request.target = lines[2];
    for (std::size_t i = 3; i < lines.size(); ++i) {
        auto const colon = lines[i].find(':');
        if (colon != std::string_view::npos)
            request.headers.add(std::string{lines[i].substr(0, colon)}, std::string{trim(lines[i].substr(colon + 1))});
    }
    if (auto const asked = routes::read_asked(request, book()); asked.ok())
        check_rule(asked.value().origin, routes::readable_path(asked.value().target));
    return 0;
}
