#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "testing/databases.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/encoding/base64url.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/mfa/known_devices.h"

namespace zephyr::mfa {

class KnownDevicesTest : public ::testing::Test {
protected:
    static KnownDeviceSettings trusting() { return {.may_be_trusted = true, .most_per_user = 3}; }

    std::string remember(UserId const& user, std::string_view cookie, bool trust = false, std::string_view agent = "Browser/1.0") {
        return database->write([&](storage::Transaction& tx) {
            return devices.remember(tx, user, cookie, trust, {.user_agent = std::string{agent}}).reveal();
        });
    }
    bool known(UserId const& user, std::string_view cookie) { return devices.find(user, cookie).has_value(); }
    bool trusted(UserId const& user, std::string_view cookie) {
        return database->read([&](storage::Transaction& tx) { return devices.trusted(tx, user, cookie); });
    }
    bool forget(UserId const& user, std::string_view id) {
        return database->write([&](storage::Transaction& tx) { return devices.forget(tx, user, id, audit::Actor::user(user), {}); });
    }
    void end_trust(UserId const& user, std::string_view why) {
        database->write([&](storage::Transaction& tx) { devices.end_trust(tx, user, audit::Actor::user(user), {}, why); });
    }
    void forget_others(UserId const& user, std::string_view keep, std::string_view why) {
        database->write([&](storage::Transaction& tx) { devices.forget_others(tx, user, keep, audit::Actor::user(user), {}, why); });
    }
    std::vector<std::string> events(UserId const& user) {
        std::vector<std::string> out;
        for (auto const& event : audit.query({.subject = user, .code = {}, .from = {}, .until = {}, .limit = 1000}))
            out.insert(out.begin(), event.name + "(" + event.reason + ")");
        return out;
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    testing::TemporaryFolder folder;
    std::unique_ptr<storage::Database> database = [&] {
        auto opened = storage::open_sqlite({.path = (folder.path() / "test.db").string()});
        testing::apply_source_migrations(*opened);
        return opened;
    }();
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    audit::AuditLog audit{*database, sealer, clock, random};
    KnownDevices devices{*database, audit, sealer, clock, random, trusting()};
    UserId alice = UserId::make(clock.now(), random);
    UserId bob = UserId::make(clock.now(), random);
};

TEST_F(KnownDevicesTest, ABrowserIsKnownByTheCookieItGotAndKeepsIt) {
    auto const cookie = remember(alice, "");
    EXPECT_EQ(cookie.size(), 43u);
    EXPECT_EQ(encoding::base64url_decode(cookie).value().size(), 32u);
    auto const first = devices.find(alice, cookie);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->user_agent, "Browser/1.0");
    clock.advance(24h);
    EXPECT_EQ(remember(alice, cookie, false, "Browser/2.0"), cookie);
    auto const again = devices.find(alice, cookie);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, first->id) << "the lane stays";
    EXPECT_EQ(again->user_agent, "Browser/2.0");
    EXPECT_EQ(again->first_seen_at, first->first_seen_at);
    EXPECT_EQ(again->last_seen_at, clock.now());
    EXPECT_EQ(devices.list(alice).size(), 1u);
}

TEST_F(KnownDevicesTest, trusted_device_other_user) {
    auto const cookie = remember(alice, "", true);
    EXPECT_TRUE(trusted(alice, cookie));
    EXPECT_FALSE(known(bob, cookie));
    EXPECT_FALSE(trusted(bob, cookie));
}

TEST_F(KnownDevicesTest, trusted_device_theft_of_anything_but_the_whole_cookie) {
    auto const cookie = remember(alice, "", true);
    auto const device = devices.find(alice, cookie);
    auto last_bits = cookie;  // the last character carries four bits and two that must be zero
    last_bits.back() = static_cast<char>(last_bits.back() + 1);
    std::string other_case = cookie;
    for (auto& c : other_case) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    for (auto const& forged : {std::string{}, cookie.substr(0, 42), cookie.substr(1), cookie + "A", cookie + "=", " " + cookie, last_bits,
                               other_case, std::string(43, 'A'), std::string(43, '\0'), std::string(1 << 20, 'A'), device->id,
                               alice.str(), std::string{"' OR 1=1 --"}}) {
        EXPECT_FALSE(known(alice, forged)) << forged.substr(0, 60);
        EXPECT_FALSE(trusted(alice, forged)) << forged.substr(0, 60);
    }
}

TEST_F(KnownDevicesTest, TheDatabaseHoldsNeitherCookieNorUserAgent) {
    auto const cookie = remember(alice, "", false, "Canary-Browser/77");
    auto const raw = to_text(encoding::base64url_decode(cookie).value());
    std::string kept;
    for (auto const& file : std::filesystem::directory_iterator{folder.path()}) {
        std::ifstream in{file.path(), std::ios::binary};
        kept.append(std::istreambuf_iterator<char>{in}, {});
    }
    ASSERT_NE(kept.find(alice.str()), std::string::npos) << "the files were read";
    EXPECT_EQ(kept.find(cookie), std::string::npos);
    EXPECT_EQ(kept.find(raw), std::string::npos);
    EXPECT_EQ(kept.find("Canary-Browser"), std::string::npos);
}

