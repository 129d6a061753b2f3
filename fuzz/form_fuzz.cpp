// Whole requests from hostile text: method, target and headers by line, then a form body. Whatever comes, App answers,
// faults on nothing, and reaches the guarded handler never.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "zephyr/foundation/text.h"
#include "zephyr/http/app.h"
#include "zephyr/http/problem.h"

namespace {

using namespace zephyr::http;

class NobodyJudge final : public GuardJudge {
public:
    Decision judge(Demand const& demand, Request const&) override {
        if (demand.what == Demand::What::open) return Admitted{};
        return problem(401, "auth.required");
    }
    std::optional<SessionHolder> visitor(Request const&) override { return std::nullopt; }
};

struct Fixture {
    NobodyJudge judge;
    zephyr::NullLog log;
    App app{judge, log};

    Fixture() {
        app.trust(TrustedProxies::parse({"192.0.2.1"}, ForwardedStyle::forwarded).value());
        app.get("/admin/{page}", require_login, [](Request const&) -> Response { std::abort(); });
        app.post("/admin/{page}", require_login, [](Request const&) -> Response { std::abort(); });
        app.post("/{page}", open_to_all("anything may be sent here"), [](Request const& request) {
            if (request.path.starts_with("/admin/")) std::abort();
            std::string out = request.parameter("page");
            for (auto const& [name, value] : request.form_fields())
                out += name + value + request.form(name).value_or("");
            for (auto const& [name, value] : request.query_fields())
                out += name + value + request.query(name).value_or("");
            return Response::text(request.wants_html() ? 200 : 201,
                                  out + request.cookie("s").value_or("") + request.client_address);
        });
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static Fixture fixture;
    std::string_view text{reinterpret_cast<char const*>(data), size};
    auto const line = [&] {
        auto const end = std::min(text.find('\n'), text.size());
        auto const first = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return std::string{first};
    };
    Request request;
    request.method = method_from(line());
    request.target = line();
    request.peer_address = "192.0.2.1";
    for (auto header = line(); !header.empty() && request.headers.all().size() < 20; header = line()) {
        auto const colon = std::min(header.find(':'), header.size());
        request.headers.add(header.substr(0, colon), header.substr(std::min(colon + 1, header.size())));
    }
    request.body = text;
    static_cast<void>(fixture.app.runs_inline(request));
    if (fixture.app.dispatch(std::move(request)).status >= 500) std::abort();
    return 0;
}
