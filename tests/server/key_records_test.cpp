#include "zephyr/server/key_records.h"

#include <gtest/gtest.h>

#include "testing/databases.h"
#include "testing/failing_database.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"

namespace zephyr::server {
namespace {

// Sessions' sealed column stands for all: one place, one row.
class ResealerTest : public ::testing::Test {
protected:
    static crypto::Place place(std::string const& ref) { return {"session", ref, "sealed"}; }

    void keep(std::string const& ref, Bytes const& sealed) {
        database.inner().write([&](storage::Transaction& tx) {
            tx.run("INSERT INTO session (ref, token_hash, user_id, pending, factors, created_at, last_seen_at, expires_at, remembered, sealed)"
                   " VALUES ($1, $2, 'u', '', '[]', 1, 1, 1, 0, $3)",
                   ref, to_bytes(ref), sealed);
        });
    }
    std::string ref(int number) { return (number < 1000 ? "r0" : "r") + std::to_string(10'000 + number); }
    void keep_many(int first, int count, crypto::Sealer const& sealer) {
        for (int i = first; i < first + count; ++i) keep(ref(i), sealer.seal(place(ref(i)), as_bytes("value " + std::to_string(i))));
    }
    int under_old_key() {
        return database.inner().read([&](storage::Transaction& tx) {
            int count = 0;
            for (auto const& row : tx.rows("SELECT sealed FROM session")) count += rotated.needs_reseal(row.blob(0)) ? 1 : 0;
            return count;
        });
    }

    testing::ManualClock clock;
    testing::ScriptedRandom random;
    testing::FailingDatabase database{testing::memory_database(clock)};
    crypto::Keyring const keyring{crypto::MasterKey::generate(random)};
    crypto::Sealer old{keyring, random};
    crypto::Sealer rotated{keyring.with_active(crypto::MasterKey::generate(random)).value(), random};
};

TEST_F(ResealerTest, seals_everything_again_and_every_value_stays_what_it_was) {
    keep_many(0, 730, old);
    keep_many(2000, 70, rotated);
    Resealer resealer{database, rotated};
    std::size_t sealed = 0;
    for (bool finished = false; !finished;) {
        auto const progress = resealer.next(100);
        EXPECT_LE(progress.sealed, 100u);
        sealed += progress.sealed;
        finished = progress.finished;
        ASSERT_TRUE(finished || sealed < 730 || under_old_key() == 0);
    }
    EXPECT_EQ(sealed, 730u);
    EXPECT_EQ(under_old_key(), 0);
    database.read([&](storage::Transaction& tx) {
        for (auto const& row : tx.rows("SELECT ref, sealed FROM session")) EXPECT_TRUE(rotated.open(place(row.text(0)), row.blob(1)).ok());
    });
}

TEST_F(ResealerTest, goes_on_where_it_stopped_and_writes_many_values_at_once) {
    keep_many(0, 1000, old);
    Resealer resealer{database, rotated};
    auto const before = database.counts();
    std::size_t pieces = 0;
    while (!resealer.next(200).finished) ++pieces;
    auto const after = database.counts();
    EXPECT_EQ(after.writes - before.writes, 1000 / 50);
    // One read a piece; two passes over all tables, of which this one has rows for five pieces and one to find its end.
    EXPECT_EQ(after.reads - before.reads, static_cast<std::int64_t>(pieces + 1));
    EXPECT_LE(pieces, 40u) << "each piece began at the front";
}

TEST_F(ResealerTest, what_was_sealed_under_the_old_key_behind_its_back_is_found_before_it_calls_itself_finished) {
    keep_many(500, 200, old);
    Resealer resealer{database, rotated};
    bool slipped_in = false;
    for (bool finished = false; !finished;) {
        finished = resealer.next(50).finished;
        if (!slipped_in && under_old_key() == 0) {
            keep_many(0, 1, old);  // another node, before where we are
            slipped_in = true;
        }
    }
    EXPECT_TRUE(slipped_in);
    EXPECT_EQ(under_old_key(), 0);
}

TEST_F(ResealerTest, a_value_whose_key_is_gone_stays_and_stops_nothing) {
    crypto::Sealer const stranger{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
    keep_many(0, 3, stranger);
    keep_many(10, 3, old);
    Resealer resealer{database, rotated};
    std::size_t sealed = 0;
    for (bool finished = false; !finished;) {
        auto const progress = resealer.next(2);
        sealed += progress.sealed;
        finished = progress.finished;
    }
    EXPECT_EQ(sealed, 3u);
    EXPECT_EQ(under_old_key(), 3);
}

TEST_F(ResealerTest, a_store_that_fails_loses_no_row) {
    keep_many(0, 300, old);
    Resealer resealer{database, rotated};
    int failures = 0;
    // The beginning and the statement of the read, then the same, the commit and its answer of the first write and of a later one: again and
    // again, for most pieces are of columns that hold nothing.
    std::vector<int> const moments{1, 2, 3, 4, 30, 54, 55, 3, 40, 54};
    for (std::size_t i = 0; i < 8 * moments.size(); ++i) {
        int const nth = moments[i % moments.size()];
        database.fail_at(nth);
        try {
            static_cast<void>(resealer.next(100));
        } catch (StorageFault const&) {
            ++failures;
        }
    }
    database.heal();
    EXPECT_GE(failures, 6);
    while (!resealer.next(100).finished) {
    }
    EXPECT_EQ(under_old_key(), 0);
}

}  // namespace
}  // namespace zephyr::server
