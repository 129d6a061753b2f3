// Everything that can be done to a log of about 100 KB, one thing at a time, and whether the verifier finds it and names the right entry.
// Shared by verify_tamper_test.cpp, which takes samples of the longest runs under sanitizers, and by the program of
// tests/system/log_tamper_test.py, which leaves nothing out.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "zephyr/tlog/log.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::testing {

using Index = std::optional<std::uint64_t>;

std::string read_file(std::filesystem::path const& path);
void write_file(std::filesystem::path const& path, std::string_view content);

// "key=VKEY" is an entry that names the next key.
std::optional<std::string> named_key(ByteView entry);

// A file of the log, and which entry each of its bytes belongs to.
struct LogFileMap {
    std::filesystem::path name;
    std::string content;
    std::vector<Index> flipped;  // the first entry that is bad when this byte is another
    std::vector<Index> cut;      // and when the file ends before it
};

// A stopped log: segments of 24 KiB, batches of one and of five, a checkpoint every 97 entries and at each segment's end, the key changed in
// the middle, every checkpoint of ours cosigned by both of two witnesses.
class TamperedLog {
public:
    static constexpr std::uint64_t entries = 290;

    explicit TamperedLog(std::filesystem::path folder);

    std::filesystem::path log() const { return folder_ / "log"; }
    tlog::VerifyOptions const& options() const { return options_; }
    tlog::SignedCheckpoint const& witnessed() const { return *witnessed_; }
    std::vector<LogFileMap> const& files() const { return files_; }
    std::vector<std::string> const& texts() const { return texts_; }
    std::size_t bytes() const;
    // The log as it was when it had so many entries, witnesses' signatures included.
    std::vector<std::pair<std::uint64_t, std::filesystem::path>> const& older() const { return older_; }
    // The size of the newest checkpoint that says nothing of entry `index`.
    std::uint64_t signed_below(std::uint64_t index) const;

    std::filesystem::path copy(std::string const& name) const;

private:
    void build();
    void cosign(tlog::LogWriter& writer);
    void map_files();
    LogFileMap map_of(std::filesystem::path const& name) const;

    std::filesystem::path folder_;
    tlog::VerifyOptions options_;
    std::optional<tlog::SignedCheckpoint> witnessed_;
    std::uint64_t witnessed_size_ = 0;
    std::vector<std::pair<std::uint64_t, std::filesystem::path>> older_;
    std::vector<std::string> texts_;
    std::vector<std::uint64_t> signed_sizes_;
    std::vector<LogFileMap> files_;
};

// Files made anew from entries, as somebody would who knows the format: right CRCs, indices, batches, lengths.
void forge_segments(std::filesystem::path const& log, std::vector<std::string> const& texts);
void forge_hashes(std::filesystem::path const& log, std::vector<std::string> const& texts);
// One checkpoint over what stands there, signed by that key.
void forge_checkpoint(std::filesystem::path const& log, tlog::NoteSigner const& signer);
// Leaves out the checkpoints of more than `size` entries.
void cut_checkpoints(std::filesystem::path const& log, std::uint64_t size);

// What was tried and what came of it.
struct Tally {
    std::atomic<std::uint64_t> tried{0}, missed{0}, misplaced{0};
    std::mutex mutex;
    std::vector<std::string> examples;  // a few of what was missed or misplaced

    // Something was changed, so `authenticated` is wrong; and the first bad index is `first` (nothing: it names none).
    void note(std::string const& what, tlog::VerifyReport const& report, Index first);
    std::string str() const;
};

// Bytes 0, stride, 2 * stride, … of all files laid end to end. On that many threads.
void flip_bytes(TamperedLog const&, std::size_t stride, unsigned threads, Tally&);
void cut_files(TamperedLog const&, std::size_t stride, unsigned threads, Tally&);
// Each record dropped, doubled, swapped with the next: its bytes alone; with segments made anew; with segments and hashes made anew.
void move_records(TamperedLog const&, Tally&);
// The log ended after every number of entries, with everything that says otherwise cut too; a witness remembers.
void end_early(TamperedLog const&, Tally&);

}  // namespace zephyr::testing
