// A folder of epochs that somebody else arranged: none can be left out, hidden, renamed or exchanged.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "audit/trail_fixture.h"
#include "zephyr/audit/epochs.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/durable_file.h"

namespace zephyr::audit {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Verdict = tlog::VerifyReport::Verdict;

class VerifyEpochsTest : public ::testing::Test {
protected:
    static constexpr auto base = "login.example/audit/n1";

    void SetUp() override {
        fs::create_directories(epochs());
        write({}, 7);
        begin_next({.reason = "restored", .indexed = 9});
        begin_next({.reason = "restored again", .indexed = 3});
    }

    fs::path epochs() const { return folder.path() / "audit" / "epochs"; }
    fs::path epoch(std::string const& name) const { return epochs() / name; }
    static tlog::NoteSigner signer(std::string const& origin) {
        static auto const key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
        return tlog::NoteSigner{origin, tlog::KeyKind::ed25519, key};
    }

    // Into the log of the current epoch, whose first entry is `first`.
    void write(std::optional<Event> const& first, int entries) {
        auto const now = current_epoch(folder.path() / "audit", base);
        auto const log = tlog::LogWriter::open({.folder = now.folder, .origin = now.origin}, signer(now.origin), clock, kept).value();
        for (int i = 0; i < entries; ++i) {
            Record record;
            record.id = make_uuid_v7(clock.now(), random);
            record.time = clock.now();
            record.code = i == 0 && first ? first->code : codes::auth_refused;
            if (i == 0 && first) record.details = first->details;
            std::ranges::sort(record.details);
            if (i == 0 && first) record.reason = first->reason;
            ASSERT_TRUE(log->append(record.encode().value()).ok());
        }
    }
    void begin_next(BeginEpoch const& begin) {
        auto const begun = begin_next_epoch(folder.path() / "audit", base, begin).value();
        write(epoch_begun(begun), 4);
    }
    std::vector<VerifiedLog> verify(fs::path const& where) const {
        return verify_epochs(where, {.trust = {.logs = {signer(base).key()}}});
    }
    std::vector<VerifiedLog> verify() const { return verify(folder.path()); }
    static Verdict worst(std::vector<VerifiedLog> const& all) {
        auto const bad = [](VerifiedLog const& each) { return each.report.verdict == Verdict::damaged; };
        if (std::ranges::any_of(all, bad)) return Verdict::damaged;
        return all.empty() ? Verdict::not_witnessed : all.front().report.verdict;
    }
    static std::string told(std::vector<VerifiedLog> const& all) {
        std::string out;
        for (auto const& log : all) {
            for (auto const& each : log.report.findings) out += each.what + "\n";
            for (auto const& each : log.notes) out += each + "\n";
        }
        return out;
    }

