#include "storage/postgres_connection.h"

#include <charconv>
#include <pqxx/pqxx>

#include "storage/values.h"

namespace zephyr::storage {

namespace {

// Statement texts are constants in the stores; lists of a varying length make more, which then go unprepared.
constexpr std::size_t most_prepared = 256;
// What the news that a statement was cancelled may take to get here.
constexpr std::chrono::seconds answer_margin{1};

// Type numbers of PostgreSQL's catalogue (pg_type.dat), which never change.
namespace oid {
constexpr unsigned boolean = 16, bytea = 17, name = 19, int8 = 20, int2 = 21, int4 = 23, text = 25, unknown = 705,
                   bpchar = 1042, varchar = 1043, numeric = 1700, void_type = 2278;
}

// Adds parameters the caller has not set himself.
std::string complete(PostgresSettings const& settings) {
    auto out = settings.uri;
    bool const is_uri = out.starts_with("postgresql://") || out.starts_with("postgres://");
    bool first = out.find('?') == std::string::npos;
    auto const add = [&](std::string const& key, std::string const& value) {
        if (out.find(key + "=") != std::string::npos) return;
        out += is_uri ? (first ? "?" : "&") : " ";
        first = false;
        out += key + "=" + value;
    };
    auto const seconds = std::chrono::ceil<std::chrono::seconds>(settings.connect_timeout).count();
    add("connect_timeout", std::to_string(seconds));
    add("application_name", "zephyr");
    // A server that is silently gone: found out by the kernel soon after the server itself would have given up.
    auto const patience = settings.statement_timeout + std::chrono::seconds{2};
    add("tcp_user_timeout", std::to_string(patience.count()));
    add("keepalives_idle", "10");
    add("keepalives_interval", "2");
    add("keepalives_count", "3");
    return out;
}

// Parameters travel as text, with the types PostgreSQL infers from the statement; nothing for NULL.
std::optional<std::string> to_parameter(Value const& value) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (auto const* text = std::get_if<std::string>(&value)) return *text;
    auto const* bytes = std::get_if<Bytes>(&value);
    if (!bytes) return std::nullopt;
    constexpr char digits[] = "0123456789abcdef";
    std::string hex = "\\x";
    hex.reserve(2 + bytes->size() * 2);
    for (auto const byte : *bytes) {
        hex += digits[std::to_integer<unsigned>(byte) >> 4];
        hex += digits[std::to_integer<unsigned>(byte) & 0xf];
    }
    return hex;
}

unsigned hex_digit(char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

Bytes from_hex(std::string_view text) {
    if (!text.starts_with("\\x")) throw Fault{"storage: PostgreSQL did not send bytes in hex"};
    text.remove_prefix(2);
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        out.push_back(static_cast<std::byte>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1])));
    }
    return out;
}

std::int64_t to_integer(std::string_view text, std::string_view sql) {
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw Fault{"storage: a number that is no 64-bit integer in: " + excerpt(sql)};
    }
    return number;
}

Value column_value(pqxx::field const& field, unsigned type, std::string_view sql) {
    if (field.is_null()) return null();
    std::string_view const text{field.c_str(), field.size()};
    switch (type) {
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::numeric: return to_integer(text, sql);              // SUM of BIGINT is NUMERIC
        case oid::boolean: return std::int64_t{text == "t" ? 1 : 0};  // a comparison, which SQLite gives as 0 or 1
        case oid::text:
        case oid::varchar:
        case oid::bpchar:
        case oid::name:
        case oid::unknown:
        case oid::void_type: return std::string{text};
        case oid::bytea: return from_hex(text);
        default: throw Fault{"storage: a column of PostgreSQL type " + std::to_string(type) + " in: " + excerpt(sql)};
    }
}

bool is_worth_preparing(std::string_view sql) {
    return changes_rows(sql) || first_word(sql) == "SELECT";
}

// The server, and not our statement, is to blame: connection, resources, operator intervention, system, internal.
bool is_store_trouble(std::string_view state) {
    for (auto const* start : {"08", "53", "57", "58", "XX", "55P03", "25P03", "40003"}) {
        if (state.starts_with(start)) return state != "08P01";  // a protocol violation is a wrong number of values
    }
    return false;
}

}  // namespace

struct PostgresConnection::Link {
    explicit Link(std::string const& options) : connection{options}, work{connection} {}
    pqxx::connection connection;
    pqxx::quiet_errorhandler quiet{connection};  // libpqxx would write the server's notices to standard error
    pqxx::nontransaction work;                   // we say BEGIN and COMMIT ourselves, to know what their failures mean
};

class PostgresConnection::Outcome {
public:
    explicit Outcome(pqxx::result result) : result_{std::move(result)} {}
    pqxx::result const& operator*() const { return result_; }

private:
    pqxx::result result_;
};

PostgresConnection::PostgresConnection(PostgresSettings const& settings, AnswerDeadlines& deadlines)
    : patience_{settings.patience}, answer_limit_{settings.statement_timeout + answer_margin} {
    try {
        link_ = std::make_unique<Link>(complete(settings));  // bounded by connect_timeout
        watch_ = std::make_unique<AnswerDeadlines::Watch>(deadlines, link_->connection.sock());
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        // libpqxx would reconnect behind our back, in the middle of what we take for a transaction.
        link_->connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
        link_->connection.set_verbosity(pqxx::connection_base::terse);  // the long form quotes values
        auto const timeout = std::to_string(settings.statement_timeout.count());
        // In one message: one round trip. With synchronous_commit, acknowledged is durable, whatever the server's default.
        control("SET statement_timeout = " + timeout + "; SET lock_timeout = " + timeout +
                    "; SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on; SET client_encoding = 'UTF8'; "
                    "SET bytea_output = 'hex'; SET client_min_messages = 'error'",
                settings.connect_timeout);
    } catch (pqxx::broken_connection const&) {
        // Its text may quote the connection string, password and all.
        throw StorageFault{"storage: cannot connect to PostgreSQL"};
    } catch (pqxx::failure const&) {
        throw StorageFault{"storage: PostgreSQL refused the connection"};
    }
}

