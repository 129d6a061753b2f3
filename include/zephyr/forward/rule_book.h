// Which hosts and paths are protected, and what each demands: the lines of forward_auth.rules.
//
//   app.example.com                           a login is enough
//   wiki.example.com role:staff               … and the role
//   wiki.example.com/admin role:admin mfa:15m … and a second factor proved in the last 15 minutes
//   status.example.com open                   anybody
//
// What no line names is refused. Of the paths that are prefixes of the one asked for, the longest decides; a prefix ends
// at a segment's end: "/admin" is for /admin and /admin/users, not for /administrator.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/encoding/url.h"
#include "zephyr/forward/errors.h"
#include "zephyr/foundation/result.h"

namespace zephyr::forward {

struct Demand {
    enum class What { role, permission, mfa };
    What what = What::role;
    std::string name = {};           // of the role or permission
    std::chrono::seconds within{0};  // mfa: how old the proof may be; 0: any age
    bool operator==(Demand const&) const = default;
};

struct Rule {
    std::string host;  // in its one spelling
    std::string path;  // "/", or a prefix without '/' at its end
    bool open = false;
    std::vector<Demand> demands;  // beyond a login, in the order written

    std::string print() const;  // "wiki.example.com/admin role:admin mfa:15m"
};

class RuleBook {
public:
    // Fails with rule_malformed; the reason quotes the line and says what is wrong with it. No lines, no rules.
    static Result<RuleBook> parse(std::vector<std::string> const& lines);

    bool empty() const { return by_host_.empty(); }
    // Every rule, by host, the longest path first. They live as long as the book.
    std::vector<Rule const*> all() const;
    bool lists(std::string_view host) const { return by_host_.find(host) != by_host_.end(); }
    // False where one rule is for the whole host, and for a host without any: nothing depends on the path there.
    bool minds_paths(std::string_view host) const;
    // `host` in its one spelling (see origin_of), `path` decoded once and accepted by the URL firewall, or nothing when it
    // could be read in two ways. A path that meets another rule when letter case, and dots and blanks at a segment's end,
    // are ignored, is ambiguous too: some file systems ignore them. Fails with host_unlisted, path_unlisted,
    // path_ambiguous. The rule lives as long as the book.
    Result<Rule const*> match(std::string_view host, std::optional<std::string_view> path) const;

    // origin_of() below, without the work of it where the host stands in this book as it is written: nearly always.
    std::optional<encoding::Origin> origin_of(std::string_view scheme, std::string_view authority) const;

    static constexpr std::size_t max_path_bytes = 512;

private:
    // The longest path first.
    std::map<std::string, std::vector<Rule>, std::less<>> by_host_;
};

// Scheme and authority as a proxy reports them, "https" and "App.Example.com.:443", in one spelling. Nothing for an
// authority that is no host, or a scheme other than http and https.
std::optional<encoding::Origin> origin_of(std::string_view scheme, std::string_view authority);

}  // namespace zephyr::forward
