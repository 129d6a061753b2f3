// A log in a temporary folder, and what tests do to its files.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "testing/databases.h"
#include "testing/kept_log.h"
#include "testing/manual_clock.h"
#include "tlog/note_keys.h"
#include "tlog/segment.h"
#include "zephyr/tlog/log.h"

namespace zephyr::tlog {

namespace fs = std::filesystem;

inline std::string file_bytes(fs::path const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}
inline void write_bytes(fs::path const& path, std::string const& bytes) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

class LogTest : public ::testing::Test {
protected:
    LogSettings settings() const {
        LogSettings out;
        out.folder = folder;
        out.origin = "log.example/audit";
        out.checkpoint_every = std::chrono::hours{1};  // by the manual clock: only when a test says so
        out.checkpoint_entries = 1'000'000;
        return out;
    }
    Result<std::unique_ptr<LogWriter>> try_open(LogSettings const& with) { return LogWriter::open(with, log_signer(), clock, log); }
    std::unique_ptr<LogWriter> open(LogSettings const& with) {
        auto opened = try_open(with);
        EXPECT_TRUE(opened.ok()) << opened.error();
        return opened.ok() ? std::move(opened).value() : nullptr;
    }
    std::unique_ptr<LogWriter> open() { return open(settings()); }
    std::unique_ptr<LogReader> reader() const {
        auto opened = LogReader::open(folder);
        EXPECT_TRUE(opened.ok()) << opened.error();
        return std::move(opened).value();
    }
    static std::string text_of(std::uint64_t number) { return "entry " + std::to_string(number); }
    // Each in a batch of its own.
    static void append(LogWriter& writer, std::uint64_t from, std::uint64_t until) {
        for (auto i = from; i < until; ++i) {
            auto const receipt = writer.append(as_bytes(text_of(i)));
            ASSERT_TRUE(receipt.ok()) << receipt.error();
            ASSERT_EQ(receipt.value().index, i);
        }
    }
    // Ten to the batch: a sync takes its time.
    static void append_many(LogWriter& writer, std::uint64_t from, std::uint64_t until) {
        for (auto i = from; i < until; i += 10) {
            auto const receipts = append_together(writer, i, std::min(i + 10, until));
            ASSERT_TRUE(receipts.ok()) << receipts.error();
            ASSERT_EQ(receipts.value().front().index, i);
        }
    }
    // In one batch.
    static Result<std::vector<Receipt>> append_together(LogWriter& writer, std::uint64_t from, std::uint64_t until) {
        std::vector<std::string> texts;
        for (auto i = from; i < until; ++i) texts.push_back(text_of(i));
        std::vector<ByteView> views;
        for (auto const& text : texts) views.push_back(as_bytes(text));
        return writer.append_all(views);
    }
    // As a kill leaves it: what is in the folder now, without the checkpoint that stopping signs.
    fs::path snapshot(std::string const& name) const {
        auto const to = scratch.path() / name;
        fs::remove_all(to);
        fs::copy(folder, to, fs::copy_options::recursive);
        return to;
    }
    LogSettings settings_for(fs::path const& copy) const {
        auto out = settings();
        out.folder = copy;
        return out;
    }
    // Everything the log has is what was appended, and leads to the last checkpoint.
    static void expect_whole(LogReader const& read, std::uint64_t size) {
        ASSERT_EQ(read.size(), size);
        std::uint64_t next = read.first_index();
        auto const all = read.each(next, size, [&](std::uint64_t index, ByteView entry) {
            EXPECT_EQ(index, next++);
            EXPECT_EQ(as_text(entry), text_of(index));
            return true;
        });
        EXPECT_TRUE(all.ok()) << all.error();
        EXPECT_EQ(next, size);
        Frontier tree;
        for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf_hash(as_bytes(text_of(i))));
        EXPECT_EQ(tree.root(), root_of(size, read.nodes()));
        auto const last = read.last_checkpoint();
        ASSERT_TRUE(last.ok()) << last.error();
        if (last.value().checkpoint.size == size) {
            EXPECT_EQ(last.value().checkpoint.root, tree.root());
        }
    }
    fs::path last_segment(fs::path const& of) const { return list_segments(of).back().path; }

    testing::TemporaryFolder scratch;
    fs::path folder = scratch.path() / "log";
    testing::ManualClock clock;
    testing::KeptLog log;
};

}  // namespace zephyr::tlog
