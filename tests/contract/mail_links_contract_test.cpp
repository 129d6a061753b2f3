// One-time links, on every store and over two nodes' connections: one presentation wins, the others find it gone.
#include <atomic>

#include "contract/stores.h"
#include "testing/scripted_random.h"
#include "zephyr/signin/mail_links.h"

namespace zephyr::storage::contract {
namespace {

using signin::LinkPurpose;
using signin::MailLinks;

struct MailLinkContract : StoreTest {
    void SetUp() override {
        StoreTest::SetUp();
        testing::apply_source_migrations(db());
    }
    MailLinks links_over(Database& database) { return {database, sealer, clock_, random, {.public_url = "https://id.example.com"}}; }
    Result<std::string> issue(LinkPurpose purpose) {
        return db().write([&](Transaction& tx) { return links_over(db()).issue(tx, user, purpose, "alice@example.com"); });
    }
    std::string token(LinkPurpose purpose) {
        auto const url = issue(purpose).value();
        return url.substr(url.rfind('/') + 1);
    }
    Result<MailLinks::Link> use(Database& database, LinkPurpose purpose, std::string const& token) {
        return database.write([&](Transaction& tx) { return links_over(database).use(tx, purpose, token); });
    }

    testing::ScriptedRandom random{42};
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    UserId user = UserId::make(clock_.now(), random);
};

TEST_P(MailLinkContract, of_64_presentations_over_two_nodes_one_wins) {
    auto const other = is_memory() ? nullptr : open();
    auto const link = token(LinkPurpose::reset_password);
    std::atomic<int> won = 0;
    on_threads(64, [&](int i) {
        if (use(other && i % 2 == 1 ? *other : db(), LinkPurpose::reset_password, link).ok()) ++won;
    });
    EXPECT_EQ(won, 1);
}

TEST_P(MailLinkContract, a_link_dies_at_its_millisecond_and_is_good_for_its_own_purpose_alone) {
    auto const link = token(LinkPurpose::recovery);
    EXPECT_EQ(use(db(), LinkPurpose::reset_password, link).error(), signin::errors::link_gone);
    clock_.advance(MailLinks::lifetime);
    EXPECT_EQ(use(db(), LinkPurpose::recovery, link).error(), signin::errors::link_gone);
}

TEST_P(MailLinkContract, a_new_link_ends_the_one_before_and_a_fourth_within_the_hour_is_refused) {
    auto const first = token(LinkPurpose::reset_password);
    auto const second = token(LinkPurpose::reset_password);
    EXPECT_FALSE(use(db(), LinkPurpose::reset_password, first).ok());
    auto const third = token(LinkPurpose::reset_password);
    EXPECT_EQ(issue(LinkPurpose::reset_password).error(), signin::errors::mail_limited);
    EXPECT_TRUE(issue(LinkPurpose::recovery).ok()) << "counted by purpose";
    EXPECT_FALSE(use(db(), LinkPurpose::reset_password, second).ok());
    auto const used = use(db(), LinkPurpose::reset_password, third);
    ASSERT_TRUE(used.ok());
    EXPECT_EQ(used.value().address, "alice@example.com");
    EXPECT_EQ(db().read([&](Transaction& tx) { return links_over(db()).last_used(tx, user, LinkPurpose::reset_password); }), clock_.now());
}

TEST_P(MailLinkContract, rows_go_when_nobody_needs_them) {
    token(LinkPurpose::reset_password);
    db().write([&](Transaction& tx) { links_over(db()).issue_decoy(tx, "nobody"); });
    EXPECT_EQ(links_over(db()).purge(), 0);
    clock_.advance(MailLinks::lifetime + 1s);
    EXPECT_EQ(links_over(db()).purge(), 1) << "the decoy";
    clock_.advance(MailLinks::kept);
    EXPECT_EQ(links_over(db()).purge(), 1);
}

INSTANTIATE_TEST_SUITE_P(Stores, MailLinkContract, every_store(), name_of);

}  // namespace
}  // namespace zephyr::storage::contract
