// One PostgreSQL connection with its settings, its prepared statements and its errors.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "storage/answer_deadline.h"
#include "storage/open_transaction.h"

namespace zephyr::storage {

// Another transaction was first (40001, 40P01): this one is rolled back and may be run again.
class SerializationFailure : public StorageFault {
public:
    using StorageFault::StorageFault;
};

class PostgresConnection final : public Connection {
public:
    // Throws StorageFault when the server does not let us in.
    PostgresConnection(PostgresSettings const& settings, AnswerDeadlines& deadlines);
    ~PostgresConnection() override;

    Rows query(std::string_view sql, Values const& values) override;
    std::int64_t execute(std::string_view sql, Values const& values) override;
    void control(std::string const& sql) override;
    bool lost() const override { return broken_; }

    void begin(Database::Mode mode);  // an answer is awaited for no longer than the settings' patience
    void commit();
    // Rolls back; a connection that cannot is broken. Never throws.
    void roll_back() noexcept;
    // Ready for the next transaction.
    bool reusable() const { return !broken_ && !in_transaction_ && !timed_out(); }
    // The server did not answer in time: this connection is lost, and the others most likely are.
    bool timed_out() const { return watch_ && watch_->expired(); }
    // A statement failed because another transaction was first; kept until begin().
    bool must_run_again() const { return must_run_again_; }

private:
    struct Link;  // the libpqxx objects
    class Outcome;
    Outcome send(std::string_view sql, Values const& values);
    void control(std::string const& sql, std::chrono::milliseconds limit);
    [[noreturn]] void fail(std::string_view sql);  // inside a catch block

    std::chrono::milliseconds patience_;
    std::chrono::milliseconds answer_limit_;  // for a statement the server itself should have ended by then
    std::unique_ptr<Link> link_;
    std::unique_ptr<AnswerDeadlines::Watch> watch_;  // of link_'s socket
    std::unordered_map<std::string, std::string> prepared_;  // SQL text to the statement's name on this connection
    bool broken_ = false;
    bool in_transaction_ = false;
    bool must_run_again_ = false;
};

}  // namespace zephyr::storage