PostgresConnection::~PostgresConnection() = default;

void PostgresConnection::begin(Database::Mode mode) {
    must_run_again_ = false;
    in_transaction_ = true;
    control(mode == Database::Mode::write ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                                          : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            patience_);
}

void PostgresConnection::commit() {
    control("COMMIT");
    in_transaction_ = false;
}

void PostgresConnection::roll_back() noexcept {
    if (broken_ || !in_transaction_) return;
    try {
        control("ROLLBACK");
        in_transaction_ = false;
    } catch (...) {
        broken_ = true;
    }
}

Rows PostgresConnection::query(std::string_view sql, Values const& values) {
    auto const outcome = send(sql, values);
    auto const& result = *outcome;
    auto const columns = result.columns();
    Rows rows;
    rows.reserve(result.size());
    for (auto const& found : result) {
        Values row;
        row.reserve(columns);
        for (pqxx::row::size_type i = 0; i < columns; ++i) {
            row.push_back(column_value(found[i], result.column_type(i), sql));
        }
        rows.emplace_back(std::move(row));
    }
    return rows;
}

std::int64_t PostgresConnection::execute(std::string_view sql, Values const& values) {
    auto const outcome = send(sql, values);
    return changes_rows(sql) ? static_cast<std::int64_t>((*outcome).affected_rows()) : 0;
}

void PostgresConnection::control(std::string const& sql) {
    control(sql, answer_limit_);
}

void PostgresConnection::control(std::string const& sql, std::chrono::milliseconds limit) {
    AnswerDeadlines::Span const awaited{*watch_, limit};
    try {
        link_->work.exec(sql);
    } catch (std::exception const&) {
        fail(sql);
    }
}

PostgresConnection::Outcome PostgresConnection::send(std::string_view sql, Values const& values) {
    std::vector<std::optional<std::string>> texts;
    std::vector<char const*> parameters;
    for (auto const& value : values) texts.push_back(to_parameter(value));
    for (auto const& text : texts) parameters.push_back(text ? text->c_str() : nullptr);
    auto const all = pqxx::prepare::make_dynamic_params(parameters);
    std::string const text{sql};
    AnswerDeadlines::Span const awaited{*watch_, answer_limit_};
    try {
        auto found = prepared_.find(text);
        if (found == prepared_.end()) {
            if (!is_worth_preparing(sql) || prepared_.size() >= most_prepared) {
                return Outcome{link_->work.exec_params(text, all)};
            }
            auto const name = "zephyr_" + std::to_string(prepared_.size());
            link_->connection.prepare(name, text);
            found = prepared_.emplace(text, name).first;
        }
        return Outcome{link_->work.exec_prepared(found->second, all)};
    } catch (std::exception const&) {
        fail(sql);
    }
}

void PostgresConnection::fail(std::string_view sql) {
    if (timed_out() || !link_->connection.is_open()) broken_ = true;
    auto const where = " in: " + excerpt(sql);
    if (timed_out()) throw StorageFault{"storage: PostgreSQL did not answer in time" + where};
    try {
        throw;
    } catch (pqxx::unique_violation const&) {
        throw UniqueViolation{"storage: PostgreSQL 23505 (unique)" + where};
    } catch (pqxx::serialization_failure const&) {
        must_run_again_ = true;
        throw SerializationFailure{"storage: PostgreSQL 40001 (serialization)" + where};
    } catch (pqxx::deadlock_detected const&) {
        must_run_again_ = true;
        throw SerializationFailure{"storage: PostgreSQL 40P01 (deadlock)" + where};
    } catch (pqxx::broken_connection const&) {
        broken_ = true;
        throw StorageFault{"storage: the connection to PostgreSQL broke" + where};
    } catch (pqxx::statement_completion_unknown const&) {
        broken_ = true;
        throw StorageFault{"storage: PostgreSQL 40003 (completion unknown)" + where};
    } catch (pqxx::sql_error const& error) {
        auto const& state = error.sqlstate();
        // 0A000: a table changed under a prepared statement ("cached plan must not change result type"); a new
        // connection has none.
        if (state == "0A000") broken_ = true;
        if (broken_ || state.empty() || is_store_trouble(state)) {
            throw StorageFault{"storage: PostgreSQL " + (state.empty() ? "failure" : state) + where};
        }
        // Classes 22 and 23 quote values; the others name what is wrong with the statement.
        bool const quotes = state.starts_with("22") || state.starts_with("23");
        std::string message = quotes ? "" : std::string{" ("} + error.what() + ")";
        throw Fault{"storage: PostgreSQL " + state + message + where};
    } catch (pqxx::failure const&) {
        broken_ = true;
        throw StorageFault{"storage: PostgreSQL failed" + where};
    } catch (pqxx::pqxx_exception const& error) {
        throw Fault{std::string{"storage: libpqxx: "} + error.base().what() + where};
    }
}

}  // namespace zephyr::storage
