// Whatever is done to a log is found, and the right entry is named. The longest runs are sampled here; log_tamper_test.py does all of them.
#include <gtest/gtest.h>

#include "testing/databases.h"
#include "tlog/checkpoint_file.h"
#include "tlog/note_keys.h"
#include "tlog/tampering.h"

namespace {

namespace fs = std::filesystem;
using namespace zephyr;
using namespace zephyr::testing;
using namespace zephyr::tlog;
using Verdict = VerifyReport::Verdict;

// Coprime to 32 and to every record's length, so that samples fall on every kind of byte.
constexpr std::size_t stride = 101;

class VerifyTamper : public ::testing::Test {
protected:
    static TamperedLog const& log() {
        static TemporaryFolder const folder;
        static TamperedLog const made{folder.path()};
        return made;
    }
    static std::string first(VerifyReport const& report) { return report.findings.empty() ? "" : report.findings.front().what; }
    static VerifyReport verify(fs::path const& copy) { return verify_log(copy, log().options()); }
    static std::vector<SignedCheckpoint> history_of(fs::path const& folder) {
        return read_checkpoints(LogFile{checkpoints_path(folder), LogFile::Mode::read}).all;
    }
    static void rewrite_checkpoints(fs::path const& folder, std::vector<SignedCheckpoint> const& all) {
        fs::remove(checkpoints_path(folder));
        CheckpointFile file{folder, 0};
        for (auto const& each : all) file.append(each);
    }
    static void expect_all_found(Tally const& tally, std::uint64_t at_least) {
        EXPECT_GE(tally.tried, at_least);
        EXPECT_EQ(tally.missed, 0u) << tally.str();
        EXPECT_EQ(tally.misplaced, 0u) << tally.str();
    }
};

TEST_F(VerifyTamper, AWholeLogIsAuthenticated) {
    auto const report = verify(log().log());
    EXPECT_EQ(report.verdict, Verdict::authenticated) << first(report);
    EXPECT_EQ(report.size, TamperedLog::entries);
    EXPECT_EQ(report.first_index, 0u);
    EXPECT_EQ(report.origin, "log.example/audit");
    EXPECT_TRUE(report.findings.empty());
    EXPECT_GT(log().bytes(), 100'000u);
    EXPECT_GE(report.checkpoints, 8u);
}

TEST_F(VerifyTamper, AFlippedByteIsFound) {
    Tally tally;
    flip_bytes(log(), stride, 2, tally);
    expect_all_found(tally, 100'000 / stride);
}

TEST_F(VerifyTamper, EveryByteOfTheSmallFilesFlippedIsFound) {
    auto const copy = log().copy("small");
    Tally tally;
    for (auto const& file : log().files()) {
        if (file.content.size() > 4096) continue;
        for (std::size_t at = 0; at < file.content.size(); ++at) {
            auto changed = file.content;
            changed[at] = static_cast<char>(changed[at] ^ 0x20);
            write_file(copy / file.name, changed);
            tally.note(file.name.string() + " at " + std::to_string(at), verify(copy), file.flipped[at]);
        }
        write_file(copy / file.name, file.content);
    }
    expect_all_found(tally, 500);
}

TEST_F(VerifyTamper, AFileCutAtAnyLengthIsFound) {
    Tally tally;
    cut_files(log(), stride, 2, tally);
    expect_all_found(tally, 100'000 / stride);
}

TEST_F(VerifyTamper, EveryRecordDroppedDoubledOrSwappedIsFound) {
    Tally tally;
    move_records(log(), tally);
    expect_all_found(tally, 3 * (3 * TamperedLog::entries - 10));
}

TEST_F(VerifyTamper, ALogEndedEarlyIsFoundAtEveryLength) {
    Tally tally;
    end_early(log(), tally);
    expect_all_found(tally, 2 * TamperedLog::entries);
}

TEST_F(VerifyTamper, ALogRolledBackToAnyOlderCheckpointIsFoundByWhoRemembersAWitness) {
    auto remembering = log().options();
    remembering.seen = log().witnessed();
    ASSERT_GE(log().older().size(), 3u);
    for (auto const& [size, folder] : log().older()) {
        EXPECT_EQ(verify_log(folder, log().options()).verdict, Verdict::authenticated) << "it was good once: only memory tells";
        auto const report = verify_log(folder, remembering);
        EXPECT_EQ(report.verdict, Verdict::damaged);
        EXPECT_EQ(report.first_bad_index(), size);
    }
    EXPECT_EQ(verify_log(log().log(), remembering).verdict, Verdict::authenticated);
    // An older memory is continued.
    remembering.seen = SignedCheckpoint::parse(read_file(log().older().front().second / "cosigned")).value();
    EXPECT_EQ(verify_log(log().log(), remembering).verdict, Verdict::authenticated);
}

TEST_F(VerifyTamper, AForkIsFoundByWhoSawTheOther) {
    auto const copy = log().copy("fork");
    auto texts = log().texts();
    texts[7] += "!";
    forge_segments(copy, texts);
    forge_hashes(copy, texts);
    forge_checkpoint(copy, log_signer());  // by the log's own key: its operator does it
    fs::remove(copy / "cosigned");
    auto options = log().options();
    options.trust.quorum = 0;
    options.trust.witnesses.clear();
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::authenticated) << "the operator's own key vouches for it";
    options.seen = log().witnessed();
    auto const report = verify_log(copy, options);
    EXPECT_EQ(report.verdict, Verdict::damaged);
    EXPECT_NE(first(report).find("forked"), std::string::npos) << first(report);
    EXPECT_EQ(verify(copy).verdict, Verdict::not_witnessed);
}

TEST_F(VerifyTamper, ALogForgedWholeBySomebodyElseIsFoundByWhoKnowsTheKey) {
    auto const copy = log().copy("forged-whole");
    auto texts = log().texts();
    texts[7] += "!";
    forge_segments(copy, texts);
    forge_hashes(copy, texts);
    forge_checkpoint(copy, NoteSigner{"log.example/audit", KeyKind::ed25519, key_named("somebody else")});
    fs::remove(copy / "cosigned");
    auto const report = verify(copy);
    EXPECT_EQ(report.verdict, Verdict::self_consistent) << "whole, and the key that was given vouches for none of it";
    EXPECT_EQ(first(report), "no key that was given has signed any of its checkpoints");
    EXPECT_EQ(verify_log(copy, {}).verdict, Verdict::self_consistent) << "without a key nobody can tell, and that is what it says";
}

TEST_F(VerifyTamper, AWrongSignatureByTheKeyThatWasGivenIsDamageThoughItSignedNothingElse) {
    auto const copy = log().copy("wrong-signatures");
    auto all = history_of(copy);
    for (auto& each : all) {
        each = signed_by(each.checkpoint, {log_signer()});
        each.note.signatures[0].bytes[0] ^= std::byte{1};
    }
    rewrite_checkpoints(copy, all);
    fs::remove(copy / "cosigned");
    EXPECT_EQ(verify(copy).verdict, Verdict::damaged);
}

TEST_F(VerifyTamper, AFolderThatCannotBeReadIsAFaultAndNothingElse) {
    auto const copy = log().copy("oversized");
    fs::resize_file(copy / "cosigned", 65u << 20);
    EXPECT_THROW((void)verify(copy), StorageFault);
}

TEST_F(VerifyTamper, WithoutAKeyAWholeLogIsNotAuthenticated) {
    EXPECT_EQ(verify_log(log().log(), {}).verdict, Verdict::self_consistent);
    // A key by another name is none of this log's.
    VerifyOptions const wrong{.trust = {.logs = {log_signer("other.example/log").key()}}};
    EXPECT_EQ(verify_log(log().log(), wrong).verdict, Verdict::self_consistent);
}

TEST_F(VerifyTamper, AWitnessPolicyThatIsNotMetIsNoProof) {
    auto options = log().options();
    options.trust.witnesses.push_back(witness_signer("w/3").key());
    options.trust.quorum = 3;
    EXPECT_EQ(verify_log(log().log(), options).verdict, Verdict::not_witnessed);
    options.trust.quorum = 2;
    EXPECT_EQ(verify_log(log().log(), options).verdict, Verdict::authenticated);
    auto const copy = log().copy("unwitnessed");
    fs::remove(copy / "cosigned");
    auto const report = verify(copy);
    EXPECT_EQ(report.verdict, Verdict::not_witnessed);
    EXPECT_EQ(report.first_bad_index(), 0u);
}

TEST_F(VerifyTamper, AnOlderCosignedCheckpointVouchesForItsPartAlone) {
    auto const copy = log().copy("old-cosigned");
    auto const& [size, then] = log().older().back();
    fs::copy_file(then / "cosigned", copy / "cosigned", fs::copy_options::overwrite_existing);
    auto const report = verify(copy);
    EXPECT_EQ(report.verdict, Verdict::not_witnessed);
    EXPECT_EQ(report.first_bad_index(), size);
}

TEST_F(VerifyTamper, AKeyChangeIsFollowedFromTheFirstKey) {
    auto options = log().options();
    options.key_change = nullptr;
    auto const report = verify_log(log().log(), options);
    EXPECT_EQ(report.verdict, Verdict::damaged) << "nobody said whose the later signatures are";
    // Who knows the last key alone can't check the first signatures.
    options = log().options();
    options.trust.logs = {NoteKey{"log.example/audit", KeyKind::ed25519, key_named("the next key").verify_key()}};
    EXPECT_EQ(verify_log(log().log(), options).verdict, Verdict::damaged);
    options.trust.logs.push_back(log_signer().key());
    EXPECT_EQ(verify_log(log().log(), options).verdict, Verdict::authenticated);
}

TEST_F(VerifyTamper, AReplacedKeySignsNothingMore) {
    auto const copy = log().copy("replaced-key");
    auto all = history_of(copy);
    all.back() = signed_by(all.back().checkpoint, {log_signer()});  // the first key, stolen later
    rewrite_checkpoints(copy, all);
    auto const report = verify(copy);
    EXPECT_EQ(report.verdict, Verdict::damaged);
}

TEST_F(VerifyTamper, AnUnknownFileIsFound) {
    for (auto const* name : {"notes.txt", "segments/00000000000000000001.seg.bak", "segments/1.seg", "hashes/9", "hashes/x", ".hidden", "origin.new",
                             "cosigned.new"}) {
        auto const copy = log().copy("unknown");
        write_file(copy / name, "hidden");
        EXPECT_EQ(verify(copy).verdict, Verdict::damaged) << name;
    }
    auto const copy = log().copy("unknown");
    fs::create_directory(copy / "hashes" / "more");
    EXPECT_EQ(verify(copy).verdict, Verdict::damaged);
    auto const locked = log().copy("locked");
    write_file(locked / "lock", "hidden");
    EXPECT_EQ(verify(locked).verdict, Verdict::damaged);
}

TEST_F(VerifyTamper, ALinkInPlaceOfAFileIsNotFollowed) {
    auto const copy = log().copy("linked");
    fs::rename(copy / "checkpoints", copy.parent_path() / "elsewhere");
    fs::create_symlink(copy.parent_path() / "elsewhere", copy / "checkpoints");
    EXPECT_EQ(verify(copy).verdict, Verdict::damaged);
}

TEST_F(VerifyTamper, BytesBehindTheEndOfAFileAreFound) {
    for (auto const& file : log().files()) {
        for (auto const& more : {std::string(1, '\0'), std::string(32, 'x'), std::string(4096, '\0')}) {
            auto const copy = log().copy("longer");
            write_file(copy / file.name, file.content + more);
            EXPECT_EQ(verify(copy).verdict, Verdict::damaged) << file.name << " + " << more.size();
        }
    }
}

TEST_F(VerifyTamper, AFileThatIsGoneIsFound) {
    for (auto const& file : log().files()) {
        if (file.name == "lock") continue;
        auto const copy = log().copy("gone");
        fs::remove(copy / file.name);
        auto const report = verify(copy);
        EXPECT_NE(report.verdict, Verdict::authenticated) << file.name;
        if (file.name.parent_path() == "segments" && file.name.stem() != "00000000000000000000") {
            EXPECT_EQ(report.first_bad_index(), std::stoull(file.name.stem().string())) << file.name;
        }
    }
}

TEST_F(VerifyTamper, ABeginningThatIsGoneNeedsAnEntryThatSaysSo) {
    auto const copy = log().copy("beginning");
    fs::remove(copy / "segments" / "00000000000000000000.seg");
    auto options = log().options();
    options.deletion = nullptr;
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::authenticated) << "nobody asked";
    EXPECT_GT(verify_log(copy, options).first_index, 0u);
    options.deletion = [](ByteView) { return std::optional<std::uint64_t>{}; };
    auto const report = verify_log(copy, options);
    EXPECT_EQ(report.verdict, Verdict::damaged);
    EXPECT_EQ(report.first_bad_index(), 0u);
    options.deletion = [](ByteView entry) { return std::optional<std::uint64_t>{as_text(entry).starts_with("entry 200 ") ? 100u : 0u}; };
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::authenticated);
    options.deletion = [](ByteView entry) { return std::optional<std::uint64_t>{as_text(entry).starts_with("entry 200 ") ? 20u : 0u}; };
    EXPECT_EQ(verify_log(copy, options).first_bad_index(), 20u);
}

// Whoever writes into the folder can write an entry behind the last checkpoint, with all its sums right; and sign nothing.
TEST_F(VerifyTamper, AnEntryThatNoCheckpointCoversDeletesNothing) {
    auto const copy = log().copy("unsigned-deletion");
    fs::remove(copy / "segments" / "00000000000000000000.seg");
    fs::remove(copy / "cosigned");
    auto options = log().options();
    options.must_end_in_checkpoint = false;
    options.trust.quorum = 0;
    options.deletion = [](ByteView entry) { return std::optional<std::uint64_t>{as_text(entry).starts_with("entry 280 ") ? 100u : 0u}; };
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::authenticated);
    cut_checkpoints(copy, 270);
    auto const report = verify_log(copy, options);
    EXPECT_EQ(report.verdict, Verdict::damaged);
    EXPECT_EQ(report.first_bad_index(), 0u);
    options.trust.logs.clear();
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::damaged) << "also where nobody knows a key";
}

