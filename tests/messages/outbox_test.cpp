#include "zephyr/messages/outbox.h"

#include "outbox_fixture.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/messages/personal_data.h"

namespace zephyr::messages {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(OutboxTest, a_message_is_kept_with_what_it_is_about_or_not_at_all) {
    struct Undone {};
    EXPECT_THROW(node.database->write([&](storage::Transaction& tx) {
        node.outbox.enqueue(tx, code());
        throw Undone{};
    }),
                 Undone);
    EXPECT_EQ(node.outbox.counts().waiting, 0);
    enqueue(code());
    EXPECT_EQ(node.outbox.counts().waiting, 1);
}

TEST_F(OutboxTest, destination_and_words_are_sealed) {
    enqueue(code());
    EXPECT_THAT(dump(), Not(HasSubstr("anna")));
    EXPECT_THAT(dump(), Not(HasSubstr("123456")));
    EXPECT_THAT(dump(), HasSubstr("code"));
}

TEST_F(OutboxTest, what_no_template_can_say_is_a_fault_of_the_caller) {
    auto const refused = [&](Message const& message) { EXPECT_THROW(enqueue(message), Fault) << message.what; };
    auto message = code();
    message.what = "advertisement";
    refused(message);
    message = code();
    message.words = {};
    refused(message);
    message = code("+4915112345678", Channel::sms);
    message.what = "reset_password";
    message.words = {{"link", "https://login.example/x"}};
    refused(message);
    message.channel = Channel::email;
    message.words = {{"link", "javascript:alert(1)"}};
    refused(message);
    EXPECT_EQ(node.outbox.counts().waiting, 0);
}

TEST_F(OutboxTest, whoever_drains_it_is_woken_after_the_commit_and_not_before) {
    int woken = 0;
    node.outbox.on_message([&] { ++woken; });
    node.database->write([&](storage::Transaction& tx) {
        node.outbox.enqueue(tx, code());
        EXPECT_EQ(woken, 0);
    });
    EXPECT_EQ(woken, 1);
    node.outbox.on_message({});
    enqueue(code());
    EXPECT_EQ(woken, 1);
}

TEST_F(OutboxTest, channels_say_whether_they_can_send) {
    EXPECT_FALSE(node.outbox.can_send(Channel::sms));
    node.outbox.use_channel(Channel::sms, true);
    EXPECT_TRUE(node.outbox.can_send(Channel::sms));
    EXPECT_FALSE(node.outbox.can_send(Channel::email));
}

TEST_F(OutboxTest, what_waits_beyond_its_time_dies_though_nobody_sends) {
    enqueue(code());
    clock.advance(5min - 1ms);
    EXPECT_EQ(node.outbox.purge(), 0u);
    clock.advance(1ms);
    EXPECT_EQ(node.outbox.purge(), 1u);
    EXPECT_EQ(node.outbox.counts().dead, 1);
    auto const dead = events(audit::codes::message_dead);
    ASSERT_EQ(dead.size(), 1u);
    EXPECT_EQ(dead[0].reason, "too_late");
    EXPECT_EQ(dead[0].subject, anna);
    EXPECT_EQ(sender->run_once(), 0u);
}

TEST_F(OutboxTest, the_dead_are_forgotten_after_30_days) {
    enqueue(code());
    clock.advance(5min);
    node.outbox.purge();
    clock.advance(30 * 24h - 1ms);
    node.outbox.purge();
    EXPECT_EQ(node.outbox.counts().dead, 1);
    clock.advance(1ms);
    EXPECT_EQ(node.outbox.purge(), 1u);
    EXPECT_EQ(node.outbox.counts().dead, 0);
}

TEST_F(OutboxTest, what_is_worth_nothing_any_more_is_withdrawn_and_nothing_else) {
    auto const withdraw = [&](auto const&... which) {
        return node.database->write([&](storage::Transaction& tx) { return node.outbox.withdraw(tx, which...); });
    };
    auto named = code();
    named.id = make_uuid_v7(clock.now(), node.random);
    enqueue(named);
    auto of_ben = code("ben@example.org");
    of_ben.user = UserId::make(clock.now(), node.random);
    enqueue(of_ben);
    EXPECT_EQ(withdraw(anna, "reset_password"), 0);
    EXPECT_EQ(withdraw(anna, "code"), 1);
    EXPECT_EQ(node.outbox.counts().waiting, 1);
    enqueue(named);
    enqueue(code());
    EXPECT_EQ(withdraw(named.id), 1);
    EXPECT_EQ(node.outbox.counts().waiting, 2);
    // What is on its way has gone.
    kept.behave([&](auto const& message) {
        if (message.to == "anna@example.org") {
            EXPECT_EQ(withdraw(anna, "code"), 0);
        }
        return ports::SendOutcome{.what = What::accepted};
    });
    EXPECT_EQ(sender->run_once(), 2u);
}

TEST_F(OutboxTest, a_person_takes_their_messages_along) {
    auto const ben = UserId::make(clock.now(), node.random);
    enqueue(code());
    auto other = code("ben@example.org");
    other.user = ben;
    enqueue(other);
    node.database->write([&](storage::Transaction& tx) { node.outbox.erase(tx, anna); });
    EXPECT_EQ(sender->run_once(), 1u);
    EXPECT_EQ(kept.last().to, "ben@example.org");
}

TEST_F(OutboxTest, an_export_names_the_destination_and_keeps_the_secrets) {
    enqueue(code());
    MessagesPersonalData data{node.sealer};
    auto const text = node.database->read([&](storage::Transaction& tx) { return data.export_for(tx, anna).dump(); });
    EXPECT_THAT(text, HasSubstr("anna@example.org"));
    EXPECT_THAT(text, Not(HasSubstr("123456")));
    node.database->write([&](storage::Transaction& tx) { data.erase(tx, anna); });
    EXPECT_EQ(node.outbox.counts().waiting, 0);
}

}  // namespace
}  // namespace zephyr::messages
