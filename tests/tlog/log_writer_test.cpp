#include <atomic>
#include <set>
#include <thread>

#include "tlog/log_fixture.h"

namespace zephyr::tlog {
namespace {

using LogWriterTest = LogTest;

TEST_F(LogWriterTest, ANewLogIsEmptyAndSignsThatItIs) {
    auto const writer = open();
    EXPECT_EQ(writer->size(), 0u);
    EXPECT_TRUE(writer->available());
    auto const checkpoint = writer->last_checkpoint();
    EXPECT_EQ(checkpoint.checkpoint.size, 0u);
    EXPECT_EQ(checkpoint.checkpoint.root, empty_root());
    EXPECT_TRUE(verify_note(checkpoint.note, log_signer().key()).ok());
}

TEST_F(LogWriterTest, AReceiptNamesTheIndexAndTheLeaf) {
    auto const writer = open();
    for (std::uint64_t i = 0; i < 3; ++i) {
        auto const receipt = writer->append(as_bytes("same")).value();
        EXPECT_EQ(receipt.index, i);
        EXPECT_EQ(receipt.leaf, leaf_hash(as_bytes("same")));
    }
    EXPECT_EQ(writer->size(), 3u);
}

TEST_F(LogWriterTest, AStoppedLogEndsInACheckpointAndOpensWhereItEnded) {
    std::uint64_t size = 0;
    for (std::uint64_t more : {1, 2, 255, 256, 3, 700}) {
        auto const writer = open();
        EXPECT_EQ(writer->recovery().size, size);
        EXPECT_TRUE(writer->recovery().ended_cleanly);
        EXPECT_EQ(writer->recovery().torn_bytes, 0u);
        append_many(*writer, size, size + more);
        size += more;
        writer->stop();
        EXPECT_EQ(writer->last_checkpoint().checkpoint.size, size);
        EXPECT_TRUE(verify_note(writer->last_checkpoint().note, log_signer().key()).ok());
        expect_whole(*reader(), size);
    }
    EXPECT_TRUE(log.lines().empty());
}

TEST_F(LogWriterTest, SegmentsEndAndEachEndIsSigned) {
    auto with = settings();
    with.segment_bytes = 1000;
    auto writer = open(with);
    append_many(*writer, 0, 300);
    writer->stop();
    auto const segments = list_segments(folder);
    EXPECT_GT(segments.size(), 8u);
    std::set<std::uint64_t> signed_sizes;
    auto const read = reader();
    auto const checkpoints = read->checkpoints();
    ASSERT_TRUE(checkpoints.ok()) << checkpoints.error();
    for (auto const& each : checkpoints.value()) signed_sizes.insert(each.checkpoint.size);
    for (auto const& segment : segments) {
        EXPECT_TRUE(signed_sizes.contains(segment.first)) << segment.first;
        EXPECT_LE(fs::file_size(segment.path), 1000u);
    }
    expect_whole(*read, 300);
    writer = open(with);
    append(*writer, 300, 310);
    expect_whole(*reader(), 310);
}

TEST_F(LogWriterTest, ACheckpointIsSignedEverySoManyEntries) {
    auto with = settings();
    with.checkpoint_entries = 10;
    auto const writer = open(with);
    append(*writer, 0, 35);
    EXPECT_EQ(writer->checkpoint().value().checkpoint.size, 35u);
    std::vector<std::uint64_t> sizes;
    auto const all = reader()->checkpoints().value();
    for (auto const& each : all) sizes.push_back(each.checkpoint.size);
    EXPECT_EQ(sizes, (std::vector<std::uint64_t>{0, 10, 20, 30, 35}));
}

TEST_F(LogWriterTest, ACheckpointIsSignedWhenTheTimeIsOver) {
    auto with = settings();
    with.checkpoint_every = 20ms;
    auto const writer = open(with);
    std::atomic<std::uint64_t> told = 0;
    writer->on_checkpoint([&](SignedCheckpoint const& checkpoint) {
        told = checkpoint.checkpoint.size;
        told.notify_all();
    });
    append(*writer, 0, 3);
    EXPECT_EQ(writer->last_checkpoint().checkpoint.size, 0u);
    clock.advance(20ms);
    told.wait(0);
    EXPECT_EQ(told, 3u);
    EXPECT_EQ(writer->last_checkpoint().checkpoint.size, 3u);
}

TEST_F(LogWriterTest, AskingForACheckpointTwiceSignsOnce) {
    auto const writer = open();
    append(*writer, 0, 2);
    auto const first = writer->checkpoint().value();
    EXPECT_EQ(first.checkpoint.size, 2u);
    EXPECT_EQ(writer->checkpoint().value().note.str(), first.note.str());
    EXPECT_EQ(reader()->checkpoints().value().size(), 2u);
}

TEST_F(LogWriterTest, AnEntryOfOneByteTooManyIsRefusedAndLeavesNothing) {
    auto with = settings();
    with.max_entry_bytes = 100;
    auto const writer = open(with);
    EXPECT_TRUE(writer->append(as_bytes(std::string(100, 'x'))).ok());
    EXPECT_TRUE(writer->append({}).ok());
    EXPECT_EQ(writer->append(as_bytes(std::string(101, 'x'))).error(), errors::entry_too_large);
    std::string const fits(10, 'x'), large(101, 'x');
    EXPECT_EQ(writer->append_all({as_bytes(fits), as_bytes(large)}).error(), errors::entry_too_large);
    EXPECT_EQ(writer->size(), 2u);
    EXPECT_EQ(reader()->entry(1).value(), Bytes{});
}

TEST_F(LogWriterTest, SeveralEntriesStandTogetherInOneBatchWhateverElseIsWritten) {
    auto with = settings();
    with.segment_bytes = 4000;
    auto const writer = open(with);
    constexpr int threads = 8, rounds = 30;
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (int round = 0; round < rounds; ++round) {
                std::vector<std::string> texts;
                for (int i = 0; i < 5; ++i) texts.push_back(std::to_string(t) + "." + std::to_string(round) + "." + std::to_string(i));
                auto const receipts = writer->append_all({as_bytes(texts[0]), as_bytes(texts[1]),
                                                          as_bytes(texts[2]), as_bytes(texts[3]), as_bytes(texts[4])}).value();
                for (std::size_t i = 0; i < receipts.size(); ++i) ASSERT_EQ(receipts[i].index, receipts[0].index + i);
            }
        });
    }
    for (auto& each : all) each.join();
    auto const read = reader();
    ASSERT_EQ(read->size(), threads * rounds * 5u);
    std::string group;
    ASSERT_TRUE(read->each(0, read->size(), [&](std::uint64_t index, ByteView entry) {
        auto const text = to_text(entry);
        if (index % 5 == 0) group = text.substr(0, text.rfind('.'));
        EXPECT_EQ(text, group + "." + std::to_string(index % 5));
        return true;
    }).ok());
}

