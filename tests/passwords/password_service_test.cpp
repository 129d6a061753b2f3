#include "zephyr/passwords/password_service.h"

#include "passwords/password_fixture.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::passwords {
namespace {

class PasswordServiceTest : public PasswordFixture {
protected:
    void set(std::string_view password) { ASSERT_TRUE(service().set(alice, text(password), {}, operator_).ok()); }
};

TEST_F(PasswordServiceTest, verifies_the_password_that_was_set) {
    set(good);
    auto const verified = service().verify(alice, text(good));
    ASSERT_TRUE(verified.ok()) << verified.error();
    EXPECT_EQ(verified.value().user(), alice);
    EXPECT_EQ(verified.value().at(), clock.now());
    EXPECT_EQ(verified.value().amr(), "pwd");
    EXPECT_TRUE(verified.value().full_length());
    EXPECT_FALSE(verified.value().must_change());
}

//= NIST SP 800-63B-4, 3.1.1.2
// # Verifiers SHALL verify the entire submitted password (i.e., not truncate it).
TEST_F(PasswordServiceTest, verifies_the_whole_password) {
    std::string long_one;
    for (int i = 0; i < 300; ++i) long_one += static_cast<char>('!' + (i * i * 7 + i * 13) % 90);
    set(long_one);
    EXPECT_TRUE(service().verify(alice, text(long_one)).ok());
    EXPECT_EQ(service().verify(alice, text(long_one.substr(0, 299))).error(), errors::wrong_password);
    EXPECT_EQ(service().verify(alice, text(long_one.substr(0, 72))).error(), errors::wrong_password)
        << "bcrypt's limit";
    auto last_changed = long_one;
    last_changed.back() = last_changed.back() == 'x' ? 'y' : 'x';
    EXPECT_EQ(service().verify(alice, text(last_changed)).error(), errors::wrong_password);
    EXPECT_EQ(service().verify(alice, text(long_one + std::string(1, '\0'))).error(), errors::wrong_password);
}

TEST_F(PasswordServiceTest, takes_composed_and_decomposed_letters_for_the_same) {
    set("\u00c5ngstr\u00f6m am Fjord");
    EXPECT_TRUE(service().verify(alice, text("A\u030angstro\u0308m am Fjord")).ok());
    EXPECT_EQ(service().verify(alice, text("Angstrom am Fjord")).error(), errors::wrong_password);
}

TEST_F(PasswordServiceTest, refuses_one_that_is_not_text_as_a_wrong_one) {
    set(good);
    EXPECT_EQ(service().verify(alice, text("\xff\xfe")).error(), errors::wrong_password);
    EXPECT_EQ(service().state(alice)->failures, 1);
}

TEST_F(PasswordServiceTest, refuses_an_oversized_password_before_any_work) {
    set(good);
    auto const before = hashes();
    auto const counts = database->counts();
    EXPECT_EQ(service().verify(alice, text(std::string(1025, 'x'))).error(), errors::too_long);
    EXPECT_EQ(service().verify(std::nullopt, text(std::string(1'000'000, 'x'))).error(), errors::too_long);
    EXPECT_EQ(service().set(alice, text(std::string(1025, 'x')), {}, operator_).error(), errors::too_long);
    EXPECT_EQ(hashes(), before);
    EXPECT_EQ(database->counts().reads, counts.reads);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

// An account without a password can never be signed in to by one: not by the empty one, not by what a NULL turns into.
TEST_F(PasswordServiceTest, never_verifies_an_account_without_a_password) {
    for (auto const* const password : {"", "null", "NULL", "(null)", "0", " "}) {
        EXPECT_EQ(service().verify(alice, text(password)).error(), errors::wrong_password);
        EXPECT_EQ(service().verify(std::nullopt, text(password)).error(), errors::wrong_password);
    }
    EXPECT_FALSE(service().has_password(alice));
    EXPECT_FALSE(service().is_full_length(alice));
}

// The same work, counted: one hash with the present parameters, one read, one write, whoever is asked for.
TEST_F(PasswordServiceTest, does_the_same_work_for_everybody_it_refuses) {
    set(good);
    for (int i = 0; i < 5; ++i) std::ignore = service().verify(alice, text("wrong"));
    auto const carol = UserId::make(clock.now(), random);
    ASSERT_TRUE(service().set(carol, text(good), {}, operator_).ok());

    struct Work {
        std::int64_t hashes, reads, writes;
        bool operator==(Work const&) const = default;
    };
    auto const work_of = [&](std::optional<UserId> const& user) {
        auto const hashed = hashes();
        auto const counts = database->counts();
        EXPECT_FALSE(service().verify(user, text("wrong")).ok());
        auto const after = database->counts();
        return Work{hashes() - hashed, after.reads - counts.reads, after.writes - counts.writes};
    };
    Work const expected{1, 1, 1};
    EXPECT_EQ(work_of(std::nullopt), expected) << "unknown user";
    EXPECT_EQ(work_of(bob), expected) << "user without a password";
    EXPECT_EQ(work_of(carol), expected) << "wrong password";
    EXPECT_EQ(work_of(alice), expected) << "throttled";
}

TEST_F(PasswordServiceTest, hashes_for_an_unknown_user_with_the_present_parameters) {
    settings.argon2 = {.memory_kib = 256, .passes = 2};
    auto const service = service_with(settings);
    EXPECT_LT(gate.counts().highest_memory_kib, 256u);
    std::ignore = service->verify(std::nullopt, text(good));
    EXPECT_EQ(gate.counts().highest_memory_kib, 256u);
}

TEST_F(PasswordServiceTest, does_not_take_one_persons_password_for_anothers) {
    set(good);
    ASSERT_TRUE(service().set(bob, text(other), {}, operator_).ok());
    EXPECT_EQ(service().verify(bob, text(good)).error(), errors::wrong_password);
    // A row copied in the database does not open for another person: it is sealed for its own.
    database->write([&](storage::Transaction& tx) {
        tx.run(
            "UPDATE password_credential SET phc = (SELECT phc FROM password_credential WHERE user_id = $1) WHERE "
            "user_id = $2",
            alice.str(), bob.str());
    });
    EXPECT_THROW(std::ignore = service().verify(bob, text(good)), Fault);
}

TEST_F(PasswordServiceTest, keeps_no_password_and_no_plain_hash_in_the_database) {
    set(good);
    auto const stored = to_text(stored_phc(alice));
    EXPECT_EQ(stored.find("argon2"), std::string::npos);
    EXPECT_EQ(stored.find(good), std::string::npos);
    auto const before = stored_phc(alice);
    set(good);
    EXPECT_NE(stored_phc(alice), before) << "salted and sealed afresh";
}

TEST_F(PasswordServiceTest, refuses_what_the_policy_refuses_and_records_it) {
    auto const refused = service().set(alice, text("MidNight"), {.has_second_factor = true, .words = {}}, operator_);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), errors::too_common);
    EXPECT_FALSE(refused.error().reason().empty());
    EXPECT_FALSE(service().has_password(alice));
    EXPECT_EQ(events(), (std::vector<std::string>{"passwords.refused_by_policy(passwords.too_common)"}));
}

