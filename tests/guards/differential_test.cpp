// A hundred thousand random steps, each a change or a question: the gatekeeper that remembers and the one that asks the
// database each time must give one answer. Seeds are printed; ZEPHYR_SEED and ZEPHYR_STEPS choose others.
#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

#include "guards_fixture.h"

namespace zephyr::guards {
namespace {

using users::UserState;

std::uint64_t from_environment(char const* name, std::uint64_t otherwise) {
    auto const* text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Differential : public GuardsTest {
protected:
    // Few sessions a person, so that newcomers evict; short lives, so that time ends them often.
    static sessions::SessionSettings short_lived() {
        return {.idle = 30min, .absolute = 2h, .remember = 4h, .pending = 10min, .limit = {.per_user = 4}};
    }
    Differential() : GuardsTest{testing::memory_database(), short_lived()} {}

    struct Credential {
        http::Request request;
        SessionRef session;
        UserId user;
    };

    std::size_t pick(std::size_t below) { return static_cast<std::size_t>(generator_() % below); }
    bool one_in(std::size_t n) { return pick(n) == 0; }
    // Through either node's services: both write to the same database, and each must hear of the other.
    GuardsNode& writer() { return one_in(2) ? node : asking; }
    UserId const& some_user() { return people_[pick(people_.size())]; }
    // The newest half the more often: most others are dead.
    Credential const& some_credential() {
        auto const recent = std::min<std::size_t>(credentials_.size(), 16);
        if (one_in(4)) return credentials_[pick(credentials_.size())];
        return credentials_[(newest_ + credentials_.size() - pick(recent)) % credentials_.size()];
    }
    std::chrono::milliseconds some_time() { return std::chrono::milliseconds{1 + pick(20 * 60 * 1000)}; }
    rbac::Subject some_subject() {
        return one_in(3) ? rbac::Subject::group(circles_[pick(circles_.size())]) : rbac::Subject::user(some_user());
    }
    std::string some_role() { return roles_[pick(roles_.size())]; }

    void remember(Credential credential) {
        if (credentials_.size() < 48) {
            newest_ = credentials_.size();
            credentials_.push_back(std::move(credential));
        } else {
            newest_ = (newest_ + 1) % credentials_.size();
            credentials_[newest_] = std::move(credential);
        }
    }
    // Old credentials stay in the pool: a dead one must be refused by both.
    void remember(sessions::IssuedSession const& issued) {
        auto const& session = issued.session;
        remember({request_with(issued.token.reveal()), session.ref, session.user});
        if (!one_in(2)) return;
        auto const tokens = writer().tokens.issue(issued);
        if (tokens.ok()) remember({request_with_bearer(tokens.value().access_token.reveal()), session.ref, session.user});
    }

    void set_up(std::uint64_t seed) {
        generator_.seed(seed);
        roles_ = {"auditor", "reader", "writer"};
        EXPECT_TRUE(node.roles.create({.name = "reader", .permissions = {"docs.read"}}, by_operator).ok());
        EXPECT_TRUE(node.roles.create({.name = "writer", .permissions = {"docs.write"}}, by_operator).ok());
        for (int i = 0; i < 2; ++i) circles_.push_back(node.groups.create("circle " + std::to_string(i), by_operator).value().id);
        for (int i = 0; i < 6; ++i) people_.push_back(add("p" + std::to_string(i)).id);
        for (auto const& person : people_) remember(start(person));
        demands_ = {http::require_session.demand(),
                    http::require_login.demand(),
                    (http::require_login | http::require_mfa).demand(),
                    (http::require_login | http::require_mfa_within(3min)).demand(),
                    (http::require_login | http::require_factor("pwd", 5min)).demand(),
                    (http::require_login | http::require_role("writer")).demand(),
                    (http::require_login | http::require_permission("docs.read")).demand(),
                    (http::require_login | http::any_of(http::require_role("auditor"), http::require_permission("docs.write"))).demand()};
    }

    void change() {
        auto const origin = audit::Origin{};
        switch (pick(32)) {
            default: {
                auto const issued = writer().sessions.start({.user = some_user(),
                                                             .factors = {{"pwd", clock.now()}},
                                                             .pending = one_in(4) ? "mfa.required" : "",
                                                             .remember = one_in(4),
                                                             .origin = origin});
                if (issued.ok()) remember(issued.value());
                break;
            }
            case 3:
            case 4: {
                sessions::Change wanted;
                if (one_in(2)) wanted = {.proved = sessions::Factor{"otp", clock.now(), true}, .pending = ""};
                auto const issued = writer().sessions.rotate(some_credential().session, wanted, origin);
                if (issued.ok()) remember(issued.value());
                break;
            }
            case 5:
            case 6: (void)writer().sessions.end(some_credential().session, by_operator, origin, "test"); break;
            case 7: {
                auto const except = one_in(2) ? std::optional{some_credential().session} : std::nullopt;
                (void)writer().sessions.end_all(some_user(), except, by_operator, origin, "test");
                break;
            }
            case 8:
            case 9: {
                constexpr std::array states{UserState::disabled, UserState::locked, UserState::pending};
                (void)writer().users.set_state(some_user(), states[pick(states.size())], by_operator);
                break;
            }
            case 10:
                for (auto const& person : people_) (void)writer().users.set_state(person, UserState::active, by_operator);
                break;
            case 11: (void)writer().users.lock_until(some_user(), clock.now() + some_time(), by_operator); break;
            case 12: (void)writer().users.set_expiry(some_user(), one_in(3) ? std::nullopt : std::optional{clock.now() + some_time()}, by_operator); break;
            case 13: (void)writer().users.update_profile(some_user(), {.display_name = "n" + std::to_string(pick(1000))}, by_operator); break;
            case 14:
            case 15:
                (void)writer().roles.grant(some_subject(), some_role(), one_in(2) ? std::nullopt : std::optional{clock.now() + some_time()}, by_operator);
                break;
            case 16: (void)writer().roles.revoke(some_subject(), some_role(), by_operator); break;
            case 17: {
                auto& groups = writer().groups;
                auto const& circle = circles_[pick(circles_.size())];
                if (one_in(2)) (void)groups.add_member(circle, some_user(), by_operator);
                else (void)groups.remove_member(circle, some_user(), by_operator);
                break;
            }
            case 18: {
                auto& roles = writer().roles;
                if (one_in(2)) (void)roles.add_permission("writer", "docs.read", by_operator);
                else (void)roles.remove_permission("writer", "docs.read", by_operator);
                break;
            }
            case 19: {
                if (!one_in(4)) break;
                auto const gone = pick(people_.size());
                (void)writer().users.remove(people_[gone], node.data, by_operator);
                people_[gone] = add("new" + std::to_string(++newcomers_)).id;
                break;
            }
            case 20: (void)writer().sessions.purge(); break;
            case 21: (void)writer().roles.purge_expired(clock.now()); break;
            case 22:
                if (one_in(8)) (void)writer().signing_keys.rotate(by_operator, origin);
                break;
            case 23: {
                if (!one_in(16)) break;
                for (auto const& key : node.signing_keys.list()) {
                    if (key.state == tokens::KeyState::active) (void)writer().signing_keys.revoke(key.kid, by_operator, origin);
                }
                break;
            }
        }
    }

    void pass_time() {
        switch (pick(30)) {
            case 0: clock.advance(some_time()); break;
            case 1: clock.jump_to(clock.now() + some_time()); break;
            case 2: clock.jump_to(clock.now() - some_time()); break;
            default: clock.advance(std::chrono::milliseconds{pick(20'000)}); break;
        }
    }

    // One question to both, in either order; what they said. Half of them ask only who it is, which records no refusal.
    std::pair<std::string, std::string> ask(http::Demand const& demand, http::Request const& request) {
        bool const only_who = one_in(2);
        auto const answer = [&](GuardsNode& of) {
            if (!only_who) return print(of.gatekeeper.judge(demand, request));
            auto holder = of.gatekeeper.visitor(request);
            return holder ? print(http::Admitted{std::move(holder), false}) : "nobody";
        };
        bool const memory_first = one_in(2);
        auto first = answer(memory_first ? node : asking);
        auto second = answer(memory_first ? asking : node);
        if (!memory_first) std::swap(first, second);
        return {first, second};
    }

    GuardsNode asking{*database, clock, random, keyring, settings, {.entries = 0}, 0};
    std::mt19937_64 generator_;
    std::vector<std::string> roles_;
    std::vector<GroupId> circles_;
    std::vector<UserId> people_;
    std::vector<Credential> credentials_;
    std::vector<http::Demand> demands_;
    std::size_t newest_ = 0;
    int newcomers_ = 0;
};

class DifferentialSeeds : public Differential, public ::testing::WithParamInterface<int> {};

TEST_P(DifferentialSeeds, memory_and_database_give_one_answer) {
    auto const seed = from_environment("ZEPHYR_SEED", 20261124) + static_cast<std::uint64_t>(GetParam());
#if defined(__SANITIZE_THREAD__)
    constexpr std::uint64_t usual = 4'000;  // one thread: a race detector has nothing to find, and takes ten times as long
#else
    constexpr std::uint64_t usual = 100'000;
#endif
    auto const steps = from_environment("ZEPHYR_STEPS", usual) / 4;
    std::cout << "seed " << seed << ", " << steps << " steps\n";
    set_up(seed);
    std::size_t questions = 0, admitted_count = 0;
    for (std::uint64_t step = 0; step < steps; ++step) {
        if (one_in(20)) change();
        if (one_in(20)) pass_time();
        auto const& demand = demands_[pick(demands_.size())];
        auto const [from_memory, from_database] = ask(demand, some_credential().request);
        ++questions;
        admitted_count += from_memory.starts_with("principal") || from_memory.starts_with("admitted") ? 1 : 0;
        ASSERT_EQ(from_memory, from_database) << "seed " << seed << ", step " << step << ", " << demand.print();
    }
    auto const counts = node.cache.counts();
    std::cout << questions << " questions, " << admitted_count << " admitted, " << counts.hits << " answered from memory\n";
    // Else the test would compare the database with itself.
    EXPECT_GT(counts.hits, static_cast<std::int64_t>(questions / 8));
    EXPECT_GT(admitted_count, questions / 20);
}

INSTANTIATE_TEST_SUITE_P(seeds, DifferentialSeeds, ::testing::Range(0, 4));

}  // namespace
}  // namespace zephyr::guards
