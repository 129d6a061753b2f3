// A database in which the nth call to the store fails: the beginning of a transaction, a statement, the commit, or the
// answer after the commit (then all is stored, and nobody knows). Counts over all threads; deterministic for one caller.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "zephyr/foundation/result.h"
#include "zephyr/storage/database.h"

namespace zephyr::testing {

class FailingDatabase final : public storage::Database {
public:
    enum class Point { none, begin, statement, commit, answer };

    explicit FailingDatabase(std::unique_ptr<storage::Database> inner) : inner_{std::move(inner)} {}

    // Counts from 1, beginning now; the nth call throws StorageFault, and only that one.
    void fail_at(std::int64_t nth) { arm(nth, nth); }
    // The same from the nth call on, until heal(): a store that is gone.
    void fail_from(std::int64_t nth) { arm(nth, INT64_MAX); }
    void heal() { arm(0, -1); }
    // Where it failed last since it was armed.
    Point failed_at() const { return failed_at_; }
    bool failed() const { return failed_at_ != Point::none; }
    // May the failed call have been stored nevertheless?
    bool in_doubt() const { return failed_at_ == Point::answer; }

    storage::Engine engine() const override { return inner_->engine(); }
    storage::StatementCounts counts() const override { return inner_->counts(); }
    void ping() override {
        call(Point::statement);
        inner_->ping();
    }
    void with_schema_lock(std::function<void()> const& body) override { inner_->with_schema_lock(body); }
    storage::ChangeRegistration on_change(storage::ChangeHandler handler) override { return inner_->on_change(std::move(handler)); }
    // Without failures, to look at what is stored.
    storage::Database& inner() { return *inner_; }

protected:
    void run(Mode mode, Body const& body) override {
        bool const outermost = depth() == 0;
        if (outermost) call(Point::begin);
        if (mode == Mode::read) {
            inner_->read([&](storage::Transaction& tx) { run_body(tx, body); });
            return;
        }
        // A Result tells the inner database to roll back; which one does not matter.
        auto const outcome = inner_->write([&](storage::Transaction& tx) -> Result<void> {
            if (run_body(tx, body) == Ending::roll_back) return Failure{Kind::conflict, "test.roll_back"};
            if (outermost) call(Point::commit);
            return success();
        });
        if (outermost && outcome.ok()) call(Point::answer);
    }

private:
    // One transaction, as the room sees it. After a failed statement nothing more runs in it, as in the real ones.
    class Watched final : public storage::Transaction {
    public:
        Watched(FailingDatabase& owner, storage::Transaction& inner) : owner_{owner}, inner_{inner} {}
        storage::Rows query(std::string_view sql, storage::Values const& values) override {
            call();
            return inner_.query(sql, values);
        }
        std::int64_t execute(std::string_view sql, storage::Values const& values) override {
            call();
            return inner_.execute(sql, values);
        }
        bool try_execute(std::string_view sql, storage::Values const& values) override {
            call();
            return inner_.try_execute(sql, values);
        }
        void after_commit(std::function<void()> action) override { inner_.after_commit(std::move(action)); }
        void announce(std::string_view topic, std::string_view key) override { inner_.announce(topic, key); }
        bool spoiled() const { return spoiled_; }

    private:
        void call() {
            if (spoiled_) throw Fault{"a statement after one that failed in the same transaction"};
            spoiled_ = true;
            owner_.call(Point::statement);
            spoiled_ = false;
        }
        FailingDatabase& owner_;
        storage::Transaction& inner_;
        bool spoiled_ = false;
    };

    // How many transactions this thread is in. On SQLite a closure runs on the writer's thread, and so does all inside it.
    static int& depth() {
        thread_local int open = 0;
        return open;
    }
    Ending run_body(storage::Transaction& tx, Body const& body) {
        struct Inside {
            Inside() { ++depth(); }
            ~Inside() { --depth(); }
        } const inside;
        Watched watched{*this, tx};
        auto const ending = body(watched);
        if (watched.spoiled() && ending == Ending::commit) throw Fault{"a transaction cannot commit after a failed statement"};
        return ending;
    }

    void arm(std::int64_t first, std::int64_t last) {
        first_ = first;
        last_ = last;
        calls_ = 0;
        failed_at_ = Point::none;
    }
    void call(Point point) {
        auto const number = ++calls_;
        if (number < first_ || number > last_) return;
        failed_at_ = point;
        throw StorageFault{"the test makes this call fail"};
    }

    std::unique_ptr<storage::Database> inner_;
    std::atomic<std::int64_t> calls_{0};
    std::atomic<std::int64_t> first_{0};
    std::atomic<std::int64_t> last_{-1};
    std::atomic<Point> failed_at_{Point::none};
};

}  // namespace zephyr::testing
