#include "zbench/flow.h"

#include <memory>

namespace zbench {

namespace {

class Scripts {
public:
    explicit Scripts(FlowOptions const& options) : options_{options} {}

    Step get(std::string const& name, std::string const& path, int status, std::string const& expect) const {
        return {.name = name, .request = [headers = options_.headers, path](Visitor&) { return Outgoing{"GET", path, headers, {}}; },
                .status = status, .expect = expect};
    }

    // Signs in for a cookie.
    Step log_in() const {
        return {.name = "login", .request = [this](Visitor& who) { return post("/auth/login", credentials(who)); }, .expect = "\"user\""};
    }
    Step log_out() const {
        return {.name = "logout", .request = [this](Visitor&) { return post("/auth/logout", "{}"); }};
    }
    Step me() const { return get("me", "/auth/me", 200, "\"username\""); }

    // Signs in for an access and a refresh token.
    Step tokens() const {
        return {.name = "token",
                .request = [this](Visitor& who) { return post("/auth/token", credentials(who)); },
                .learn = take_tokens};
    }
    Step refresh() const {
        return {.name = "refresh",
                .request = [this](Visitor& who) { return post("/auth/refresh", "{\"refresh_token\":\"" + who.refresh_token + "\"}"); },
                .learn = take_tokens};
    }
    Step bearer_me() const {
        auto step = me();
        step.request = [headers = options_.headers](Visitor& who) {
            Outgoing out{"GET", "/auth/me", headers, {}};
            out.headers.emplace_back("Authorization", "Bearer " + who.access_token);
            return out;
        };
        return step;
    }
    // What a reverse proxy asks before it lets a request through. Asking for the server's own host, where its cookie counts.
    Step forward(std::string const& path) const {
        auto headers = options_.headers;
        headers.insert(headers.end(), {{"X-Forwarded-Method", "GET"},
                                       {"X-Forwarded-Proto", "http"},
                                       {"X-Forwarded-Host", options_.host},
                                       {"X-Forwarded-Uri", "/reports"}});
        return {.name = "forward",
                .request = [headers, path](Visitor&) { return Outgoing{"GET", path, headers, {}}; },
                .status = options_.status};
    }

private:
    static bool take_tokens(Visitor& who, Incoming const& answer) {
        who.access_token = json_text(answer.body, "access_token");
        if (auto next = json_text(answer.body, "refresh_token"); !next.empty()) who.refresh_token = std::move(next);
        return !who.access_token.empty();
    }
    std::string credentials(Visitor const& who) const {
        return "{\"username\":\"" + options_.user_prefix + std::to_string(who.number % options_.users) + "\",\"password\":\"" +
               options_.password + "\"}";
    }
    Outgoing post(std::string const& path, std::string body) const {
        Outgoing out{"POST", path, options_.headers, std::move(body)};
        out.headers.emplace_back("Content-Type", "application/json");
        return out;
    }

    FlowOptions options_;
};

}  // namespace

std::vector<FlowName> flow_names() {
    return {{"get", "GET the path of the URL (--status, --expect say what must come back)"},
            {"login", "sign in, over the users u0, u1 …"},
            {"me", "sign in once, then GET /auth/me with the cookie"},
            {"session", "sign in, who am I, sign out"},
            {"bearer", "get a token once, then GET /auth/me with it"},
            {"refresh", "get tokens once, then redeem each refresh token for the next"},
            {"forward-auth", "sign in once, then ask the forward-auth path of the URL (default /auth/forward) with the cookie"},
            {"jwks", "GET /.well-known/jwks.json"}};
}

std::optional<Flow> make_flow(std::string_view name, FlowOptions const& options) {
    // Steps outlive this function; what they use lives as long as they do.
    auto const scripts = std::make_shared<Scripts>(options);
    auto const keep = [&scripts](Step step) {
        step.request = [scripts, inner = std::move(step.request)](Visitor& who) { return inner(who); };
        return step;
    };
    if (name == "get") return Flow{{}, {keep(scripts->get("get", options.path, options.status, options.expect))}};
    if (name == "login") return Flow{{}, {keep(scripts->log_in())}};
    if (name == "me") return Flow{{keep(scripts->log_in())}, {keep(scripts->me())}};
    if (name == "session") return Flow{{}, {keep(scripts->log_in()), keep(scripts->me()), keep(scripts->log_out())}};
    if (name == "bearer") return Flow{{keep(scripts->tokens())}, {keep(scripts->bearer_me())}};
    if (name == "refresh") return Flow{{keep(scripts->tokens())}, {keep(scripts->refresh())}};
    if (name == "forward-auth") {
        return Flow{{keep(scripts->log_in())}, {keep(scripts->forward(options.path == "/" ? "/auth/forward" : options.path))}};
    }
    if (name == "jwks") return Flow{{}, {keep(scripts->get("jwks", "/.well-known/jwks.json", 200, "\"keys\""))}};
    return std::nullopt;
}

}  // namespace zbench
