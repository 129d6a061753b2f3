// A judge for tests of this room: believes the header X-Test-User, "name" or "name:role,role", and X-Test-Pending.
// Decides every kind of demand, so that guards can be tested without sessions.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "zephyr/foundation/text.h"
#include "zephyr/http/guard.h"
#include "zephyr/http/problem.h"

namespace zephyr::testing {

class HeaderJudge : public http::GuardJudge {
public:
    std::vector<std::string> judged;  // "GET /path" of every request it was asked about

    http::Decision judge(http::Demand const& demand, http::Request const& request) override {
        judged.push_back(std::string{to_string(request.method)} + " " + request.path);
        auto holder = visitor(request);
        if (auto const refusal = decide(demand, holder); !refusal.empty()) {
            return http::problem(refusal == "auth.required" ? 401 : 403, refusal);
        }
        bool const principal = holder && holder->pending.empty();
        return http::Admitted{demand.what == http::Demand::What::open ? std::nullopt : holder, principal};
    }

    std::optional<http::SessionHolder> visitor(http::Request const& request) override {
        auto const header = request.headers.get("X-Test-User");
        if (!header) return std::nullopt;
        auto const parts = split(*header, ':');
        http::SessionHolder holder{UserId::trusted("u-" + std::string{parts[0]}),
                                   std::string{parts[0]},
                                   {},
                                   SessionRef::trusted("s"),
                                   {},
                                   {},
                                   {},
                                   {}};
        if (parts.size() > 1) {
            for (auto const role : split(parts[1], ',')) holder.roles.emplace_back(role);
        }
        holder.pending = request.headers.get("X-Test-Pending").value_or("");
        return holder;
    }

    bool knows_rule(std::string_view rule) const override { return rule == "office-hours"; }

private:
    // The id of the refusal; empty to admit.
    static std::string decide(http::Demand const& demand, std::optional<http::SessionHolder> const& holder) {
        using What = http::Demand::What;
        if (demand.what == What::open) return {};
        if (demand.what == What::all) {
            for (auto const& child : demand.children) {
                if (auto refusal = decide(child, holder); !refusal.empty()) return refusal;
            }
            return demand.children.empty() ? "guard.empty" : "";
        }
        if (demand.what == What::any) {
            std::string last = "guard.empty";
            for (auto const& child : demand.children) {
                last = decide(child, holder);
                if (last.empty()) return {};
            }
            return last;
        }
        if (!holder) return "auth.required";
        if (demand.what == What::login) return holder->pending;
        if (demand.what == What::role) return holder->has_role(demand.name) ? "" : "rbac.denied";
        return demand.what == What::session ? "" : "guard.unknown";
    }
};

inline http::Request request_for(http::Method method, std::string target, http::Headers headers = {},
                                 std::string body = {}) {
    http::Request request;
    request.method = method;
    request.target = std::move(target);
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.peer_address = "192.0.2.1";
    return request;
}

}  // namespace zephyr::testing