TEST_F(KnownDevicesTest, TrustEndsAtItsTimeAndNotASecondLater) {
    auto const cookie = remember(alice, "", true);
    clock.advance(30 * 24h - 1s);
    EXPECT_TRUE(trusted(alice, cookie));
    clock.advance(1s);
    EXPECT_FALSE(trusted(alice, cookie));
    EXPECT_TRUE(known(alice, cookie)) << "the lane outlives the trust";
}

TEST_F(KnownDevicesTest, ABrowserNotSeenForAYearIsForgotten) {
    auto const cookie = remember(alice, "");
    clock.advance(365 * 24h - 1s);
    EXPECT_TRUE(known(alice, cookie));
    EXPECT_EQ(devices.purge(), 0);
    clock.advance(1s);
    EXPECT_FALSE(known(alice, cookie));
    EXPECT_TRUE(devices.list(alice).empty());
    EXPECT_NE(remember(alice, cookie), cookie) << "and gets another cookie";
    EXPECT_EQ(devices.purge(), 0) << "the old row went with it";
    clock.advance(365 * 24h);
    EXPECT_EQ(devices.purge(), 1);
}

TEST_F(KnownDevicesTest, TrustIsGivenOnlyWhenAskedForAndAllowed) {
    EXPECT_FALSE(trusted(alice, remember(alice, "")));
    auto const cookie = remember(bob, "", true);
    EXPECT_TRUE(trusted(bob, cookie));
    KnownDevices strict{*database, audit, sealer, clock, random, {}};
    auto const refused = database->write([&](storage::Transaction& tx) { return strict.remember(tx, alice, "", true, {}).reveal(); });
    EXPECT_FALSE(trusted(alice, refused));
    EXPECT_FALSE(database->read([&](storage::Transaction& tx) { return strict.trusted(tx, bob, cookie); }))
        << "switched off, earlier trust is worth nothing";
}

TEST_F(KnownDevicesTest, SigningInAgainNeitherProlongsTrustNorEndsIt) {
    auto const cookie = remember(alice, "", true);
    auto const until = devices.find(alice, cookie)->trusted_until;
    clock.advance(10 * 24h);
    remember(alice, cookie, false);
    EXPECT_EQ(devices.find(alice, cookie)->trusted_until, until);
    remember(alice, cookie, true);
    EXPECT_EQ(devices.find(alice, cookie)->trusted_until, clock.now() + 30 * 24h) << "asking again does, after another factor";
}

TEST_F(KnownDevicesTest, trusted_device_password_change_revokes) {
    auto const laptop = remember(alice, "", true);
    auto const phone = remember(alice, "", true);
    auto const bobs = remember(bob, "", true);
    end_trust(alice, "password_changed");
    EXPECT_FALSE(trusted(alice, laptop));
    EXPECT_FALSE(trusted(alice, phone));
    EXPECT_TRUE(known(alice, laptop)) << "its lane stays";
    EXPECT_TRUE(trusted(bob, bobs));
    end_trust(alice, "factor_added");
    EXPECT_EQ(events(alice), (std::vector<std::string>{"mfa.device_trusted()", "mfa.device_trusted()", "mfa.trust_ended(password_changed)"}))
        << "nothing is said of what did not happen";
}

// A cookie stolen while there was no second factor, or with the old password, must not keep a lane of guesses.
TEST_F(KnownDevicesTest, EveryBrowserButTheOneInUseIsForgotten) {
    auto const laptop = remember(alice, "", true);
    auto const phone = remember(alice, "", true);
    auto const tablet = remember(alice, "");
    auto const bobs = remember(bob, "", true);
    auto const lane = devices.find(alice, laptop)->id;
    forget_others(alice, laptop, "password_changed");
    EXPECT_EQ(devices.find(alice, laptop)->id, lane) << "the lane of the browser in use stays";
    EXPECT_FALSE(trusted(alice, laptop)) << "but not its trust";
    EXPECT_FALSE(known(alice, phone));
    EXPECT_FALSE(known(alice, tablet));
    EXPECT_TRUE(trusted(bob, bobs)) << "another person's stay";
    EXPECT_EQ(events(alice), (std::vector<std::string>{"mfa.device_trusted()", "mfa.device_trusted()", "mfa.trust_ended(password_changed)",
                                                       "mfa.device_forgotten(password_changed)"}));
    forget_others(alice, laptop, "password_changed");
    EXPECT_EQ(events(alice).size(), 4u) << "nothing is said of what did not happen";
}