TEST_F(VerifyTamper, ALogWhoseWriterRunsNeedNotEndInACheckpoint) {
    auto options = log().options();
    options.must_end_in_checkpoint = false;
    options.trust.quorum = 0;
    EXPECT_EQ(verify_log(log().log(), options).verdict, Verdict::authenticated);
    auto const copy = log().copy("running");
    cut_checkpoints(copy, 270);
    fs::remove(copy / "cosigned");
    auto const report = verify_log(copy, options);
    EXPECT_EQ(report.verdict, Verdict::authenticated) << first(report);
    EXPECT_LT(report.size, 271u) << "only what a checkpoint covers is vouched for";
    // Half a batch at the end is no damage there; the same in a stopped log is.
    auto const& last = log().files().back();
    ASSERT_EQ(last.name.parent_path(), "segments");
    write_file(copy / last.name, last.content + std::string(100, 'x'));
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::authenticated);
    options.must_end_in_checkpoint = true;
    EXPECT_EQ(verify_log(copy, options).verdict, Verdict::damaged);
}

TEST_F(VerifyTamper, AHistoryThatGoesBackOrIsAnothersIsFound) {
    auto const all = history_of(log().log());
    auto const try_with = [&](std::vector<SignedCheckpoint> const& history) {
        auto const copy = log().copy("history");
        rewrite_checkpoints(copy, history);
        return verify(copy).verdict;
    };
    EXPECT_EQ(try_with(all), Verdict::authenticated);
    auto swapped = all;
    std::swap(swapped[2], swapped[3]);
    EXPECT_EQ(try_with(swapped), Verdict::damaged);
    auto other = all;
    auto checkpoint = other[3].checkpoint;
    checkpoint.origin = "other.example/log";
    other[3] = signed_by(checkpoint, {log_signer("other.example/log")});
    EXPECT_EQ(try_with(other), Verdict::damaged);
    // The log's own key signed another root at the same size: two histories.
    auto forked = all;
    checkpoint = forked[3].checkpoint;
    checkpoint.root[0] ^= std::byte{1};
    forked.insert(forked.begin() + 4, signed_by(checkpoint, {log_signer()}));
    EXPECT_EQ(try_with(forked), Verdict::damaged);
    auto beyond = all;
    checkpoint = beyond.back().checkpoint;
    checkpoint.size += 1;
    beyond.push_back(signed_by(checkpoint, {NoteSigner{"log.example/audit", KeyKind::ed25519, key_named("the next key")}}));
    EXPECT_EQ(try_with(beyond), Verdict::damaged);
}

TEST_F(VerifyTamper, AnEmptyFolderIsNoLog) {
    TemporaryFolder const empty;
    fs::create_directories(empty.path() / "log" / "segments");
    fs::create_directories(empty.path() / "log" / "hashes");
    EXPECT_EQ(verify(empty.path() / "log").verdict, Verdict::damaged);
}

}  // namespace
