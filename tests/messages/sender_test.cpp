#include "zephyr/messages/sender.h"

#include <atomic>
#include <future>
#include <map>
#include <utility>
#include <thread>

#include "messages/message_table.h"
#include "outbox_fixture.h"
#include "testing/failing_database.h"

namespace zephyr::messages {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(OutboxTest, what_was_taken_is_gone_and_the_log_says_so_without_the_destination) {
    kept.behave([](auto const&) { return ports::SendOutcome{.what = What::accepted, .reference = "SM0123456789"}; });
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_THAT(kept.last().text, HasSubstr("123456"));
    EXPECT_EQ(kept.last().to, "anna@example.org");
    EXPECT_THAT(dump(), IsEmpty());
    auto const sent = events(audit::codes::message_sent);
    ASSERT_EQ(sent.size(), 1u);
    std::map<std::string, std::string> const details{sent[0].details.begin(), sent[0].details.end()};
    EXPECT_EQ(details, (std::map<std::string, std::string>{
                           {"channel", "email"}, {"what", "code"}, {"tries", "1"}, {"provider", "kept"}, {"reference", "SM0123456789"}}));
    EXPECT_THAT(sent[0].personal, IsEmpty());
}

TEST_F(OutboxTest, a_reference_that_might_name_somebody_is_not_kept) {
    kept.behave([](auto const& message) { return ports::SendOutcome{.what = What::accepted, .reference = "queued for " + message.to}; });
    enqueue(code());
    sender->run_once();
    auto const sent = events(audit::codes::message_sent);
    ASSERT_EQ(sent.size(), 1u);
    for (auto const& [name, value] : sent[0].details) EXPECT_NE(name, "reference") << value;
}

TEST_F(OutboxTest, a_failure_is_tried_again_after_pauses_that_double_up_to_a_bound) {
    kept.answer(What::later);
    auto message = code();
    message.until = clock.now() + 24h;
    enqueue(message);
    std::chrono::milliseconds expected = 2s;
    for (int attempt = 1; attempt <= 14; ++attempt) {
        ASSERT_EQ(sender->run_once(), 1u);
        clock.advance(expected / 2 - 1ms);
        EXPECT_EQ(sender->run_once(), 0u) << "before half of the pause, try " << attempt;
        clock.advance(expected / 2 + 1ms);
        expected = std::min<std::chrono::milliseconds>(expected * 2, 10min);
    }
    kept.answer(What::accepted);
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_THAT(dump(), IsEmpty());
    for (auto const& sent : kept.all()) EXPECT_EQ(sent.id, kept.last().id) << "the same id at every try";
}

TEST_F(OutboxTest, when_no_try_would_come_in_time_the_message_is_given_up) {
    kept.answer(What::later);
    auto message = code();
    message.until = clock.now() + 1ms;
    enqueue(message);
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(node.outbox.counts().dead, 1);
    EXPECT_EQ(events(audit::codes::message_dead).at(0).reason, "too_late");
}

TEST_F(OutboxTest, at_the_end_of_its_time_a_message_is_not_sent_any_more) {
    enqueue(code());
    clock.advance(5min);
    EXPECT_EQ(sender->run_once(), 0u);
    EXPECT_EQ(kept.count(), 0u);
}

TEST_F(OutboxTest, what_the_other_side_will_never_take_is_given_up_at_once) {
    kept.answer(What::never);
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(events(audit::codes::message_dead).at(0).reason, "refused");
    clock.advance(1h);
    EXPECT_EQ(sender->run_once(), 0u);
}

TEST_F(OutboxTest, an_uncertain_message_is_sent_again_only_where_the_other_side_promises_to_deliver_once) {
    kept.answer(What::uncertain);
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(events(audit::codes::message_dead).at(0).reason, "uncertain");
    clock.advance(1min);
    EXPECT_EQ(sender->run_once(), 0u);

    auto const promising = node.sender(kept, true);
    enqueue(code());
    EXPECT_EQ(promising->run_once(), 1u);
    EXPECT_EQ(node.outbox.counts().waiting, 1);
    kept.answer(What::accepted);
    clock.advance(2s);
    EXPECT_EQ(promising->run_once(), 1u);
    EXPECT_EQ(node.outbox.counts().waiting, 0);
    EXPECT_EQ(node.outbox.counts().dead, 1);
}

// "Dead rows keep no text/destination": nothing that could be opened later either.
TEST_F(OutboxTest, the_dead_keep_neither_text_nor_destination) {
    kept.answer(What::never);
    enqueue(code());
    sender->run_once();
    node.database->read([](storage::Transaction& tx) {
        auto const row = tx.row("SELECT content, user_id, what, channel, reason FROM message WHERE state = 'dead'");
        ASSERT_TRUE(row);
        EXPECT_TRUE(row->is_null(0));
        EXPECT_EQ(row->text(2), "code");
    });
}

TEST_F(OutboxTest, what_the_other_side_says_goes_into_the_log_unless_it_says_to_whom) {
    kept.behave([](auto const& message) { return ports::SendOutcome{.what = What::never, .why = "550 <" + message.to + "> unknown\r\nx"}; });
    enqueue(code());
    sender->run_once();
    EXPECT_THAT(logged(), HasSubstr("messages.not_sent"));
    EXPECT_THAT(logged(), Not(HasSubstr("anna@example.org")));
    EXPECT_THAT(logged(), Not(HasSubstr("123456")));
}

// A node dies between claiming and recording: nobody knows whether it sent.
TEST_F(OutboxTest, a_claim_nobody_came_back_for_is_uncertain) {
    for (bool const idempotent : {false, true}) {
        auto const other = node.sender(kept, idempotent);
        enqueue(code());
        node.database->write([&](storage::Transaction& tx) {
            ASSERT_TRUE(message_table::claim(tx, Channel::email, "of a node that dies", clock.now(), clock.now() + 3min));
        });
        clock.advance(3min - 1ms);
        EXPECT_EQ(other->run_once(), 0u) << "it may be alive";
        EXPECT_EQ(node.outbox.counts().sending, 1);
        clock.advance(1ms);
        EXPECT_EQ(other->run_once(), 0u);
        EXPECT_EQ(node.outbox.counts().sending, 0);
        EXPECT_EQ(node.outbox.counts().waiting, idempotent ? 1 : 0);
        clock.advance(2s);
        EXPECT_EQ(other->run_once(), idempotent ? 1u : 0u);
        node.database->write([](storage::Transaction& tx) { tx.run("DELETE FROM message"); });
    }
    auto const dead = events(audit::codes::message_dead);
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].reason, "uncertain");
}

