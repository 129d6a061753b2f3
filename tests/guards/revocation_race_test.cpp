// Revocations beside many readers, on a file as in production: once a revocation is acknowledged, no check that begins
// after it admits. Run it under ThreadSanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "guards_fixture.h"

namespace zephyr::guards {
namespace {

struct File {
    testing::TemporaryFolder folder;
    std::unique_ptr<storage::Database> open() {
        auto database = storage::open_sqlite({.path = (folder.path() / "test.db").string()});
        testing::apply_source_migrations(*database);
        return database;
    }
};

class RevocationRace : public File, public GuardsTest {
protected:
    RevocationRace() : GuardsTest{File::open()} {}

    using Revoke = std::function<void(int round, sessions::IssuedSession const&)>;

    // Each round: a new person with a session that readers hammer, then one revocation that nobody takes back. Readers note
    // what they know before they ask.
    void race(int rounds, http::Demand const& demand, Revoke const& revoke) {
        struct Round {
            http::Request request;
            std::atomic<bool> revoked{false};
        };
        std::vector<std::unique_ptr<Round>> prepared(static_cast<std::size_t>(rounds));
        std::atomic<int> current{-1};
        std::atomic<bool> over{false};
        std::atomic<std::int64_t> admitted_in_time{0};
        std::atomic<std::int64_t> admitted_too_late{0};
        auto const reader = [&] {
            while (!over) {
                auto const index = current.load();
                if (index < 0) continue;
                auto& round = *prepared[static_cast<std::size_t>(index)];
                bool const revoked_before = round.revoked.load();
                if (!admits(node.gatekeeper.judge(demand, round.request))) continue;
                ++(revoked_before ? admitted_too_late : admitted_in_time);
            }
        };
        std::vector<std::jthread> readers;
        for (int i = 0; i < 4; ++i) readers.emplace_back(reader);
        for (int i = 0; i < rounds; ++i) {
            auto const person = add("p" + std::to_string(i)).id;
            EXPECT_TRUE(node.roles.grant(rbac::Subject::user(person), "auditor", by_operator).ok());
            auto const issued = start(person);
            auto round = std::make_unique<Round>();
            round->request = request_with(issued.token.reveal());
            auto& kept = *(prepared[static_cast<std::size_t>(i)] = std::move(round));
            auto const before = admitted_in_time.load();
            current = i;
            // Every other round waits until the session is remembered; the others race with the first reading.
            while (i % 2 == 0 && admitted_in_time.load() == before) std::this_thread::yield();
            revoke(i, issued);
            kept.revoked = true;
            for (int asked = 0; asked < 20; ++asked) {
                if (admits(node.gatekeeper.judge(demand, kept.request))) ++admitted_too_late;
            }
        }
        over = true;
        readers.clear();
        EXPECT_EQ(admitted_too_late, 0);
        EXPECT_GE(admitted_in_time, rounds / 2);
    }

    static int rounds() {
        auto const* text = std::getenv("ZEPHYR_ROUNDS");
        return text != nullptr ? std::atoi(text) : 200;
    }
};

TEST_F(RevocationRace, after_end_returned_no_check_admits) {
    race(rounds(), http::require_login.demand(), [&](int, sessions::IssuedSession const& issued) {
        EXPECT_TRUE(node.sessions.end(issued.session.ref, by_operator, {}, "test").ok());
    });
}

TEST_F(RevocationRace, after_end_all_or_rotate_returned_no_check_admits) {
    race(rounds(), http::require_login.demand(), [&](int round, sessions::IssuedSession const& issued) {
        if (round % 4 < 2) node.sessions.end_all(issued.session.user, std::nullopt, by_operator, {}, "test");
        else EXPECT_TRUE(node.sessions.rotate(issued.session.ref, {}, {}).ok());
    });
}

TEST_F(RevocationRace, after_disable_returned_no_check_admits) {
    race(rounds(), http::require_login.demand(), [&](int, sessions::IssuedSession const& issued) {
        EXPECT_TRUE(node.users.set_state(issued.session.user, users::UserState::disabled, by_operator).ok());
    });
}

TEST_F(RevocationRace, after_revoke_of_a_role_returned_no_check_admits) {
    // Fewer: a refusal of somebody known is recorded, and each record waits for the disk.
    race(rounds() / 4, (http::require_login | http::require_role("auditor")).demand(), [&](int, sessions::IssuedSession const& issued) {
        EXPECT_TRUE(node.roles.revoke(rbac::Subject::user(issued.session.user), "auditor", by_operator).ok());
    });
}

}  // namespace
}  // namespace zephyr::guards
