#include "zephyr/adapters/smpp_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "adapters/smpp_pdu.h"
#include "testing/http_peer.h"

namespace zephyr::adapters {
namespace {

using testing::HttpPeer;
using What = ports::SendOutcome::What;
namespace command = smpp::command;

// An SMS centre: what it answers to each unit; nothing: hangs up.
struct Centre {
    using Answer = std::function<std::optional<std::string>(smpp::Pdu const&)>;
    explicit Centre(Answer given)
        : answer{std::move(given)}, peer{[this](HttpPeer::Connection& client) {
              std::string buffer;
              for (;;) {
                  auto const pdu = smpp::take_pdu(buffer);
                  if (!pdu.ok()) return;
                  if (!pdu.value()) {
                      auto const more = client.some();
                      if (more.empty()) return;
                      buffer += more;
                      continue;
                  }
                  {
                      std::lock_guard const lock{mutex};
                      seen.push_back(*pdu.value());
                  }
                  auto const text = answer(*pdu.value());
                  if (!text) return;
                  client.send(*text);
              }
          }} {}
    std::vector<smpp::Pdu> units() {
        std::lock_guard const lock{mutex};
        return seen;
    }
    int count(std::uint32_t id) {
        int out = 0;
        for (auto const& pdu : units()) out += pdu.command == id ? 1 : 0;
        return out;
    }