TEST_F(PasswordServiceTest, knows_whether_a_password_could_stand_alone) {
    ASSERT_TRUE(service().set(alice, text("x7Kp2mQz"), {.has_second_factor = true, .words = {}}, operator_).ok());
    EXPECT_TRUE(service().has_password(alice));
    EXPECT_FALSE(service().is_full_length(alice));
    EXPECT_FALSE(service().verify(alice, text("x7Kp2mQz")).value().full_length());
    set(good);
    EXPECT_TRUE(service().is_full_length(alice));
}

TEST_F(PasswordServiceTest, asks_for_the_old_password_to_change_it) {
    set(good);
    EXPECT_EQ(service().change(alice, text("not it"), text(other), {}).error(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
    ASSERT_TRUE(service().change(alice, text(good), text(other), {}).ok());
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::wrong_password);
    EXPECT_TRUE(service().verify(alice, text(other)).ok());
    EXPECT_EQ(service().change(bob, text(""), text(other), {}).error(), errors::wrong_password)
        << "bob has none to change";
}

TEST_F(PasswordServiceTest, refuses_to_change_a_password_to_itself) {
    set("caf\u00e9 au lait, deux fois");
    EXPECT_EQ(service()
                  .change(alice, text("caf\u00e9 au lait, deux fois"), text("cafe\u0301 au lait, deux fois"), {})
                  .error(),
              errors::same_as_before);
}

TEST_F(PasswordServiceTest, throttles_guesses_made_through_the_change_form_too) {
    set(good);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(service().change(alice, text("wrong"), text(other), {}).error(), errors::wrong_password);
    EXPECT_EQ(service().change(alice, text(good), text(other), {}).error(), errors::throttled);
}

TEST_F(PasswordServiceTest, demands_a_change_until_it_is_made) {
    set(good);
    ASSERT_TRUE(service().require_change(alice, "mfa.last_factor_removed", operator_).ok());
    auto const verified = service().verify(alice, text(good));
    ASSERT_TRUE(verified.ok());
    EXPECT_TRUE(verified.value().must_change());
    EXPECT_TRUE(service().state(alice)->must_change);
    ASSERT_TRUE(service().change(alice, text(good), text(other), {}).ok());
    EXPECT_FALSE(service().verify(alice, text(other)).value().must_change());
    EXPECT_EQ(service().require_change(bob, "x", operator_).error(), errors::no_password);
    ASSERT_TRUE(service().set(alice, text(good), {}, operator_, {}, MustChange::yes).ok());
    EXPECT_TRUE(service().verify(alice, text(good)).value().must_change());
}

TEST_F(PasswordServiceTest, stores_a_prepared_password_with_the_account_or_not_at_all) {
    auto const prepared = service().prepare(text(good), {});
    ASSERT_TRUE(prepared.ok());
    auto const refused = database->write([&](storage::Transaction& tx) -> Result<void> {
        service().store(tx, alice, prepared.value(), MustChange::no, operator_);
        return errors::changed_meanwhile;
    });
    EXPECT_FALSE(refused.ok());
    EXPECT_FALSE(service().has_password(alice));
    EXPECT_TRUE(events().empty());
    database->write(
        [&](storage::Transaction& tx) { service().store(tx, alice, prepared.value(), MustChange::no, operator_); });
    EXPECT_TRUE(service().verify(alice, text(good)).ok());
}

TEST_F(PasswordServiceTest, forgets_a_removed_password) {
    set(good);
    ASSERT_TRUE(service().remove(alice, operator_).ok());
    EXPECT_EQ(service().verify(alice, text(good)).error(), errors::wrong_password);
    EXPECT_EQ(service().remove(alice, operator_).error(), errors::no_password);
}

TEST_F(PasswordServiceTest, answers_busy_without_counting_a_failure_when_the_gate_is_full) {
    HashGate narrow{{.workers = 1, .longest_wait = 0ms}, clock};
    PasswordService busy{*database, audit, sealer, narrow, policy, clock, random, settings};
    set(good);
    {
        auto const held = narrow.enter(8);
        ASSERT_TRUE(held.ok());
        EXPECT_EQ(busy.verify(alice, text("wrong")).error(), errors::busy);
        EXPECT_EQ(busy.verify(std::nullopt, text("wrong")).error(), errors::busy);
        EXPECT_EQ(busy.set(alice, text(other), {}, operator_).error(), errors::busy);
    }
    EXPECT_EQ(service().state(alice)->failures, 0);
    EXPECT_TRUE(busy.verify(alice, text(good)).ok());
}

TEST_F(PasswordServiceTest, records_each_change_in_the_audit_log_without_the_password) {
    set(good);
    std::ignore = service().verify(alice, text("wrong"),
                                   {.address = "192.0.2.7", .user_agent = "", .request_id = "r1", .session_ref = ""});
    ASSERT_TRUE(service().change(alice, text(good), text(other), {}).ok());
    ASSERT_TRUE(service().require_change(alice, "operator", operator_).ok());
    ASSERT_TRUE(service().reset_failures(alice, operator_).ok());
    ASSERT_TRUE(service().remove(alice, operator_).ok());
    EXPECT_EQ(events(), (std::vector<std::string>{"passwords.set()", "passwords.wrong(passwords.wrong_password)",
                                                  "passwords.changed()", "passwords.must_change(operator)",
                                                  "cli.break_glass(passwords.reset_failures)", "passwords.removed()"}));
}

}  // namespace
}  // namespace zephyr::passwords