TEST_F(OutboxTest, whoever_comes_back_after_their_claim_was_over_changes_nothing) {
    kept.behave([&](auto const&) {
        clock.advance(3min);
        testing::SentMessages others;
        node.sender(others)->run_once();  // finds the claim over
        return ports::SendOutcome{.what = What::later};
    });
    enqueue(code());
    sender->run_once();
    EXPECT_EQ(node.outbox.counts().dead, 1);
    EXPECT_EQ(node.outbox.counts().waiting, 0);
    EXPECT_EQ(events(audit::codes::message_dead).size(), 1u);
}

TEST_F(OutboxTest, what_this_sender_itself_holds_is_not_abandoned_however_long_it_takes) {
    bool first = true;
    kept.behave([&](auto const&) {
        if (std::exchange(first, false)) {
            clock.advance(3min + 1s);
            sender->run_once();  // as another thread of this sender would
        }
        return ports::SendOutcome{.what = What::accepted};
    });
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_THAT(dump(), IsEmpty());
    EXPECT_EQ(events(audit::codes::message_sent).size(), 1u);
    EXPECT_THAT(events(audit::codes::message_dead), IsEmpty());
    EXPECT_EQ(sender->stats().accepted, 1);
    EXPECT_EQ(sender->stats().dead, 0);
}

TEST_F(OutboxTest, only_what_a_sender_decided_itself_is_counted) {
    kept.behave([&](auto const&) {
        clock.advance(3min);
        testing::SentMessages others;
        node.sender(others)->run_once();  // finds the claim over, and gives the message up
        return ports::SendOutcome{.what = What::accepted};
    });
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(sender->stats().accepted, 0);
    EXPECT_EQ(node.outbox.counts().dead, 1);
    EXPECT_THAT(events(audit::codes::message_sent), IsEmpty());
}

