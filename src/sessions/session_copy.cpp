#include "sessions/session_copy.h"

#include <algorithm>

#include "zephyr/encoding/base64url.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::sessions {

using encoding::Json;

namespace {

Json factors_json(std::vector<Factor> const& factors) {
    Json list = Json::array();
    for (auto const& factor : factors) list.push(Json::object({{"name", factor.name}, {"at", to_millis(factor.at)}, {"second", factor.second}}));
    return list;
}

std::optional<std::vector<Factor>> factors_from(Json const* list) {
    if (list == nullptr || list->items() == nullptr) return std::nullopt;
    std::vector<Factor> factors;
    for (auto const& item : *list->items()) {
        auto const name = item.string_at("name");
        auto const* at = item.find("at");
        if (!name || at == nullptr || !at->integer()) return std::nullopt;
        // Sessions from before this member: what counted then counts still.
        bool second = *name != "pwd" && *name != "email";
        if (auto const* said = item.find("second")) {
            if (!said->boolean()) return std::nullopt;
            second = *said->boolean();
        }
        factors.push_back({*name, from_millis(*at->integer()), second});
    }
    return factors;
}

std::optional<TimePoint> time_at(Json const& object, std::string_view name) {
    auto const* member = object.find(name);
    if (member == nullptr || !member->integer()) return std::nullopt;
    return from_millis(*member->integer());
}

// The row text lives as long as the Place that views it.
std::string bound_to(SessionRef const& ref, ByteView token_hash) { return ref.str() + "/" + encoding::base64url_encode(token_hash); }

std::optional<Session> read_copy(std::string_view text) {
    auto const parsed = encoding::parse_json(text);
    if (!parsed.ok()) return std::nullopt;
    auto const& json = parsed.value();
    auto const user = json.string_at("user");
    auto const pending = json.string_at("pending");
    auto factors = factors_from(json.find("factors"));
    auto const created = time_at(json, "created");
    auto const seen = time_at(json, "seen");
    auto const ends = time_at(json, "ends");
    auto const* remembered = json.find("remembered");
    if (!user || !pending || !factors || !created || !seen || !ends || remembered == nullptr || !remembered->boolean()) return std::nullopt;
    Session session;
    session.user = UserId::trusted(*user);
    session.pending = *pending;
    session.factors = *std::move(factors);
    session.created_at = *created;
    session.last_seen_at = *seen;
    session.expires_at = *ends;
    session.remembered = *remembered->boolean();
    session.address = json.string_at("address").value_or("");
    session.user_agent = json.string_at("user_agent").value_or("");
    return session;
}

}  // namespace

std::string write_factors(std::vector<Factor> const& factors) { return factors_json(factors).dump(); }

std::optional<std::vector<Factor>> parse_factors(std::string_view text) {
    auto const parsed = encoding::parse_json(text);
    if (!parsed.ok()) return std::nullopt;
    return factors_from(&parsed.value());
}

std::vector<Factor> read_factors(std::string const& text) {
    auto factors = parse_factors(text);
    if (!factors) throw Fault{"session: damaged factors column"};
    return *std::move(factors);
}

Bytes seal_copy(crypto::Sealer const& sealer, std::string_view kept_in, SessionStore::Row const& row) {
    auto const& session = row.session;
    auto const content = Json::object({{"user", session.user.str()},
                                       {"pending", session.pending},
                                       {"factors", factors_json(session.factors)},
                                       {"created", to_millis(session.created_at)},
                                       {"seen", to_millis(session.last_seen_at)},
                                       {"ends", to_millis(session.expires_at)},
                                       {"remembered", session.remembered},
                                       {"address", session.address},
                                       {"user_agent", session.user_agent}});
    auto const bound = bound_to(session.ref, row.token_hash);
    return sealer.seal({"session_copy", bound, kept_in}, as_bytes(content.dump()));
}

std::optional<Session> open_copy(crypto::Sealer const& sealer, std::string_view kept_in, ByteView token_hash,
                                 SqlSessionStore::Standing const& standing, ByteView sealed) {
    auto const bound = bound_to(standing.ref, token_hash);
    auto const opened = sealer.open({"session_copy", bound, kept_in}, sealed);
    if (!opened.ok()) return std::nullopt;
    auto session = read_copy(as_text(opened.value().reveal()));
    if (!session) return std::nullopt;
    if (session->user != standing.user || session->pending != standing.pending || session->expires_at != standing.expires_at) {
        return std::nullopt;
    }
    session->ref = standing.ref;
    session->last_seen_at = std::max(session->last_seen_at, standing.last_seen_at);
    return session;
}

}  // namespace zephyr::sessions
