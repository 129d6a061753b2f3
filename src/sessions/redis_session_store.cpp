#include "zephyr/sessions/redis_session_store.h"

#include <algorithm>

#include "sessions/session_copy.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::sessions {

namespace {

constexpr std::string_view kept_in = "redis";
// In front of each sealed copy stands its last_seen_at, for the script below. It is believed only if the sealed one says the same.
constexpr std::size_t stamp_digits = 13;  // milliseconds, until the year 2286

// Of two racing writers the later activity stays.
constexpr char keep_newer[] =
    "local held = redis.call('GETRANGE', KEYS[1], 0, 12) "
    "if string.len(held) == 13 and tonumber(held) and tonumber(held) >= tonumber(ARGV[1]) then return 0 end "
    "redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) "
    "return 1";

std::string key_of(ByteView token_hash) { return "zephyr:s:" + encoding::base64url_encode(token_hash); }

SqlSessionStore::Standing standing_of(Session const& session) {
    return {session.ref, session.user, session.pending, session.last_seen_at, session.expires_at};
}

std::optional<Session> read_copy(crypto::Sealer const& sealer, ByteView token_hash, SqlSessionStore::Standing const& standing,
                                 ports::RedisReply const& reply) {
    if (!reply.is_text() || reply.text.size() <= stamp_digits) return std::nullopt;
    std::string_view const text = reply.text;
    auto const stamp = parse_integer(text.substr(0, stamp_digits));
    auto copy = open_copy(sealer, kept_in, token_hash, standing, as_bytes(text.substr(stamp_digits)));
    // A stamp ahead of the copy would keep newer activity out.
    if (!copy || !stamp || from_millis(*stamp) > copy->last_seen_at) return std::nullopt;
    return copy;
}

}  // namespace

bool RedisSessionStore::keep(Row const& row, bool even_if_older) {
    auto const left = std::min(row.session.expires_at - clock_.now(), idle_);
    auto const stamp = std::to_string(to_millis(row.session.last_seen_at));
    if (left <= 0ms || stamp.size() != stamp_digits) return false;
    auto const sealed = to_text(seal_copy(sealer_, kept_in, row));
    auto const key = key_of(row.token_hash);
    auto const lifetime = std::to_string(left.count());
    auto const reply = even_if_older ? redis_.command({"SET", key, stamp + sealed, "PX", lifetime})
                                     : redis_.command({"EVAL", keep_newer, "1", key, stamp, sealed, lifetime});
    return reply.ok() && !reply.value().is_error();
}

std::optional<Session> RedisSessionStore::find_by_token(ByteView token_hash, std::string_view carried) {
    if (!carried.empty()) return std::nullopt;
    auto const standing = truth_.standing(token_hash);
    if (!standing) return std::nullopt;
    auto const reply = redis_.command({"GET", key_of(token_hash)});
    if (reply.ok()) {
        if (auto copy = read_copy(sealer_, token_hash, *standing, reply.value())) return copy;
    }
    auto session = truth_.find_by_token(token_hash, {});
    if (session && reply.ok()) keep({*session, to_bytes(token_hash)}, true);
    return session;
}

std::optional<SessionStore::Row> RedisSessionStore::find(SessionRef const& ref) {
    auto row = truth_.find(ref);
    if (!row) return std::nullopt;
    auto const reply = redis_.command({"GET", key_of(row->token_hash)});
    if (!reply.ok()) return row;
    if (auto const copy = read_copy(sealer_, row->token_hash, standing_of(row->session), reply.value())) {
        row->session.last_seen_at = copy->last_seen_at;
    }
    return row;
}

std::vector<Session> RedisSessionStore::with_activity(std::vector<Row> rows) {
    std::vector<std::string> question{"MGET"};
    for (auto const& row : rows) question.push_back(key_of(row.token_hash));
    std::vector<ports::RedisReply> copies;
    if (!rows.empty()) {
        if (auto reply = redis_.command(question); reply.ok()) copies = std::move(reply).value().items;
    }
    std::vector<Session> sessions;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto& session = rows[i].session;
        auto const copy = i < copies.size() ? read_copy(sealer_, rows[i].token_hash, standing_of(session), copies[i]) : std::nullopt;
        if (copy) session.last_seen_at = copy->last_seen_at;
        sessions.push_back(std::move(session));
    }
    return sessions;
}

std::vector<Session> RedisSessionStore::list(UserId const& user) { return with_activity(truth_.rows_of(user)); }

std::vector<Session> RedisSessionStore::list_all(SessionRef const& after, std::size_t limit) {
    return with_activity(truth_.page_of_rows(after, limit));
}

void RedisSessionStore::touch(SessionRef const& ref, TimePoint now) {
    auto row = truth_.find(ref);
    if (!row || row->session.last_seen_at >= now) return;
    bool const behind = now - row->session.last_seen_at >= idle_ / 4;
    row->session.last_seen_at = now;
    if (!keep(*row, false) || behind) truth_.touch(ref, now);
}

}  // namespace zephyr::sessions