    testing::TemporaryFolder folder;
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    testing::KeptLog kept;
};

TEST_F(VerifyEpochsTest, whole_epochs_are_authenticated_by_the_first_ones_key_and_losses_are_stated) {
    for (auto const& where : {folder.path(), folder.path() / "audit", epochs()}) {
        auto const all = verify(where);
        ASSERT_THAT(all, SizeIs(3));
        for (auto const& each : all) EXPECT_EQ(each.report.verdict, Verdict::authenticated) << told(all);
    }
    auto const all = verify();
    EXPECT_THAT(all[1].notes, Contains(HasSubstr("ended at 7 entries: restored")));
    EXPECT_THAT(all[1].notes, Contains("2 entries of it were lost: the database knew of 9"));
    EXPECT_THAT(all[2].notes, SizeIs(1)) << "nothing was lost";
    EXPECT_EQ(verify(epoch("0002")).at(0).report.verdict, Verdict::authenticated);
    EXPECT_THAT(verify(folder.path() / "none"), IsEmpty());
}

TEST_F(VerifyEpochsTest, an_epoch_that_is_left_out_is_missed) {
    for (auto const* name : {"0001", "0002"}) {
        fs::rename(epoch(name), folder.path() / "aside");
        EXPECT_EQ(worst(verify()), Verdict::damaged) << name;
        EXPECT_THAT(told(verify()), HasSubstr(std::string{"epoch "} + name + " is missing"));
        fs::rename(folder.path() / "aside", epoch(name));
    }
    // Of the last one its beginning is left, which may be all there ever was; it is told.
    fs::rename(epoch("0003"), folder.path() / "aside");
    EXPECT_THAT(told(verify()), HasSubstr("epoch 0003 was begun"));
    fs::rename(epoch("0002"), folder.path() / "aside2");
    EXPECT_EQ(worst(verify()), Verdict::damaged);
}

TEST_F(VerifyEpochsTest, the_first_cannot_be_dropped_by_renaming_the_others) {
    fs::remove_all(epoch("0001"));
    fs::rename(epoch("0002"), epoch("0001"));
    fs::rename(epoch("0003"), epoch("0002"));
    fs::remove(epoch("0003.begun"));
    EXPECT_EQ(worst(verify()), Verdict::damaged);
    fs::remove_all(epoch("0002"));
    fs::remove(epoch("0002.begun"));
    EXPECT_EQ(worst(verify()), Verdict::damaged);
    EXPECT_THAT(told(verify()), HasSubstr("continues a log that is not here"));
}

TEST_F(VerifyEpochsTest, a_log_cannot_be_hidden_by_its_origin_its_name_or_a_link) {
    fs::remove(epoch("0002") / "origin");
    auto all = verify();
    EXPECT_THAT(all, SizeIs(3));
    EXPECT_EQ(worst(all), Verdict::damaged);
    fs::remove_all(epoch("0002"));
    fs::create_directory_symlink(folder.path(), epoch("0002"));
    EXPECT_EQ(worst(verify()), Verdict::damaged);
    fs::remove(epoch("0002"));
    fs::create_directory(epoch("old"));
    EXPECT_THAT(told(verify()), HasSubstr("\"old\" is no epoch's name"));
}

TEST_F(VerifyEpochsTest, a_second_folder_of_epochs_hides_nothing) {
    fs::create_directories(folder.path() / "audit" / "audit" / "epochs");
    fs::copy(epoch("0001"), folder.path() / "audit" / "audit" / "epochs" / "0001", fs::copy_options::recursive);
    EXPECT_THAT(verify(folder.path() / "audit"), SizeIs(4));
}

TEST_F(VerifyEpochsTest, two_epochs_cannot_change_places_and_a_log_of_another_name_is_none) {
    fs::rename(epoch("0002"), epoch("x"));
    fs::rename(epoch("0003"), epoch("0002"));
    fs::rename(epoch("x"), epoch("0003"));
    auto const all = verify();
    ASSERT_THAT(all, SizeIs(3));
    EXPECT_EQ(all[1].report.verdict, Verdict::damaged);
    EXPECT_EQ(all[2].report.verdict, Verdict::damaged);
}

// By who holds the key: the operator makes the first epoch anew, and another second one would have to say so.
TEST_F(VerifyEpochsTest, an_epoch_that_was_made_anew_is_not_the_one_that_the_next_names) {
    for (int const entries : {7, 9, 3}) {
        fs::remove_all(epoch("0001"));
        auto const log = tlog::LogWriter::open({.folder = epoch("0001"), .origin = base}, signer(base), clock, kept).value();
        for (int i = 0; i < entries; ++i) {
            Record record;
            record.id = make_uuid_v7(clock.now(), random);
            record.code = codes::auth_refused;
            record.reason = "made anew";
            ASSERT_TRUE(log->append(record.encode().value()).ok());
        }
        log->stop();
        auto const all = verify();
        ASSERT_THAT(all, SizeIs(3));
        EXPECT_EQ(all[0].report.verdict, Verdict::damaged) << entries;
        EXPECT_EQ(all[1].report.verdict, Verdict::authenticated) << entries;
        EXPECT_THAT(told(all), HasSubstr(entries < 7 ? "it had 7 entries when the next epoch was begun" : "are not those that it had")) << entries;
    }
}

TEST_F(VerifyEpochsTest, an_epoch_that_does_not_say_what_it_continues_is_damaged) {
    fs::remove_all(epoch("0003"));
    auto const log = tlog::LogWriter::open({.folder = epoch("0003"), .origin = std::string{base} + "/3"}, signer(std::string{base} + "/3"), clock,
                                           kept).value();
    Record record;
    record.id = make_uuid_v7(clock.now(), random);
    record.code = codes::auth_refused;
    ASSERT_TRUE(log->append(record.encode().value()).ok());
    log->stop();
    EXPECT_THAT(told(verify()), HasSubstr("does not say which log it continues"));
    EXPECT_EQ(worst(verify()), Verdict::damaged);
}

TEST_F(VerifyEpochsTest, one_that_cannot_be_read_is_damaged_and_the_others_are_judged) {
    auto const file = epoch("0001") / "cosigned";
    { tlog::LogReader::open(epoch("0001")).value(); }
    replace_file(file, as_bytes("x"));
    fs::resize_file(file, 65u << 20);
    auto const all = verify();
    ASSERT_THAT(all, SizeIs(3));
    EXPECT_EQ(all[0].report.verdict, Verdict::damaged);
    EXPECT_EQ(all[1].report.verdict, Verdict::authenticated);
    EXPECT_EQ(all[2].report.verdict, Verdict::authenticated);
}

TEST_F(VerifyEpochsTest, an_origin_that_never_ends_or_is_no_file_does_not_block) {
    auto const origin = epoch("0003") / "origin";
    auto const damaged = [&] { return verify().at(2).report.verdict == Verdict::damaged; };
    fs::remove(origin);
    ASSERT_EQ(::mkfifo(origin.c_str(), 0600), 0);
    EXPECT_TRUE(damaged());
    EXPECT_EQ(worst(verify(epoch("0003"))), Verdict::damaged);
    fs::remove(origin);
    fs::create_symlink("/dev/zero", origin);
    EXPECT_TRUE(damaged());
    fs::remove(origin);
    replace_file(origin, as_bytes("x"));
    fs::resize_file(origin, std::uintmax_t{1} << 40);
    EXPECT_TRUE(damaged());
}

TEST_F(VerifyEpochsTest, a_key_of_nobody_here_authenticates_nothing_and_damages_nothing) {
    auto const stranger = tlog::NoteSigner{base, tlog::KeyKind::ed25519, crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)};
    for (auto const& each : verify_epochs(folder.path(), {.trust = {.logs = {stranger.key()}}})) {
        EXPECT_EQ(each.report.verdict, Verdict::self_consistent);
    }
}

}  // namespace
}  // namespace zephyr::audit
