#include <atomic>
#include <thread>

#include "tlog/log_fixture.h"

namespace zephyr::tlog {
namespace {

class LogReaderTest : public LogTest {
protected:
    static TrustPolicy trust() { return {.logs = {log_signer().key()}}; }
    static std::unique_ptr<LogReader> open_reader(fs::path const& at) { return LogReader::open(at).value(); }
};

TEST_F(LogReaderTest, AFolderThatIsNoLogRefuses) {
    EXPECT_EQ(LogReader::open(scratch.path() / "none").error(), errors::log_damaged);
    fs::create_directories(folder);
    EXPECT_EQ(LogReader::open(folder).error(), errors::log_damaged);
}

TEST_F(LogReaderTest, WhatWasAcknowledgedCanBeReadAtOnce) {
    auto with = settings();
    with.segment_bytes = 1000;
    auto const writer = open(with);
    auto const read = reader();
    EXPECT_EQ(read->origin(), "log.example/audit");
    EXPECT_EQ(read->size(), 0u);
    EXPECT_EQ(read->first_index(), 0u);
    for (std::uint64_t i = 0; i < 150; ++i) {
        append(*writer, i, i + 1);
        ASSERT_EQ(read->size(), i + 1);
        ASSERT_EQ(to_text(read->entry(i).value()), text_of(i));
        ASSERT_EQ(to_text(read->entry(i * 7 % (i + 1)).value()), text_of(i * 7 % (i + 1)));
        ASSERT_EQ(read->entry(i + 1).error(), errors::entry_gone);
    }
}

TEST_F(LogReaderTest, EntriesComeInOrderFromAnyPlaceAndStopWhenToldTo) {
    auto with = settings();
    with.segment_bytes = 3000;
    auto const writer = open(with);
    append_many(*writer, 0, 500);
    auto const read = reader();
    for (std::uint64_t from : {0, 1, 63, 64, 65, 200, 499, 500}) {
        auto next = from;
        ASSERT_TRUE(read->each(from, 500, [&](std::uint64_t index, ByteView entry) {
            EXPECT_EQ(index, next);
            EXPECT_EQ(as_text(entry), text_of(next++));
            return true;
        }).ok());
        EXPECT_EQ(next, 500u);
    }
    int calls = 0;
    ASSERT_TRUE(read->each(100, 500, [&](std::uint64_t, ByteView) { return ++calls < 7; }).ok());
    EXPECT_EQ(calls, 7);
    EXPECT_EQ(read->each(0, 501, [](std::uint64_t, ByteView) { return true; }).error(), errors::entry_gone);
}

TEST_F(LogReaderTest, AReaderBesideABusyWriterSeesOnlyWhatIsWhole) {
    auto with = settings();
    with.segment_bytes = 20'000;
    with.checkpoint_entries = 100;
    auto const writer = open(with);
    std::atomic<bool> over = false;
    std::atomic<std::uint64_t> written = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < 3; ++t) {
        all.emplace_back([&] {
            auto const read = reader();
            std::uint64_t before = 0, proved = 0;
            while (!over) {
                auto const acknowledged = written.load();
                auto const size = read->size();
                EXPECT_GE(size, acknowledged);
                auto const outcome = read->each(before, size, [&](std::uint64_t index, ByteView entry) {
                    EXPECT_EQ(as_text(entry), text_of(index));
                    return true;
                });
                EXPECT_TRUE(outcome.ok()) << outcome.error();
                before = size;
                auto const last = read->last_checkpoint().value().checkpoint.size;
                EXPECT_TRUE(read->checkpoints().ok());
                if (last == 0) continue;
                auto const proof = read->prove(last - 1);
                ASSERT_TRUE(proof.ok()) << proof.error();
                EXPECT_TRUE(verify_proof(proof.value(), as_bytes(text_of(last - 1)), trust()).ok());
                ++proved;
            }
            EXPECT_GT(proved, 0u);
        });
    }
    for (std::uint64_t i = 0; i < 5000; i += 10) {
        append_many(*writer, i, i + 10);
        written = i + 10;
    }
    over = true;
    for (auto& each : all) each.join();
}

TEST_F(LogReaderTest, EveryEntryIsProvedAndEveryPairOfSizesIsConsistent) {
    auto const writer = open();
    append(*writer, 0, 70);
    ASSERT_TRUE(writer->checkpoint().ok());
    append(*writer, 70, 75);
    auto const read = reader();
    for (std::uint64_t i = 0; i < 70; ++i) {
        auto const proof = read->prove(i);
        ASSERT_TRUE(proof.ok()) << proof.error();
        ASSERT_TRUE(verify_proof(proof.value(), as_bytes(text_of(i)), trust()).ok()) << i;
        ASSERT_FALSE(verify_proof(proof.value(), as_bytes(text_of(i + 1)), trust()).ok()) << i;
    }
    EXPECT_EQ(read->prove(70).error(), errors::proof_out_of_range) << "no checkpoint holds it yet";
    for (std::uint64_t from = 1; from <= 75; ++from) {
        for (std::uint64_t to = from; to <= 75; ++to) {
            auto const proof = read->prove_consistency(from, to).value();
            ASSERT_TRUE(verify_consistency(from, to, root_of(from, read->nodes()), root_of(to, read->nodes()), proof).ok());
        }
    }
    EXPECT_EQ(read->prove_consistency(3, 76).error(), errors::proof_out_of_range);
    EXPECT_EQ(read->prove_consistency(4, 3).error(), errors::proof_out_of_range);
}

TEST_F(LogReaderTest, TilesAreThoseOfC2sp) {
    auto const writer = open();
    // "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1
    // tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1."
    for (std::uint64_t i = 0; i < 70'000; i += 1000) ASSERT_TRUE(append_together(*writer, i, i + 1000).ok());
    ASSERT_TRUE(writer->checkpoint().ok());
    auto const read = reader();
    for (auto const& [level, index, width] : std::vector<std::tuple<unsigned, std::uint64_t, unsigned>>{
             {0, 0, 256}, {0, 272, 256}, {0, 273, 112}, {0, 273, 1}, {1, 0, 256}, {1, 1, 17}, {2, 0, 1}}) {
        auto const tile = read->tile(level, index, width);
        ASSERT_TRUE(tile.ok()) << level << "/" << index << "/" << width;
        ASSERT_EQ(tile.value().size(), 32u * width);
        // "MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])", for the last i.
        auto const last = index * 256 + width - 1;
        Frontier tree;
        for (auto i = last << (8 * level); i < (last + 1) << (8 * level); ++i) tree.append(leaf_hash(as_bytes(text_of(i))));
        auto const root = tree.root();
        EXPECT_EQ(as_text(ByteView{tile.value()}.last(32)), as_text(root));
    }
    for (auto const& [level, index, width] : std::vector<std::tuple<unsigned, std::uint64_t, unsigned>>{
             {0, 273, 113}, {0, 274, 1}, {1, 1, 18}, {2, 0, 2}, {3, 0, 1}, {8, 0, 1}, {63, 0, 1}, {0, 0, 0}, {0, 0, 257}, {0, ~0ull, 1}})
        EXPECT_EQ(read->tile(level, index, width).error(), errors::proof_out_of_range) << level << "/" << index << "/" << width;
}

TEST_F(LogReaderTest, DamageIsToldWithItsIndexAndDoesNotHideOtherEntries) {
    {
        auto const writer = open();
        append_many(*writer, 0, 200);
    }
    auto bytes = file_bytes(last_segment(folder));
    auto const at = bytes.find(text_of(150));
    bytes[at] ^= 1;
    write_bytes(last_segment(folder), bytes);
    auto const read = reader();
    EXPECT_EQ(to_text(read->entry(149).value()), text_of(149));
    auto const bad = read->entry(150);
    EXPECT_EQ(bad.error(), errors::log_damaged);
    EXPECT_NE(bad.error().detail().find("entry 150"), std::string::npos) << bad.error();
    EXPECT_EQ(read->each(0, 200, [](std::uint64_t, ByteView) { return true; }).error(), errors::log_damaged);
    auto hashes = file_bytes(folder / "hashes/0");
    hashes[32 * 20] ^= 1;
    write_bytes(folder / "hashes/0", hashes);
    EXPECT_EQ(reader()->prove(20).error(), errors::log_damaged);
    EXPECT_EQ(reader()->prove(100).error(), errors::log_damaged) << "it leads to the same root";
}

class LogDeletionTest : public LogReaderTest {
protected:
    LogSettings small() const {
        auto out = settings();
        out.segment_bytes = 15'000;
        return out;
    }
};

TEST_F(LogDeletionTest, WholeSegmentsGoAndLaterProofsStay) {
    auto writer = open(small());
    append_many(*writer, 0, 1000);
    auto const old = writer->checkpoint().value().checkpoint;
    append_many(*writer, 1000, 2000);
    ASSERT_TRUE(writer->checkpoint().ok());
    auto const segments = list_segments(folder);
    ASSERT_GT(segments.size(), 4u);
    auto const read = reader();
    EXPECT_EQ(to_text(read->entry(0).value()), text_of(0));
    EXPECT_EQ(writer->first_after_deletion(segments[1].first - 1).value(), 0u);
    EXPECT_EQ(writer->first_after_deletion(segments[2].first - 1).value(), segments[1].first);
    EXPECT_EQ(writer->first_after_deletion(segments[3].first).value(), segments[3].first);
    EXPECT_EQ(writer->first_after_deletion(1'000'000).value(), segments.back().first);
    // One entry below the second segment's end is not enough to delete it.
    EXPECT_EQ(writer->delete_segments_below(segments[2].first - 1).value(), 1u);
    EXPECT_EQ(read->first_index(), segments[1].first);
    EXPECT_EQ(writer->delete_segments_below(segments[3].first).value(), 2u);
    EXPECT_EQ(writer->delete_segments_below(segments[3].first).value(), 0u);
    for (int opened_again = 0; opened_again < 2; ++opened_again) {
        auto const first = segments[3].first;
        EXPECT_EQ(read->first_index(), first);
        for (std::uint64_t i : {std::uint64_t{0}, first - 1}) {
            EXPECT_EQ(read->entry(i).error(), errors::entry_gone) << i;
            EXPECT_EQ(read->prove(i).error(), errors::entry_gone) << i;
        }
        for (std::uint64_t i : {first, first + 1, std::uint64_t{1999}}) {
            EXPECT_EQ(to_text(read->entry(i).value()), text_of(i));
            EXPECT_TRUE(verify_proof(read->prove(i).value(), as_bytes(text_of(i)), trust()).ok()) << i;
        }
        auto const now = read->last_checkpoint().value().checkpoint;
        EXPECT_TRUE(verify_consistency(1000, now.size, old.root, now.root, read->prove_consistency(1000, now.size).value()).ok());
        EXPECT_TRUE(read->prove_consistency(3, 17).ok()) << "also among what was deleted";
        writer = nullptr;
        writer = open(small());
    }
}

TEST_F(LogDeletionTest, TheLastSegmentStays) {
    auto const writer = open(small());
    append(*writer, 0, 10);
    EXPECT_EQ(writer->delete_segments_below(10).value(), 0u);
    append_many(*writer, 10, 1000);
    auto const segments = list_segments(folder);
    EXPECT_EQ(writer->delete_segments_below(1'000'000).value(), segments.size() - 1);
    EXPECT_EQ(reader()->first_index(), segments.back().first);
    append(*writer, 1000, 1010);
}

TEST_F(LogDeletionTest, EntriesTheHashesDoNotAgreeWithAreNotDeleted) {
    for (auto const* level : {"hashes/0", "hashes/1"}) {
        fs::remove_all(folder);
        auto const writer = open(small());
        append_many(*writer, 0, 1000);
        auto bytes = file_bytes(folder / level);
        bytes[35] ^= 1;
        {
            std::fstream file{folder / level, std::ios::binary | std::ios::in | std::ios::out};
            file << bytes;
        }
        EXPECT_EQ(writer->delete_segments_below(1000).error(), errors::log_damaged) << level;
        EXPECT_EQ(reader()->first_index(), 0u);
    }
}

TEST_F(LogDeletionTest, HashesOfDeletedEntriesCannotBeMadeAnewSoTheirLossIsDamage) {
    {
        auto const writer = open(small());
        append_many(*writer, 0, 1000);
        ASSERT_GT(writer->delete_segments_below(500).value(), 0u);
    }
    fs::resize_file(folder / "hashes/0", 32 * 100);
    EXPECT_EQ(try_open(small()).error(), errors::log_damaged);
}

}  // namespace
}  // namespace zephyr::tlog
