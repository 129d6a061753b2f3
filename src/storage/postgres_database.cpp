// PostgreSQL behind the Database interface: serializable writes that run again when another was first.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "storage/open_transaction.h"
#include "storage/postgres_pool.h"

namespace zephyr::storage {

namespace {

constexpr int most_attempts = 16;
// From this attempt on, those who failed go one at a time, so that a row everybody wants still makes progress.
constexpr int one_at_a_time_from = 3;
// pg_advisory_lock takes a number; this one is ours.
constexpr std::int64_t schema_lock_key = 0x7a65706879720001;

// Lets in one at a time; who has waited too long goes in regardless. (A timed mutex would do, but ThreadSanitizer of
// g++ 12 does not know its lock.)
class Turn {
public:
    class Pass {
    public:
        explicit Pass(Turn* turn) : turn_{turn} {}
        ~Pass() { end(); }
        Pass(Pass const&) = delete;
        Pass& operator=(Pass const&) = delete;
        void end() {
            if (auto* turn = std::exchange(turn_, nullptr)) turn->give_back();
        }

    private:
        Turn* turn_;
    };

    Pass take(std::chrono::milliseconds patience) {
        std::unique_lock lock{mutex_};
        if (!returned_.wait_for(lock, patience, [&] { return free_; })) return Pass{nullptr};
        free_ = false;
        return Pass{this};
    }

private:
    void give_back() {
        {
            std::lock_guard const lock{mutex_};
            free_ = true;
        }
        returned_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable returned_;
    bool free_ = true;
};

class PostgresDatabase final : public Database {
public:
    explicit PostgresDatabase(PostgresSettings settings) : settings_{settings}, pool_{std::move(settings), deadlines_} {}

    Engine engine() const override { return Engine::postgresql; }
    StatementCounts counts() const override { return counters_.snapshot(); }

    void ping() override {
        read([](Transaction& tx) { tx.rows("SELECT 1"); });
    }

    void with_schema_lock(std::function<void()> const& body) override {
        // On a connection of its own: a lock taken inside the migrating transaction would come after its snapshot.
        auto patient = settings_;
        patient.statement_timeout = std::chrono::minutes{2};
        PostgresConnection holder{patient, deadlines_};
        holder.query("SELECT pg_advisory_lock($1)", {schema_lock_key});
        body();
    }

    ChangeRegistration on_change(ChangeHandler handler) override { return bus_.add(std::move(handler)); }

protected:
    void run(Mode mode, Body const& body) override {
        if (auto* open = OpenTransaction::of_this_thread(*this)) {
            open->join(mode, body);
        } else if (mode == Mode::write) {
            refuse_write_after_commit(*this);
            ++counters_.writes;
            run_after_commit(*this, bus_, write_until_first(body));
        } else {
            ++counters_.reads;
            attempt(mode, body);
        }
    }

private:
    OpenTransaction::Aftermath write_until_first(Body const& body) {
        for (int attempts = 1;; ++attempts) {
            // Taken before a connection is, so that waiting for a turn keeps none from others.
            auto turn = attempts < one_at_a_time_from ? Turn::Pass{nullptr} : turn_.take(settings_.patience);
            try {
                return attempt(Mode::write, body);
            } catch (SerializationFailure const&) {
                if (attempts == most_attempts) throw StorageFault{"storage: too much contention on PostgreSQL"};
            }
            turn.end();
            back_off(attempts);
        }
    }

    // One transaction; returns what to do after its commit.
    OpenTransaction::Aftermath attempt(Mode mode, Body const& body) {
        auto lease = pool_.begin(mode);
        OpenTransaction::Aftermath aftermath;  // filled once the commit is sent
        try {
            OpenTransaction transaction{*this, mode, *lease, counters_};
            auto const ending = transaction.run(body);
            // Even if the closure swallowed that exception: what it saw may not be what is.
            if (lease->must_run_again()) throw SerializationFailure{"storage: another transaction was first"};
            if (ending == Ending::roll_back) {
                lease->roll_back();
                return {};
            }
            aftermath = transaction.take_aftermath();
            lease->commit();
            return aftermath;
        } catch (...) {
            auto const original = std::current_exception();
            bool const again = lease->must_run_again();
            lease->roll_back();
            if (again) throw SerializationFailure{"storage: another transaction was first"};
            tell_in_doubt(*this, bus_, aftermath.changes);
            std::rethrow_exception(original);
        }
    }

    // A few milliseconds, spread so that those who collided do not collide again.
    void back_off(int attempts) {
        auto const spread = jitter_.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed) >> 40;
        auto const longest = std::min(1 << attempts, 16) * 1000u;
        std::this_thread::sleep_for(std::chrono::microseconds{spread % longest});
    }

    PostgresSettings settings_;
    Counters counters_;
    ChangeBus bus_;
    AnswerDeadlines deadlines_;
    PostgresPool pool_;
    Turn turn_;
    std::atomic<std::uint64_t> jitter_{0};
};

}  // namespace

std::unique_ptr<Database> open_postgres(PostgresSettings settings) {
    return std::make_unique<PostgresDatabase>(std::move(settings));
}

}  // namespace zephyr::storage
