// What a crash may leave, and what it can't.
#include <set>

#include "tlog/log_fixture.h"

namespace zephyr::tlog {
namespace {

class LogRecoveryTest : public LogTest {
protected:
    // The entries of one signed batch, one unsigned batch and a last batch of several, as a kill leaves them; the hashes of the last
    // batch are left out, as when the kill came before its sync.
    fs::path killed_in_last_batch(std::uint64_t kept, std::uint64_t last) {
        {
            auto const writer = open();
            append(*writer, 0, kept / 2);
            EXPECT_TRUE(writer->checkpoint().ok());
            append(*writer, kept / 2, kept);
            hashes_ = file_bytes(folder / "hashes/0");
            whole_ = fs::file_size(last_segment(folder));
            EXPECT_TRUE(append_together(*writer, kept, kept + last).ok());
            killed_ = snapshot("killed");
        }
        write_bytes(killed_ / "hashes/0", hashes_);
        return killed_;
    }
    std::string damage(fs::path const& copy) {
        auto opened = try_open(settings_for(copy));
        if (opened.ok()) return "nothing";
        EXPECT_EQ(opened.error(), errors::log_damaged) << opened.error();
        return std::string{opened.error().detail()};
    }

    std::uint64_t whole_ = 0;  // bytes of the segment before the last batch
    std::string hashes_;
    fs::path killed_;
};

TEST_F(LogRecoveryTest, ALastBatchTornAtAnyByteIsCutWholeAndNothingElse) {
    auto const killed = killed_in_last_batch(10, 3);
    auto const bytes = file_bytes(last_segment(killed));
    auto const copy = scratch.path() / "copy";
    for (std::uint64_t size = whole_; size < bytes.size(); ++size) {
        fs::remove_all(copy);
        fs::copy(killed, copy, fs::copy_options::recursive);
        write_bytes(last_segment(copy), bytes.substr(0, size));
        {
            auto const writer = open(settings_for(copy));
            ASSERT_NE(writer, nullptr) << size;
            ASSERT_EQ(writer->size(), 10u) << size;
            ASSERT_EQ(writer->recovery().torn_bytes, size - whole_);
            ASSERT_FALSE(writer->recovery().ended_cleanly);
            append(*writer, 10, 12);
        }
        expect_whole(*LogReader::open(copy).value(), 12);
    }
}

TEST_F(LogRecoveryTest, ALastBatchWithAnyByteRottenIsCutWhole) {
    auto const killed = killed_in_last_batch(10, 3);
    auto const segment = last_segment(killed);
    auto const bytes = file_bytes(segment);
    for (std::uint64_t at = whole_; at < bytes.size(); ++at) {
        auto const copy = scratch.path() / "copy";
        fs::remove_all(copy);
        fs::copy(killed, copy, fs::copy_options::recursive);
        auto rotten = bytes;
        rotten[at] ^= 0x40;
        write_bytes(last_segment(copy), rotten);
        auto const writer = open(settings_for(copy));
        ASSERT_NE(writer, nullptr) << at;
        ASSERT_EQ(writer->size(), 10u) << at;
    }
}

TEST_F(LogRecoveryTest, ALastBatchThatIsWholeStaysThoughNobodyWasTold) {
    auto const killed = killed_in_last_batch(10, 3);
    {
        auto const writer = open(settings_for(killed));
        EXPECT_EQ(writer->size(), 13u);
        EXPECT_FALSE(writer->recovery().ended_cleanly);
        EXPECT_EQ(writer->recovery().torn_bytes, 0u);
    }
    expect_whole(*LogReader::open(killed).value(), 13);
}

TEST_F(LogRecoveryTest, ZerosBehindTheEndAreTorn) {  // as some file systems leave them when the power fails
    auto const killed = killed_in_last_batch(10, 3);
    auto const bytes = file_bytes(last_segment(killed));
    write_bytes(last_segment(killed), bytes.substr(0, whole_) + std::string(bytes.size() - whole_, '\0'));
    EXPECT_EQ(open(settings_for(killed))->size(), 10u);
}

TEST_F(LogRecoveryTest, ABatchTheHashesKnowWasDurableSoItsLossIsDamage) {
    killed_in_last_batch(10, 3);
    auto const copy = snapshot("copy");  // with all its hashes
    auto const bytes = file_bytes(last_segment(copy));
    write_bytes(last_segment(copy), bytes.substr(0, bytes.size() - 1));
    auto checkpoints = file_bytes(copy / "checkpoints");
    write_bytes(copy / "checkpoints", checkpoints.substr(0, checkpoints.rfind("checkpoint ")));
    EXPECT_NE(damage(copy).find("entry 12"), std::string::npos);
}

TEST_F(LogRecoveryTest, BadBytesBeforeALaterBatchAreDamage) {
    fs::path killed;
    std::uint64_t signed_end = 0, last_begin = 0;
    std::string hashes;
    {
        auto const writer = open();
        append(*writer, 0, 5);
        ASSERT_TRUE(writer->checkpoint().ok());
        hashes = file_bytes(folder / "hashes/0");
        signed_end = fs::file_size(last_segment(folder));
        append(*writer, 5, 9);  // four batches nobody signed
        last_begin = fs::file_size(last_segment(folder));
        append(*writer, 9, 10);
        killed = snapshot("killed");
    }
    write_bytes(killed / "hashes/0", hashes);
    auto const bytes = file_bytes(last_segment(killed));
    std::set<std::string> told;
    for (auto at = signed_end; at < last_begin; ++at) {
        auto rotten = bytes;
        rotten[at] ^= 0x01;
        write_bytes(last_segment(killed), rotten);
        auto const what = damage(killed);
        ASSERT_NE(what.find("(entry "), std::string::npos) << at << what;
        told.insert(what.substr(what.find("(entry ")));
    }
    EXPECT_EQ(told, (std::set<std::string>{"(entry 5)", "(entry 6)", "(entry 7)", "(entry 8)"}));
}

TEST_F(LogRecoveryTest, EveryByteOfAStoppedLogsSegmentCounts) {
    {
        auto const writer = open();
        append(*writer, 0, 3);
        ASSERT_TRUE(append_together(*writer, 3, 6).ok());
    }
    auto const bytes = file_bytes(last_segment(folder));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto rotten = bytes;
        rotten[at] ^= 0x08;
        write_bytes(last_segment(folder), rotten);
        ASSERT_NE(damage(folder), "nothing") << at;
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        write_bytes(last_segment(folder), bytes.substr(0, size));
        ASSERT_NE(damage(folder), "nothing") << size;
    }
    // Refusing has changed nothing.
    write_bytes(last_segment(folder), bytes);
    EXPECT_EQ(damage(folder), "nothing");
}

TEST_F(LogRecoveryTest, RecordsDroppedDoubledOrSwappedAreDamage) {
    {
        auto const writer = open();
        append(*writer, 0, 6);
    }
    auto const bytes = file_bytes(last_segment(folder));
    auto const one = (bytes.size() - segment_header_bytes) / 6;
    auto const record = [&](std::size_t i) { return bytes.substr(segment_header_bytes + i * one, one); };
    auto const head = bytes.substr(0, segment_header_bytes);
    for (std::vector<std::size_t> const& order : std::vector<std::vector<std::size_t>>{
             {0, 1, 3, 4, 5}, {1, 2, 3, 4, 5}, {0, 1, 2, 3, 4}, {0, 1, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5, 5}, {0, 2, 1, 3, 4, 5}}) {
        auto changed = head;
        for (auto i : order) changed += record(i);
        write_bytes(last_segment(folder), changed);
        EXPECT_NE(damage(folder), "nothing") << ::testing::PrintToString(order);
    }
}

TEST_F(LogRecoveryTest, AMissingEmptyOrShortSegmentIsDamage) {
    auto with = settings();
    with.segment_bytes = 500;
    {
        auto const writer = open(with);
        append(*writer, 0, 60);
    }
    auto const segments = list_segments(folder);
    ASSERT_GT(segments.size(), 4u);
    auto const refuses = [&](auto const& change) {
        for (std::size_t i = 0; i < segments.size(); ++i) {
            auto const copy = snapshot("copy");
            change(segment_path(copy, segments[i].first));
            // The first may have been deleted on purpose.
            if (!fs::exists(segment_path(copy, segments[i].first)) && i == 0) continue;
            EXPECT_NE(damage(copy), "nothing") << i;
        }
    };
    refuses([](fs::path const& path) { fs::remove(path); });
    refuses([](fs::path const& path) { fs::resize_file(path, 0); });
    refuses([](fs::path const& path) { fs::resize_file(path, segment_header_bytes); });
    refuses([](fs::path const& path) { fs::resize_file(path, fs::file_size(path) - 1); });
    refuses([&](fs::path const& path) {
        // Behind the last one's end it is what a torn batch looks like.
        if (path.filename() == segments.back().path.filename()) return fs::resize_file(path, fs::file_size(path) - 5);
        write_bytes(path, file_bytes(path) + "x");
    });
    auto const copy = snapshot("copy");
    fs::copy_file(segments[1].path, segment_path(copy, segments[2].first), fs::copy_options::overwrite_existing);
    EXPECT_NE(damage(copy), "nothing");
}

TEST_F(LogRecoveryTest, ALastSegmentWhoseHeaderWasTornIsBegunAgain) {
    auto with = settings();
    with.segment_bytes = 500;
    {
        auto const writer = open(with);
        append(*writer, 0, 30);
    }
    auto const segments = list_segments(folder);
    auto const size = LogReader::open(folder).value()->size();
    auto next = SegmentHeader{size, segments.back().first, fs::file_size(segments.back().path)}.encode();
    auto const header = to_text(next);
    for (std::size_t torn = 0; torn <= header.size(); ++torn) {
        auto const copy = snapshot("copy");
        write_bytes(segment_path(copy, size), header.substr(0, torn));
        {
            auto const writer = open([&] { auto out = settings_for(copy); out.segment_bytes = 500; return out; }());
            ASSERT_NE(writer, nullptr) << torn;
            append(*writer, size, size + 20);
        }
        expect_whole(*LogReader::open(copy).value(), size + 20);
        ASSERT_TRUE(try_open(settings_for(copy)).ok());
    }
}

TEST_F(LogRecoveryTest, ATornCheckpointIsCutWhenWhatPrecedesIsWhole) {
    fs::path killed;
    {
        auto const writer = open();
        append(*writer, 0, 3);
        ASSERT_TRUE(writer->checkpoint().ok());
        append(*writer, 3, 5);
        ASSERT_TRUE(writer->checkpoint().ok());
    }
    auto const bytes = file_bytes(folder / "checkpoints");
    for (auto size = bytes.rfind("checkpoint "); size < bytes.size(); ++size) {
        auto const copy = snapshot("copy");
        write_bytes(copy / "checkpoints", bytes.substr(0, size));
        {
            auto const writer = open(settings_for(copy));
            ASSERT_NE(writer, nullptr) << size;
            ASSERT_EQ(writer->last_checkpoint().checkpoint.size, 3u);
            ASSERT_EQ(writer->size(), 5u);
        }
        auto const all = LogReader::open(copy).value()->checkpoints();
        ASSERT_TRUE(all.ok()) << all.error();
        ASSERT_EQ(all.value().back().checkpoint.size, 5u);
    }
}

TEST_F(LogRecoveryTest, CheckpointsThatAreGoneRottenOrSomebodyElsesAreDamage) {
    {
        auto const writer = open();
        append(*writer, 0, 3);
        ASSERT_TRUE(writer->checkpoint().ok());
        append(*writer, 3, 5);
    }
    auto const bytes = file_bytes(folder / "checkpoints");
    auto const second = bytes.find("checkpoint ", 5), third = bytes.rfind("checkpoint ");
    for (auto const& [what, content] : std::vector<std::pair<std::string, std::string>>{
             {"none", ""},
             {"rubbish", std::string(bytes.size(), 'x')},
             {"two bad at the end", bytes.substr(0, second) + std::string{bytes.substr(second)}.replace(30, 1, "\n").replace(third - second + 30, 1, "\n")}}) {
        auto const copy = snapshot("copy");
        write_bytes(copy / "checkpoints", content);
        EXPECT_NE(damage(copy), "nothing") << what;
    }
    auto const copy = snapshot("copy");
    fs::remove(copy / "checkpoints");
    EXPECT_NE(damage(copy), "nothing");
    NoteSigner const other{"log.example/audit", KeyKind::ed25519, key_named("somebody else")};
    EXPECT_EQ(LogWriter::open(settings(), other, clock, log).error(), errors::log_damaged);
    // Signed well by the log's key, but of another tree.
    auto forged = signed_by({"log.example/audit", 5, leaf_hash(as_bytes("x"))}, {log_signer()}).note.str();
    auto const forged_copy = snapshot("forged");
    auto number = std::to_string(forged.size());
    write_bytes(forged_copy / "checkpoints", bytes.substr(0, third) + "checkpoint " + std::string(6 - number.size(), '0') + number + "\n" + forged);
    EXPECT_NE(damage(forged_copy), "nothing");
}

TEST_F(LogRecoveryTest, AnotherOriginRefuses) {
    { append(*open(), 0, 1); }
    auto with = settings();
    with.origin = "another.example/audit";
    EXPECT_EQ(LogWriter::open(with, log_signer("another.example/audit"), clock, log).error(), errors::log_damaged);
    EXPECT_THROW((void)LogWriter::open(with, log_signer(), clock, log), Fault);
}

TEST_F(LogRecoveryTest, WithoutItsOriginALogIsNotTakenForANewOne) {
    { append(*open(), 0, 3); }
    for (auto const& gone : std::vector<std::vector<std::string>>{{}, {"segments"}, {"segments", "hashes"}, {"checkpoints"}, {"checkpoints", "hashes"}}) {
        auto const copy = snapshot("copy");
        fs::remove(copy / "origin");
        for (auto const& each : gone) fs::remove_all(copy / each);
        EXPECT_NE(damage(copy), "nothing") << ::testing::PrintToString(gone);
    }
    // And with it, the rest must be there.
    for (auto const* each : {"segments", "checkpoints"}) {
        auto const copy = snapshot("copy");
        fs::remove_all(copy / each);
        EXPECT_NE(damage(copy), "nothing") << each;
    }
}

TEST_F(LogRecoveryTest, HashesThatAreMissingOrWrongAreMadeAnewFromTheEntries) {
    auto with = settings();
    with.segment_bytes = 20'000;
    {
        auto const writer = open(with);
        append_many(*writer, 0, 1500);
    }
    auto const check = [&](std::string const& what, auto const& change) {
        auto const copy = snapshot("copy");
        change(copy / "hashes");
        auto here = with;
        here.folder = copy;
        ASSERT_NE(open(here), nullptr) << what;
        EXPECT_EQ(file_bytes(copy / "hashes/0"), file_bytes(folder / "hashes/0")) << what;
        EXPECT_EQ(file_bytes(copy / "hashes/1"), file_bytes(folder / "hashes/1")) << what;
        expect_whole(*LogReader::open(copy).value(), 1500);
    };
    check("all", [](fs::path const& hashes) { fs::remove_all(hashes); });
    check("level 1", [](fs::path const& hashes) { fs::remove(hashes / "1"); });
    check("the end", [](fs::path const& hashes) { fs::resize_file(hashes / "0", 1400 * 32 + 7); });
    check("a third", [](fs::path const& hashes) { fs::resize_file(hashes / "0", 500 * 32); });
    log.lines();
    check("wrong ones at the end", [](fs::path const& hashes) {
        auto bytes = file_bytes(hashes / "0");
        bytes[bytes.size() - 40] ^= 1;
        write_bytes(hashes / "0", bytes);
    });
    EXPECT_EQ(log.lines().back().event, "tlog.hashes_mended");
}

}  // namespace
}  // namespace zephyr::tlog