struct WatchingLog final : Log {
    explicit WatchingLog(std::function<void(std::string_view)> told) : tell{std::move(told)} {}
    void write(LogLevel, std::string_view event, std::initializer_list<LogField>) override { tell(event); }
    std::function<void(std::string_view)> tell;
};

// The outcome is known and cannot be written down: until it can, no other node may take the message for abandoned.
TEST_F(OutboxTest, a_claim_is_renewed_while_its_outcome_cannot_be_recorded) {
    auto failing = std::make_unique<testing::FailingDatabase>(testing::memory_database(clock));
    auto& database = *failing;
    MessageNode other{std::move(failing), keyring, clock, 3};
    kept.behave([&](auto const&) {
        database.fail_at(1);
        return ports::SendOutcome{.what = What::accepted};
    });
    int failures = 0;
    TimePoint until{};
    WatchingLog log{[&](std::string_view event) {
        if (event != "messages.not_recorded") return;
        if (++failures == 1) {
            clock.advance(1min);
            database.fail_at(5);  // after the renewal: its beginning, its statement, its commit, the answer
            return;
        }
        until = database.inner().read([](storage::Transaction& tx) { return tx.row("SELECT next_at FROM message")->time(0); });
    }};
    Sender theirs{other.outbox, log, Wires{.sms = nullptr, .email = std::make_unique<testing::KeepingWire>(kept)}};
    other.database->write([&](storage::Transaction& tx) { other.outbox.enqueue(tx, code()); });
    EXPECT_EQ(theirs.run_once(), 1u);
    EXPECT_EQ(failures, 2);
    EXPECT_EQ(until, clock.now() + 3min);
    EXPECT_EQ(other.outbox.counts().sending, 0);
    EXPECT_EQ(kept.count(), 1u);
}

TEST_F(OutboxTest, what_cannot_be_opened_any_more_is_given_up) {
    enqueue(code());
    node.database->write([](storage::Transaction& tx) { tx.run("UPDATE message SET content = $1", Bytes(80)); });
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(kept.count(), 0u);
    EXPECT_EQ(node.outbox.counts().dead, 1);
}

TEST_F(OutboxTest, the_message_whose_time_is_over_first_goes_first) {
    auto notice = code("first@example.org");
    notice.what = "password_changed";
    notice.until = clock.now() + 48h;
    enqueue(notice);
    enqueue(code());
    EXPECT_EQ(sender->run_once(), 2u);
    EXPECT_EQ(kept.all().at(0).to, "anna@example.org");
}

// The threads, in real time.

TEST_F(OutboxTest, a_message_is_sent_moments_after_its_commit) {
    std::promise<void> taken;
    kept.behave([&](auto const&) {
        taken.set_value();
        return ports::SendOutcome{.what = What::accepted};
    });
    sender->start();
    enqueue(code());
    EXPECT_EQ(taken.get_future().wait_for(2s), std::future_status::ready) << "woken, not polled: the poll is 3 s";
    sender->stop();
    EXPECT_EQ(node.outbox.counts().waiting + node.outbox.counts().sending, 0) << "stopping waits for what is being sent";
}

TEST_F(OutboxTest, a_provider_that_hangs_holds_up_nothing_but_itself) {
    std::promise<void> let_go;
    auto const gate = let_go.get_future().share();
    std::promise<void> mail_taken;
    kept.behave([&](ports::OutgoingMessage const& message) {
        if (message.to.starts_with('+')) gate.wait();
        else mail_taken.set_value();
        return ports::SendOutcome{.what = What::accepted};
    });
    sender->start();
    for (int i = 0; i < 5; ++i) enqueue(code("+491511234567" + std::to_string(i), Channel::sms));
    enqueue(code());
    EXPECT_EQ(mail_taken.get_future().wait_for(2s), std::future_status::ready);
    auto const start = std::chrono::steady_clock::now();
    enqueue(code("+4915112345679", Channel::sms));  // nobody who asks for a code waits either
    EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
    let_go.set_value();
    sender->stop();
}