    Answer answer;
    std::mutex mutex;
    std::vector<smpp::Pdu> seen;
    HttpPeer peer;
};

std::string answer_to(smpp::Pdu const& pdu, std::uint32_t status = 0, std::string body = {}) {
    return smpp::write_pdu({pdu.command | command::response, status, pdu.sequence, std::move(body)});
}
std::optional<std::string> fine(smpp::Pdu const& pdu) {
    return answer_to(pdu, 0, pdu.command == command::submit_sm ? std::string{"id-42\0", 6} : std::string{});
}

class SmppSenderTest : public ::testing::Test {
protected:
    std::unique_ptr<SmppSender> sender(Centre const& centre, std::chrono::milliseconds deadline = 500ms) {
        return std::make_unique<SmppSender>(SmppSettings{.host = "127.0.0.1", .port = centre.peer.port(), .system_id = "zephyr",
                                                         .password = SecretText{"secret"}, .source = "Zephyr", .deadline = deadline},
                                            clock);
    }
    static ports::OutgoingMessage message(std::string to = "+4915112345678") { return {.id = "id", .to = std::move(to), .text = "Code 123456"}; }
    // Of one message, when the centre does this to submit_sm.
    ports::SendOutcome when(std::function<std::optional<std::string>(smpp::Pdu const&)> submit) {
        Centre centre{[&](smpp::Pdu const& pdu) { return pdu.command == command::submit_sm ? submit(pdu) : fine(pdu); }};
        return sender(centre)->send(message());
    }
    SystemClock clock;
};

TEST_F(SmppSenderTest, binds_once_and_submits_many) {
    Centre centre{fine};
    auto const smpp = sender(centre);
    for (int i = 0; i < 3; ++i) {
        auto const outcome = smpp->send(message());
        EXPECT_EQ(outcome.what, What::accepted) << outcome.why;
        EXPECT_EQ(outcome.reference, "id-42");
    }
    EXPECT_EQ(centre.peer.connections(), 1);
    EXPECT_EQ(centre.count(command::bind_transmitter), 1);
    EXPECT_EQ(centre.count(command::submit_sm), 3);
}

// SMPP 3.4, 5.1.3.
TEST_F(SmppSenderTest, a_status_says_whether_the_message_or_the_moment_was_wrong) {
    for (auto const& [status, expected] : std::vector<std::pair<std::uint32_t, What>>{
             {0x0b, What::never}, {0x0a, What::never}, {0x01, What::never}, {0x58, What::later}, {0x14, What::later}, {0x08, What::later}, {0x45, What::later}}) {
        auto const outcome = when([status = status](smpp::Pdu const& pdu) { return std::optional{answer_to(pdu, status)}; });
        EXPECT_EQ(outcome.what, expected) << outcome.why;
    }
    EXPECT_EQ(when([](smpp::Pdu const& pdu) {
                  return std::optional{smpp::write_pdu({command::generic_nack, 0x03, pdu.sequence, {}})};
              }).what,
              What::later);
}

TEST_F(SmppSenderTest, whatever_breaks_before_submit_is_later_and_after_it_uncertain) {
    EXPECT_EQ(when([](auto const&) { return std::nullopt; }).what, What::uncertain) << "hangs up";
    EXPECT_EQ(when([](auto const&) { return std::optional<std::string>{""}; }).what, What::uncertain) << "says nothing";
    EXPECT_EQ(when([](auto const&) { return std::optional{std::string(64, '\xff')}; }).what, What::uncertain) << "garbage";
    EXPECT_EQ(when([](smpp::Pdu const& pdu) { return std::optional{answer_to(pdu).substr(0, 9)}; }).what, What::uncertain) << "a half";
    EXPECT_EQ(when([](smpp::Pdu const& pdu) {
                  return std::optional{smpp::write_pdu({command::unbind, 0, 9, {}}) + std::string(pdu.sequence == 0, 'x')};
              }).what,
              What::uncertain)
        << "ends the session instead";

    Centre refusing{[](smpp::Pdu const& pdu) { return std::optional{answer_to(pdu, 0x0e)}; }};
    EXPECT_EQ(sender(refusing)->send(message()).what, What::later) << "bind refused";
    EXPECT_EQ(refusing.count(command::submit_sm), 0);
    Centre silent{[](auto const&) { return std::optional<std::string>{""}; }};
    EXPECT_EQ(sender(silent)->send(message()).what, What::later);
    SmppSender nobody{{.host = "127.0.0.1", .port = 1, .system_id = "z", .source = "Z", .deadline = 500ms}, clock};
    EXPECT_EQ(nobody.send(message()).what, What::later);
}

TEST_F(SmppSenderTest, a_centre_that_talks_without_end_costs_no_more_than_the_deadline) {
    auto const start = std::chrono::steady_clock::now();
    std::string flood;
    for (int i = 0; i < 2000; ++i) flood += smpp::write_pdu({command::response | command::submit_sm, 0, 0x7fff0000, {}});
    EXPECT_EQ(when([&](auto const&) { return std::optional{flood}; }).what, What::uncertain);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST_F(SmppSenderTest, an_answer_to_something_else_is_not_taken_for_ours) {
    auto const outcome = when([](smpp::Pdu const& pdu) {
        return std::optional{smpp::write_pdu({command::submit_sm | command::response, 0, pdu.sequence + 7, {}}) + answer_to(pdu, 0x0b)};
    });
    EXPECT_EQ(outcome.what, What::never);
}

TEST_F(SmppSenderTest, questions_of_the_centre_are_answered_meanwhile) {
    Centre centre{[](smpp::Pdu const& pdu) -> std::optional<std::string> {
        if (pdu.is_response()) return "";
        if (pdu.command != command::submit_sm) return fine(pdu);
        return smpp::write_pdu({command::enquire_link, 0, 77, {}}) + smpp::write_pdu({command::deliver_sm, 0, 78, "x"}) + *fine(pdu);
    }};
    EXPECT_EQ(sender(centre)->send(message()).what, What::accepted);
    // The centre has read our answers once our farewell is there.
    for (int i = 0; i < 100 && centre.count(command::unbind) == 0; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(centre.count(command::enquire_link | command::response), 1);
    EXPECT_EQ(centre.count(command::generic_nack), 1);
}

TEST_F(SmppSenderTest, after_a_rest_a_dead_session_costs_a_new_one_and_not_the_message) {
    std::atomic<bool> hang_up{false};
    Centre centre{[&](smpp::Pdu const& pdu) -> std::optional<std::string> {
        if (pdu.command == command::enquire_link && hang_up.exchange(false)) return std::nullopt;
        return fine(pdu);
    }};
    auto const smpp = sender(centre);
    EXPECT_EQ(smpp->send(message()).what, What::accepted);
    hang_up = true;
    std::this_thread::sleep_for(1100ms);
    EXPECT_EQ(smpp->send(message()).what, What::accepted);
    EXPECT_EQ(centre.peer.connections(), 2);
}

// 4.2: the centre says farewell between two messages. The second one must not be lost to that.
TEST_F(SmppSenderTest, a_farewell_that_waits_there_is_found_before_the_next_message) {
    std::atomic<bool> farewell{true};
    Centre centre{[&](smpp::Pdu const& pdu) -> std::optional<std::string> {
        if (pdu.is_response()) return std::nullopt;  // our answer to it: then it hangs up
        if (pdu.command == command::submit_sm && farewell.exchange(false)) return *fine(pdu) + smpp::write_pdu({command::unbind, 0, 9, {}});
        return fine(pdu);
    }};
    auto const smpp = sender(centre);
    EXPECT_EQ(smpp->send(message()).what, What::accepted);
    auto const outcome = smpp->send(message());  // at once: nothing is asked for after so short a rest
    EXPECT_EQ(outcome.what, What::accepted) << outcome.why;
    EXPECT_EQ(centre.peer.connections(), 2);
    EXPECT_EQ(centre.count(command::unbind | command::response), 1);
}

// 5.1.3: ESME_RINVBNDSTS, ESME_RBINDFAIL, ESME_RINVPASWD, ESME_RINVSYSID.
TEST_F(SmppSenderTest, a_status_about_the_session_ends_it) {
    for (std::uint32_t const status : {0x04u, 0x0du, 0x0eu, 0x0fu, 0x58u}) {
        std::atomic<bool> once{true};
        Centre centre{[&](smpp::Pdu const& pdu) {
            return pdu.command == command::submit_sm && once.exchange(false) ? std::optional{answer_to(pdu, status)} : fine(pdu);
        }};
        auto const smpp = sender(centre);
        EXPECT_EQ(smpp->send(message()).what, What::later) << status;
        EXPECT_EQ(smpp->send(message()).what, What::accepted) << status;
        EXPECT_EQ(centre.count(command::bind_transmitter), status == 0x58 ? 1 : 2) << status;
    }
}

// Two threads of the outbox share the session: the wait for the other's message is not taken off one's own time.
TEST_F(SmppSenderTest, a_message_has_its_whole_deadline_once_it_is_its_turn) {
    Centre centre{[](smpp::Pdu const& pdu) {
        if (pdu.command == command::submit_sm) std::this_thread::sleep_for(350ms);
        return fine(pdu);
    }};
    auto const smpp = sender(centre);
    std::array<ports::SendOutcome, 2> outcomes;
    {
        std::vector<std::jthread> threads;
        for (auto& outcome : outcomes) threads.emplace_back([&] { outcome = smpp->send(message()); });
    }
    for (auto const& outcome : outcomes) EXPECT_EQ(outcome.what, What::accepted) << outcome.why;
}

TEST_F(SmppSenderTest, whose_turn_never_comes_is_later) {
    Centre centre{[](smpp::Pdu const& pdu) -> std::optional<std::string> {
        if (pdu.command == command::submit_sm) return "";  // no answer, until the deadline
        return fine(pdu);
    }};
    auto const smpp = sender(centre, 400ms);
    std::array<ports::SendOutcome, 3> outcomes;
    auto const start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (auto& outcome : outcomes) threads.emplace_back([&] { outcome = smpp->send(message()); });
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2 * 400ms + 700ms) << "a wait and a message, at most";
    int later = 0;
    for (auto const& outcome : outcomes) later += outcome.what == What::later ? 1 : 0;
    EXPECT_GE(later, 1);
}

TEST_F(SmppSenderTest, only_numbers_are_sent_to) {
    Centre centre{fine};
    for (auto const* const to : {"", "4915112345678", "+49151x", "+0151123456", "+4915112345678901", "+49151123456\n"}) {
        EXPECT_EQ(sender(centre)->send(message(to)).what, What::never) << to;
    }
    EXPECT_EQ(centre.peer.connections(), 0);
}

// 5.2.19: data_coding 0 is the SMSC's default alphabet, 8 is UCS-2.
TEST(SmppPdu, a_text_goes_in_the_smallest_coding_that_can_say_it) {
    auto const body = [](std::string text) { return smpp::submit_sm_body({"+15005550006", "+4915112345678", std::move(text)}); };
    std::string const head{"\0\x01\x01" "15005550006\0\x01\x01" "4915112345678\0\0\0\x01\0\0\0\0", 38};
    EXPECT_EQ(*body("Ä1"), (head + std::string{"\0\0\x02\x5b\x31", 5}));
    EXPECT_EQ(*body("я"), (head + std::string{"\x08\0\x02\x04\x4f", 5}));
    EXPECT_EQ(*body(std::string(161, 'a')), (head + std::string{"\0\0\0\x04\x24\0\xa1", 7} + std::string(161, 'a')));
    EXPECT_FALSE(body(std::string(1531, 'a')));
    EXPECT_FALSE(body("\xff"));
}

TEST(SmppPdu, a_length_that_cannot_be_ends_the_reading) {
    for (auto const& bytes : {std::string{"\0\0\0\x0f", 4}, std::string{"\0\0\0\0", 4}, std::string{"\xff\xff\xff\xff", 4}, std::string{"\0\0\x20\x01", 4}}) {
        auto buffer = bytes + std::string(100, 'x');
        EXPECT_EQ(smpp::take_pdu(buffer).error(), smpp::errors::smpp_broken);
    }
    std::string half = smpp::write_pdu({1, 2, 3, "body"});
    half.pop_back();
    EXPECT_FALSE(smpp::take_pdu(half).value());
    half += 'y';
    EXPECT_EQ(smpp::take_pdu(half).value()->body, "body");
    EXPECT_EQ(half, "");
}

}  // namespace
}  // namespace zephyr::adapters