TEST_F(LogWriterTest, AGroupLargerThanASegmentStandsInOne) {
    auto with = settings();
    with.segment_bytes = 500;
    auto const writer = open(with);
    append(*writer, 0, 1);
    EXPECT_EQ(append_together(*writer, 1, 101).value().size(), 100u);
    append(*writer, 101, 102);
    EXPECT_EQ(list_segments(folder).size(), 3u);
    expect_whole(*reader(), 102);
}

TEST_F(LogWriterTest, NoEntriesAreNoChange) {
    auto const writer = open();
    EXPECT_TRUE(writer->append_all({}).value().empty());
    EXPECT_EQ(writer->size(), 0u);
}

TEST_F(LogWriterTest, SixtyFourThreadsGetEachIndexOnceAndInTheirOwnOrder) {
    auto with = settings();
    with.segment_bytes = 50'000;
    with.checkpoint_entries = 500;
    auto const writer = open(with);
    constexpr std::uint64_t threads = 64, each = 100;
    std::vector<std::vector<std::uint64_t>> got(threads);
    std::vector<std::thread> all;
    for (std::uint64_t t = 0; t < threads; ++t) {
        all.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < each; ++i) {
                auto const text = std::to_string(t) + ":" + std::to_string(i);
                got[t].push_back(writer->append(as_bytes(text)).value().index);
            }
        });
    }
    for (auto& thread : all) thread.join();
    writer->stop();
    auto const read = reader();
    ASSERT_EQ(read->size(), threads * each);
    std::set<std::uint64_t> seen;
    for (std::uint64_t t = 0; t < threads; ++t) {
        EXPECT_TRUE(std::is_sorted(got[t].begin(), got[t].end()));
        for (std::uint64_t i = 0; i < each; ++i) {
            EXPECT_TRUE(seen.insert(got[t][i]).second);
            EXPECT_EQ(to_text(read->entry(got[t][i]).value()), std::to_string(t) + ":" + std::to_string(i));
        }
    }
    auto const last = read->last_checkpoint().value().checkpoint;
    EXPECT_EQ(last.size, threads * each);
    EXPECT_EQ(last.root, root_of(last.size, read->nodes()));
}

TEST_F(LogWriterTest, CallersWaitWhileTooManyBytesWait) {
    auto with = settings();
    with.waiting_bytes = 300;  // two entries of 100 and their headers
    auto const writer = open(with);
    std::atomic<int> done = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < 16; ++t) {
        all.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                ASSERT_TRUE(writer->append(as_bytes(std::string(100, 'x'))).ok());
                ++done;
            }
        });
    }
    // One larger than all the room there is goes through alone.
    ASSERT_TRUE(writer->append(as_bytes(std::string(1000, 'y'))).ok());
    for (auto& each : all) each.join();
    EXPECT_EQ(done, 320);
    EXPECT_EQ(writer->size(), 321u);
    // What was let in together is what one batch can hold: none has more than two of these entries.
    LogFile const file{last_segment(folder), LogFile::Mode::read};
    RecordScan scan{file, segment_header_bytes, file.size()};
    while (auto const record = scan.next()) EXPECT_LE(record->index - record->batch + record->left, 1u);
}