TEST_F(OutboxTest, an_outcome_is_recorded_though_the_database_was_away_for_a_moment) {
    auto failing = std::make_unique<testing::FailingDatabase>(testing::memory_database(clock));
    auto& database = *failing;
    MessageNode other{std::move(failing), keyring, clock, 3};
    kept.behave([&](auto const&) {
        database.fail_at(1);
        return ports::SendOutcome{.what = What::accepted};
    });
    auto const theirs = other.sender(kept);
    other.database->write([&](storage::Transaction& tx) { other.outbox.enqueue(tx, code()); });
    EXPECT_EQ(theirs->run_once(), 1u);
    EXPECT_EQ(kept.count(), 1u);
    EXPECT_EQ(other.outbox.counts().sending, 0);
}

// Whatever call to the store fails, and even where the answer to the commit of a claim is what got lost: the message is sent once.
TEST_F(OutboxTest, a_store_that_fails_at_any_one_call_loses_nothing_and_doubles_nothing) {
    auto failing = std::make_unique<testing::FailingDatabase>(testing::memory_database(clock));
    auto& database = *failing;
    MessageNode other{std::move(failing), keyring, clock, 3};
    for (int nth = 1;; ++nth) {
        testing::SentMessages sent;
        auto const theirs = other.sender(sent);
        other.database->write([&](storage::Transaction& tx) { other.outbox.enqueue(tx, code()); });
        database.fail_at(nth);
        for (int round = 0; round < 3; ++round) {
            try {
                theirs->run_once();
            } catch (StorageFault const&) {
            }
        }
        bool const failed = database.failed();
        database.heal();
        EXPECT_EQ(sent.count(), 1u) << "call " << nth;
        auto const left = other.outbox.counts();
        EXPECT_EQ(left.waiting + left.sending + left.dead, 0) << "call " << nth;
        if (!failed) break;
        ASSERT_LT(nth, 100);
    }
}

// 64 threads over two handles of one PostgreSQL: each message is claimed once.
TEST(OutboxOnPostgres, each_message_is_sent_once_by_two_nodes_with_many_threads) {
    testing::ManualClock clock;
    testing::ScriptedRandom keys{7};
    crypto::Keyring const keyring{crypto::MasterKey::generate(keys)};
    auto const uri = testing::PostgresServer::instance().fresh_database();
    auto const open = [&] { return storage::open_postgres({.uri = uri, .connections = 12, .patience = 30s}); };
    MessageNode first{open(), keyring, clock, 1};
    testing::apply_source_migrations(*first.database);
    MessageNode second{open(), keyring, clock, 2};
    auto const anna = UserId::make(clock.now(), first.random);
    constexpr int messages = 60;
    first.database->write([&](storage::Transaction& tx) {
        for (int i = 0; i < messages; ++i) {
            first.outbox.enqueue(tx, {.user = anna, .to = "anna" + std::to_string(i) + "@example.org", .what = "code",
                                      .words = {{"code", "123456"}}, .until = clock.now() + 5min});
        }
    });
    testing::SentMessages kept;
    std::vector<std::unique_ptr<Sender>> senders;
    for (int i = 0; i < 64; ++i) senders.push_back((i % 2 == 0 ? first : second).sender(kept));
    std::atomic<std::size_t> tries{0};
    {
        std::vector<std::jthread> threads;
        for (auto& sender : senders) threads.emplace_back([&] { tries += sender->run_once(); });
    }
    EXPECT_EQ(tries, static_cast<std::size_t>(messages));
    std::map<std::string, int> times;
    for (auto const& message : kept.all()) ++times[message.to];
    EXPECT_EQ(times.size(), static_cast<std::size_t>(messages));
    for (auto const& [to, count] : times) EXPECT_EQ(count, 1) << to;
    EXPECT_EQ(first.audit.query({.code = std::string{audit::codes::message_sent}}).size(), static_cast<std::size_t>(messages));
    auto const left = second.outbox.counts();
    EXPECT_EQ(left.waiting + left.sending + left.dead, 0);
}

}  // namespace
}  // namespace zephyr::messages
