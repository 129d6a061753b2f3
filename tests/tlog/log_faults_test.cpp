// A disk that is full: real refusals of the kernel, through the limit on the size of files.
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "tlog/log_fixture.h"

namespace zephyr::tlog {
namespace {

// While it lives no file of this process grows beyond `bytes`.
class FullDisk {
public:
    explicit FullDisk(std::uint64_t bytes) : before_{std::signal(SIGXFSZ, SIG_IGN)} {
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        rlimit const low{bytes, limit_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &low);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, before_);
    }

private:
    rlimit limit_{};
    void (*before_)(int);
};

using LogFaultsTest = LogTest;

TEST_F(LogFaultsTest, AFullDiskRefusesAndKeepsNothingOfWhatItRefused) {
    auto const writer = open();
    append(*writer, 0, 10);
    auto const before = fs::file_size(last_segment(folder));
    for (std::uint64_t room : {0, 1, 27, 28, 40}) {  // in the record's header, behind it, in its bytes
        {
            FullDisk const full{before + room};
            std::string const large(1000, 'x');
            EXPECT_EQ(writer->append(as_bytes(large)).error(), errors::log_unavailable);
            EXPECT_FALSE(writer->available());
            EXPECT_EQ(writer->append_all({as_bytes("a"), as_bytes(large)}).error(), errors::log_unavailable);
            EXPECT_EQ(fs::file_size(last_segment(folder)), before) << "whoever is refused is not found after a crash";
        }
        EXPECT_EQ(writer->size(), 10u);
    }
    append(*writer, 10, 20);
    EXPECT_TRUE(writer->available());
    writer->stop();
    expect_whole(*reader(), 20);
    EXPECT_TRUE(try_open(settings()).ok());
    std::vector<std::string> events;
    for (auto const& line : log.lines()) events.push_back(line.event);
    EXPECT_EQ(events, (std::vector<std::string>{"tlog.unavailable", "tlog.available_again"})) << "once, not for each entry";
}

TEST_F(LogFaultsTest, WhenHashesDoNotFitTheEntryCountsAndTheNextIsRefused) {
    auto const writer = open();
    append(*writer, 0, 20);
    ASSERT_GT(fs::file_size(last_segment(folder)), 20u * 32);
    {
        FullDisk const full{fs::file_size(last_segment(folder)) + 1000};
        append(*writer, 20, 21);  // both fit
    }
    // Hashes of 32 bytes outgrow records of 28 and nothing else in them.
    std::uint64_t size = 21;
    while (fs::file_size(folder / "hashes/0") < fs::file_size(last_segment(folder)) + 100) {
        ASSERT_TRUE(writer->append({}).ok());
        ++size;
    }
    {
        FullDisk const full{fs::file_size(folder / "hashes/0") + 8};
        auto const counted = writer->append({});
        ASSERT_TRUE(counted.ok());
        EXPECT_EQ(counted.value().index, size++);
        EXPECT_FALSE(writer->available());
        EXPECT_EQ(writer->append({}).error(), errors::log_unavailable);
        EXPECT_EQ(writer->checkpoint().error(), errors::log_unavailable) << "nobody could follow it up";
        EXPECT_EQ(reader()->entry(size - 1).error(), errors::entry_gone) << "until its hash can be read";
    }
    EXPECT_TRUE(writer->append({}).ok());
    EXPECT_TRUE(writer->available());
    EXPECT_EQ(writer->size(), ++size);
    EXPECT_EQ(reader()->size(), size);
    writer->stop();
    EXPECT_EQ(reader()->last_checkpoint().value().checkpoint.size, size);
    EXPECT_TRUE(try_open(settings()).ok());
}

TEST_F(LogFaultsTest, AHashFileThatCannotEvenBeLookedForDoesNotMakeADurableEntryFail) {
    auto const writer = open();
    append_many(*writer, 0, 250);
    append(*writer, 250, 255);
    fs::create_symlink("1", folder / "hashes/1");  // leads to itself: looking for it is ELOOP
    append(*writer, 255, 256);
    EXPECT_EQ(writer->size(), 256u);
    EXPECT_FALSE(writer->available());
    fs::remove(folder / "hashes/1");
    append(*writer, 256, 260);
    EXPECT_TRUE(writer->available());
    writer->stop();
    expect_whole(*reader(), 260);
    EXPECT_TRUE(try_open(settings()).ok());
}

TEST_F(LogFaultsTest, ACheckpointThatDoesNotFitIsSignedLater) {
    auto with = settings();
    with.segment_bytes = 400;
    auto const writer = open(with);
    std::uint64_t size = 0;
    for (int i = 0; i < 20; ++i) {
        append(*writer, size, size + 1);
        ++size;
        ASSERT_TRUE(writer->checkpoint().ok());
    }
    auto const before = file_bytes(folder / "checkpoints");
    {
        FullDisk const full{before.size() + 100};
        append(*writer, size, size + 1);
        ++size;
        EXPECT_EQ(writer->checkpoint().error(), errors::log_unavailable);
        EXPECT_FALSE(writer->available());
    }
    append(*writer, size, size + 1);
    ++size;
    EXPECT_EQ(file_bytes(folder / "checkpoints"), before) << "the half of it is gone";
    EXPECT_TRUE(writer->checkpoint().ok());
    writer->stop();
    expect_whole(*reader(), size);
    EXPECT_TRUE(reader()->checkpoints().ok());
    EXPECT_TRUE(try_open(with).ok());
}

TEST_F(LogFaultsTest, ThreadsThatAreRefusedAndThreadsThatAreNotAgreeWithTheLog) {
    auto with = settings();
    with.checkpoint_entries = 50;
    auto const writer = open(with);
    std::vector<std::vector<std::pair<std::uint64_t, std::string>>> acknowledged(8);
    std::vector<std::thread> all;
    for (std::size_t t = 0; t < acknowledged.size(); ++t) {
        all.emplace_back([&, t] {
            for (int i = 0; i < 300; ++i) {
                auto const text = std::to_string(t) + ":" + std::to_string(i);
                auto const receipt = writer->append(as_bytes(text));
                if (receipt.ok()) acknowledged[t].emplace_back(receipt.value().index, text);
            }
        });
    }
    for (int i = 0; i < 30; ++i) {
        { FullDisk const full{fs::file_size(last_segment(folder)) + 10}; std::this_thread::yield(); }
        std::this_thread::sleep_for(1ms);
    }
    for (auto& each : all) each.join();
    ASSERT_TRUE(writer->append(as_bytes("last")).ok());
    writer->stop();
    auto const read = reader();
    std::size_t count = 1;
    for (auto const& each : acknowledged) {
        for (auto const& [index, text] : each) EXPECT_EQ(to_text(read->entry(index).value()), text);
        count += each.size();
    }
    EXPECT_EQ(read->size(), count) << "no entry that was refused";
    EXPECT_TRUE(try_open(with).ok());
}

TEST_F(LogFaultsTest, AFolderThatCannotBeMadeIsUnavailable) {
    auto with = settings();
    write_bytes(scratch.path() / "file", "x");
    with.folder = scratch.path() / "file" / "log";
    EXPECT_EQ(try_open(with).error(), errors::log_unavailable);
}

}  // namespace
}  // namespace zephyr::tlog