TEST_F(LogWriterTest, AStoppedWriterTakesNothingAndLetsGoOfTheFolder) {
    auto const first = open();
    append(*first, 0, 1);
    EXPECT_EQ(try_open(settings()).error(), errors::log_in_use);
    first->stop();
    first->stop();
    EXPECT_EQ(first->append(as_bytes("late")).error(), errors::log_unavailable);
    EXPECT_EQ(first->append_all({as_bytes("late")}).error(), errors::log_unavailable);
    EXPECT_EQ(first->checkpoint().error(), errors::log_unavailable);
    EXPECT_EQ(first->last_checkpoint().checkpoint.size, 1u);
    append(*open(), 1, 2);
}

TEST_F(LogWriterTest, StoppingWaitsForNobodyAndLosesNobody) {
    for (int round = 0; round < 10; ++round) {
        fs::remove_all(folder);
        auto const writer = open();
        std::atomic<std::uint64_t> acknowledged = 0, refused = 0;
        std::vector<std::thread> all;
        for (int t = 0; t < 4; ++t) {
            all.emplace_back([&] {
                for (;;) {
                    auto const receipt = writer->append(as_bytes("x"));
                    if (!receipt.ok()) break;
                    ++acknowledged;
                }
                ++refused;
            });
        }
        while (acknowledged < 20) std::this_thread::yield();
        writer->stop();
        for (auto& each : all) each.join();
        EXPECT_EQ(refused, 4u);
        EXPECT_EQ(reader()->size(), acknowledged);
        EXPECT_EQ(writer->last_checkpoint().checkpoint.size, acknowledged);
    }
}

TEST_F(LogWriterTest, AChangedKeySignsOnceWithBothAndThenAlone) {
    auto const next = [] { return NoteSigner{"log.example/audit", KeyKind::ed25519, key_named("the next key")}; };
    {
        auto const writer = open();
        append(*writer, 0, 1);
        auto const both = writer->change_key(next()).value();
        EXPECT_EQ(both.checkpoint.size, 1u);
        EXPECT_TRUE(verify_note(both.note, log_signer().key()).ok());
        EXPECT_TRUE(verify_note(both.note, next().key()).ok());
        EXPECT_EQ(writer->public_key().id(), next().key().id());
        append(*writer, 1, 2);
        auto const alone = writer->checkpoint().value();
        EXPECT_FALSE(verify_note(alone.note, log_signer().key()).ok());
        EXPECT_TRUE(verify_note(alone.note, next().key()).ok());
        EXPECT_THROW((void)writer->change_key(log_signer("another.example/log")), Fault);
    }
    EXPECT_EQ(try_open(settings()).error(), errors::log_damaged) << "the old key signs no more";
    EXPECT_TRUE(LogWriter::open(settings(), next(), clock, log).ok());
}

TEST_F(LogWriterTest, WitnessesSignaturesStayWithTheCheckpointTheySigned) {
    auto writer = open();
    append(*writer, 0, 5);
    auto const older = writer->checkpoint().value();
    auto const cosign = [&](SignedCheckpoint const& to) { return std::vector{witness_signer().sign(to.note.text, clock.now())}; };
    EXPECT_TRUE(writer->add_cosignatures(older.checkpoint, cosign(older)));
    EXPECT_TRUE(verify_note(writer->last_checkpoint().note, witness_signer().key()).ok());
    EXPECT_TRUE(verify_note(writer->last_checkpoint().note, log_signer().key()).ok());
    append(*writer, 5, 8);
    auto const newer = writer->checkpoint().value();
    // Proofs are made from what witnesses vouch for, where that holds the entry.
    EXPECT_EQ(reader()->prove(4).value().checkpoint.checkpoint.size, 5u);
    EXPECT_EQ(reader()->prove(5).value().checkpoint.checkpoint.size, 8u);
    EXPECT_EQ(reader()->last_checkpoint().value().checkpoint.size, 8u);
    EXPECT_TRUE(writer->add_cosignatures(newer.checkpoint, cosign(newer)));
    EXPECT_FALSE(writer->add_cosignatures(older.checkpoint, cosign(older))) << "not back to an older one";
    EXPECT_FALSE(writer->add_cosignatures({"log.example/audit", 7, {}}, cosign(newer))) << "a checkpoint we never signed";
    EXPECT_TRUE(verify_note(reader()->prove(4).value().checkpoint.note, witness_signer().key()).ok());
    writer->stop();
    writer = open();
    EXPECT_TRUE(verify_note(writer->last_checkpoint().note, witness_signer().key()).ok());
}

}  // namespace
}  // namespace zephyr::tlog