TEST_F(KnownDevicesTest, EveryBrowserIsForgottenWhenTheOneInUseIsNotKnown) {
    auto const bobs = remember(bob, "");
    for (auto const& cookie : {std::string{}, std::string{"nonsense"}, std::string(43, 'A'), bobs}) {
        auto const laptop = remember(alice, "");
        forget_others(alice, cookie, "password_reset");
        EXPECT_FALSE(known(alice, laptop)) << cookie;
        EXPECT_TRUE(devices.list(alice).empty()) << cookie;
    }
    EXPECT_TRUE(known(bob, bobs));
}

// Somebody signs in at a shared computer and keeps a copy of its cookie, for the next person to make it theirs.
TEST_F(KnownDevicesTest, NobodyMakesABrowserCarryACookieTheyKnow) {
    auto const planted = remember(bob, "", true);
    auto const got = remember(alice, planted, true);
    EXPECT_NE(got, planted);
    EXPECT_FALSE(known(alice, planted));
    EXPECT_FALSE(known(bob, planted)) << "the copy is worth nothing any more";
    EXPECT_TRUE(trusted(alice, got));
    EXPECT_TRUE(known(bob, got)) << "the browser still knows both";
    EXPECT_FALSE(trusted(bob, got)) << "but trusts only whom it was asked to trust now";
    EXPECT_EQ(remember(bob, got), got);
    EXPECT_EQ(remember(alice, got), got) << "and it goes on with one cookie";
}

TEST_F(KnownDevicesTest, ACookieThatIsNoneOfOursIsReplaced) {
    auto const own = encoding::base64url_encode(random.bytes(32));
    EXPECT_NE(remember(alice, own), own);
    EXPECT_FALSE(known(alice, own));
    EXPECT_NE(remember(alice, "nonsense"), "nonsense");
}

TEST_F(KnownDevicesTest, TheOldestGoesWhenThereAreTooMany) {
    std::vector<std::string> cookies;
    for (int i = 0; i < 4; ++i) {
        cookies.push_back(remember(alice, ""));
        clock.advance(1h);
        if (i == 2) remember(alice, cookies[0]);
    }
    EXPECT_EQ(devices.list(alice).size(), 3u);
    EXPECT_TRUE(known(alice, cookies[0])) << "seen again meanwhile";
    EXPECT_FALSE(known(alice, cookies[1]));
    EXPECT_TRUE(known(alice, cookies[2]));
    EXPECT_TRUE(known(alice, cookies[3]));
    EXPECT_EQ(devices.list(alice)[0].id, devices.find(alice, cookies[3])->id) << "the latest first";
}

TEST_F(KnownDevicesTest, ABrowserIsForgottenByItsOwnerAlone) {
    auto const cookie = remember(alice, "", true);
    auto const id = devices.find(alice, cookie)->id;
    EXPECT_FALSE(forget(bob, id));
    EXPECT_FALSE(forget(alice, ""));
    EXPECT_FALSE(forget(alice, "not an id"));
    EXPECT_FALSE(forget(alice, cookie));
    EXPECT_FALSE(forget(alice, alice.str()));
    EXPECT_TRUE(trusted(alice, cookie));
    EXPECT_TRUE(forget(alice, id));
    EXPECT_FALSE(forget(alice, id));
    EXPECT_FALSE(known(alice, cookie));
    EXPECT_EQ(events(alice).back(), "mfa.device_forgotten()");
}

TEST_F(KnownDevicesTest, UserAgentsAreKeptAsTextAndCut) {
    std::string const hostile = "Bad\xFF\xC3" + std::string(300, 'x');
    auto const device = devices.find(alice, remember(alice, "", false, hostile));
    ASSERT_TRUE(device);
    EXPECT_EQ(device->user_agent.substr(0, 9), "Bad\uFFFD\uFFFD");
    EXPECT_EQ(device->user_agent.size(), 3u + 6 + 251);
}

TEST_F(KnownDevicesTest, AreExportedAndErasedWithThePerson) {
    auto const cookie = remember(alice, "", true);
    auto const bobs = remember(bob, "");
    database->write([&](storage::Transaction& tx) {
        auto const exported = devices.export_for(tx, alice);
        ASSERT_EQ(exported.items()->size(), 1u);
        EXPECT_EQ(*exported.items()->at(0).string_at("user_agent"), "Browser/1.0");
        EXPECT_EQ(exported.dump().find(cookie), std::string::npos);
        devices.erase(tx, alice);
    });
    EXPECT_FALSE(known(alice, cookie));
    EXPECT_TRUE(known(bob, bobs));
}

TEST_F(KnownDevicesTest, SettingsOutOfRangeAreAFault) {
    auto const refused = [&](KnownDeviceSettings settings) {
        EXPECT_THROW((KnownDevices{*database, audit, sealer, clock, random, settings}), Fault);
    };
    refused({.trust = 0s});
    refused({.trust = 90 * 24h + 1s});
    refused({.remember = 0s});
    refused({.most_per_user = 0});
}

}  // namespace zephyr::mfa
