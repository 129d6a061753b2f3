#include "tlog/tampering.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>

#include "tlog/checkpoint_file.h"
#include "tlog/hash_files.h"
#include "tlog/segment.h"
#include "tlog/note_keys.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::testing {

namespace fs = std::filesystem;
using namespace tlog;

namespace {

constexpr auto whole_file = std::numeric_limits<std::uint64_t>::max();
constexpr auto origin = "log.example/audit";

class StandingClock final : public Clock {
public:
    TimePoint now() const override { return from_millis(1'767'225'600'000); }
    MonotonicTime monotonic() const override { return MonotonicTime{1s}; }
};

std::string text_of(std::uint64_t index) {
    auto text = "entry " + std::to_string(index) + " ";
    return text.append(280 + index % 40, static_cast<char>('a' + index % 26));
}

NoteSigner next_signer() { return NoteSigner{origin, KeyKind::ed25519, key_named("the next key")}; }

template <class T>
T must(Result<T> result, char const* what) {
    if (!result.ok()) throw Fault{std::string{what} + ": " + std::string{result.error().id()} + " " + std::string{result.error().detail()}};
    return std::move(result).value();
}

// Where each record of a segment begins, and where the last ends.
std::vector<std::size_t> record_starts(fs::path const& segment) {
    LogFile const file{segment, LogFile::Mode::read};
    RecordScan scan{file, segment_header_bytes, whole_file};
    std::vector<std::size_t> starts{segment_header_bytes};
    while (scan.next()) starts.push_back(static_cast<std::size_t>(scan.position()));
    return starts;
}

void in_parallel(unsigned threads, std::function<void(unsigned)> const& body) {
    std::vector<std::thread> running;
    for (unsigned number = 0; number < threads; ++number) running.emplace_back([&body, number] { body(number); });
    for (auto& thread : running) thread.join();
}

// A file of a copy, open for damage.
class OpenFile {
public:
    explicit OpenFile(fs::path const& path) : descriptor_{::open(path.c_str(), O_RDWR | O_CLOEXEC)} {
        if (descriptor_ < 0) throw StorageFault{path.string()};
    }
    OpenFile(OpenFile&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
    OpenFile(OpenFile const&) = delete;
    ~OpenFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    void write(std::size_t at, std::string_view bytes) const {
        if (::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(bytes.size())) throw StorageFault{"pwrite"};
    }
    void end_at(std::size_t size) const {
        if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) throw StorageFault{"ftruncate"};
    }

private:
    int descriptor_;
};

// Calls `damage(copy's file, map, byte)`, verifies, and calls `mend` for every stride-th byte of all files.
using Damage = std::function<void(OpenFile const&, LogFileMap const&, std::size_t)>;
void at_each_byte(TamperedLog const& log, std::size_t stride, unsigned threads, Damage const& damage, Damage const& mend,
                  std::vector<Index> LogFileMap::*first, std::string const& what, Tally& tally) {
    in_parallel(threads, [&](unsigned thread) {
        auto const copy = log.copy(what + std::to_string(thread));
        std::size_t before = 0;
        for (auto const& file : log.files()) {
            OpenFile const opened{copy / file.name};
            for (std::size_t at = 0; at < file.content.size(); ++at) {
                auto const number = before + at;
                if (number % stride != 0 || (number / stride) % threads != thread) continue;
                damage(opened, file, at);
                tally.note(what + " " + file.name.string() + " at " + std::to_string(at), verify_log(copy, log.options()), (file.*first)[at]);
                mend(opened, file, at);
            }
            before += file.content.size();
        }
        fs::remove_all(copy);
    });
}

}  // namespace

std::string read_file(fs::path const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void write_file(fs::path const& path, std::string_view content) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file.flush()) throw StorageFault{path.string()};
}

std::optional<std::string> named_key(ByteView entry) {
    auto const text = as_text(entry);
    return text.starts_with("key=") ? std::optional<std::string>{text.substr(4)} : std::nullopt;
}

TamperedLog::TamperedLog(fs::path folder) : folder_{std::move(folder)} {
    build();
    map_files();
}

void TamperedLog::build() {
    StandingClock const clock;
    NullLog quiet;
    LogSettings const settings{.folder = log(), .origin = origin, .segment_bytes = 24u << 10, .checkpoint_every = 1h, .checkpoint_entries = 1'000'000};
    auto writer = must(LogWriter::open(settings, log_signer(), clock, quiet), "open");
    for (std::uint64_t index = 0; index < entries; ++index) texts_.push_back(index == 140 ? "key=" + next_signer().key().vkey() : text_of(index));
    for (std::uint64_t index = 0; index < entries;) {
        std::uint64_t const batch = index % 20 == 0 ? 5 : 1;
        std::vector<ByteView> together;
        for (std::uint64_t i = index; i < index + batch; ++i) together.push_back(as_bytes(texts_[i]));
        (void)must(writer->append_all(together), "append");
        if (index <= 140 && index + batch > 140) {
            (void)must(writer->change_key(next_signer()), "change_key");
            cosign(*writer);
        }
        index += batch;
        if (index % 97 == 0 && index < entries) cosign(*writer);
    }
    cosign(*writer);
    writer->stop();
    options_ = {.trust = {.logs = {log_signer().key()}, .witnesses = {witness_signer("w/1").key(), witness_signer("w/2").key()}, .quorum = 2},
                .key_change = named_key,
                .deletion = [](ByteView) { return Index{}; }};
    older_.pop_back();  // the log as it is
}

// Signs what there is, has both witnesses sign it too, and keeps a copy of the log as it is then.
void TamperedLog::cosign(LogWriter& writer) {
    StandingClock const clock;
    auto const last = must(writer.checkpoint(), "checkpoint");
    HashFiles const hashes{log()};
    NodeReader const nodes = [&](unsigned level, std::uint64_t index) { return hashes.node(level, index); };
    AddCheckpoint const request{witnessed_size_, must(consistency_proof(witnessed_size_, last.checkpoint.size, nodes), "proof"), last};
    for (auto const* name : {"w/1", "w/2"}) {
        auto const memory = folder_ / ("of-" + std::string{name}.substr(2));
        fs::create_directories(memory);
        Witness witness{memory, witness_signer(name), {log_signer().key(), next_signer().key()}, clock};
        auto const reply = witness.add_checkpoint(request.str());
        if (reply.status != 200) throw Fault{"witness: " + std::to_string(reply.status) + " " + reply.body};
        if (!writer.add_cosignatures(last.checkpoint, must(parse_signature_lines(reply.body), "lines"))) throw Fault{"cosignature not taken"};
        witnessed_ = witness.last().at(origin);
    }
    witnessed_size_ = last.checkpoint.size;
    auto const then = folder_ / ("then-" + std::to_string(witnessed_size_));
    fs::copy(log(), then, fs::copy_options::recursive);
    older_.emplace_back(witnessed_size_, then);
}

void TamperedLog::map_files() {
    for (auto const& each : read_checkpoints(LogFile{checkpoints_path(log()), LogFile::Mode::read}).all) signed_sizes_.push_back(each.checkpoint.size);
    for (auto const& file : fs::recursive_directory_iterator{log()}) {
        if (file.is_regular_file()) files_.push_back(map_of(fs::relative(file.path(), log())));
    }
    std::sort(files_.begin(), files_.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
}

LogFileMap TamperedLog::map_of(fs::path const& name) const {
    LogFileMap map{name, read_file(log() / name), {}, {}};
    auto const size = map.content.size();
    map.flipped.resize(size);
    map.cut.resize(size);
    auto const folder = name.parent_path().string();
    if (folder == "hashes") {
        std::uint64_t const leaves = name.filename() == "0" ? 1 : 256;
        for (std::size_t at = 0; at < size; ++at) map.flipped[at] = map.cut[at] = at / 32 * leaves;
    } else if (folder == "segments") {
        auto const first = std::stoull(name.stem().string());
        auto const starts = record_starts(log() / name);
        for (std::size_t at = 0, record = 0; at < size; ++at) {
            while (record + 1 < starts.size() && at >= starts[record + 1]) ++record;
            map.flipped[at] = map.cut[at] = first + record;
        }
    } else if (name == "checkpoints") {
        // A history cut between two checkpoints looks as if the entries behind the first had never been signed.
        for (std::size_t at = map.content.find("\ncheckpoint ", 0), number = 0; at != std::string::npos; ++number) {
            map.cut[at + 1] = signed_sizes_[number];
            at = map.content.find("\ncheckpoint ", at + 1);
        }
    }
    return map;
}

std::size_t TamperedLog::bytes() const {
    std::size_t sum = 0;
    for (auto const& file : files_) sum += file.content.size();
    return sum;
}

std::uint64_t TamperedLog::signed_below(std::uint64_t index) const {
    std::uint64_t size = 0;
    for (auto const each : signed_sizes_) {
        if (each <= index) size = each;
    }
    return size;
}

fs::path TamperedLog::copy(std::string const& name) const {
    auto const to = folder_ / name;
    fs::remove_all(to);
    fs::copy(log(), to, fs::copy_options::recursive);
    return to;
}

void forge_segments(fs::path const& log, std::vector<std::string> const& texts) {
    fs::remove_all(segments_folder(log));
    fs::create_directories(segments_folder(log));
    auto const header = SegmentHeader{}.encode();
    Bytes bytes{header.begin(), header.end()};
    for (std::uint64_t index = 0; index < texts.size(); ++index) {
        tlog::Record{.index = index, .batch = index, .left = 0, .entry = as_bytes(texts[index])}.append_to(bytes);
    }
    write_file(segment_path(log, 0), as_text(bytes));
}

void forge_hashes(fs::path const& log, std::vector<std::string> const& texts) {
    fs::remove_all(hashes_folder(log));
    fs::create_directories(hashes_folder(log));
    TreeWriter tree{log, 0};
    for (auto const& text : texts) tree.append(leaf_hash(as_bytes(text)));
    tree.flush();
}

void forge_checkpoint(fs::path const& log, NoteSigner const& signer) {
    HashFiles const hashes{log};
    auto const size = hashes.count(0);
    Checkpoint const checkpoint{origin, size, root_of(size, [&](unsigned level, std::uint64_t index) { return hashes.node(level, index); })};
    fs::remove(checkpoints_path(log));
    CheckpointFile{log, 0}.append(tlog::signed_by(checkpoint, {signer}));
}

void cut_checkpoints(fs::path const& log, std::uint64_t size) {
    auto const all = read_checkpoints(LogFile{checkpoints_path(log), LogFile::Mode::read}).all;
    fs::remove(checkpoints_path(log));
    CheckpointFile file{log, 0};
    for (auto const& each : all) {
        if (each.checkpoint.size <= size) file.append(each);
    }
}

void Tally::note(std::string const& what, VerifyReport const& report, Index first) {
    ++tried;
    bool const miss = report.verdict == VerifyReport::Verdict::authenticated || report.verdict == VerifyReport::Verdict::self_consistent;
    // A log that lost its witnesses says from where on, and nothing is bad.
    bool const off = report.verdict == VerifyReport::Verdict::damaged && report.first_bad_index() != first;
    if (!miss && !off) return;
    ++(miss ? missed : misplaced);
    std::lock_guard const lock{mutex};
    if (examples.size() >= 10) return;
    auto const shown = [](Index index) { return index ? std::to_string(*index) : "none"; };
    examples.push_back(what + (miss ? ": missed" : ": names " + shown(report.first_bad_index()) + ", not " + shown(first)) +
                       (report.findings.empty() ? "" : " (" + report.findings.front().what + ")"));
}

std::string Tally::str() const {
    auto text = std::to_string(tried) + " tried, " + std::to_string(missed) + " missed, " + std::to_string(misplaced) + " misplaced";
    for (auto const& each : examples) text += "\n  " + each;
    return text;
}

void flip_bytes(TamperedLog const& log, std::size_t stride, unsigned threads, Tally& tally) {
    auto const flip = [](OpenFile const& opened, LogFileMap const& file, std::size_t at) {
        auto const changed = static_cast<char>(file.content[at] ^ (1 << at % 8));
        opened.write(at, {&changed, 1});
    };
    auto const mend = [](OpenFile const& opened, LogFileMap const& file, std::size_t at) { opened.write(at, {&file.content[at], 1}); };
    at_each_byte(log, stride, threads, flip, mend, &LogFileMap::flipped, "flip", tally);
}

void cut_files(TamperedLog const& log, std::size_t stride, unsigned threads, Tally& tally) {
    auto const cut = [](OpenFile const& opened, LogFileMap const&, std::size_t at) { opened.end_at(at); };
    auto const mend = [](OpenFile const& opened, LogFileMap const& file, std::size_t at) {
        opened.write(at, std::string_view{file.content}.substr(at));
    };
    at_each_byte(log, stride, threads, cut, mend, &LogFileMap::cut, "cut", tally);
}

namespace {

// The bytes of record `number` of a segment moved about, nothing else touched.
void move_bytes(TamperedLog const& log, Tally& tally) {
    auto const copy = log.copy("moved");
    for (auto const& file : log.files()) {
        if (file.name.parent_path() != "segments") continue;
        auto const first = std::stoull(file.name.stem().string());
        auto const starts = record_starts(log.log() / file.name);
        auto const part = [&](std::size_t from, std::size_t until) { return file.content.substr(starts[from], starts[until] - starts[from]); };
        auto const head = [&](std::size_t until) { return file.content.substr(0, starts[until]); };
        auto const last = starts.size() - 1;
        auto const attempt = [&](std::string const& what, std::string const& content, std::uint64_t index) {
            write_file(copy / file.name, content);
            tally.note(what, verify_log(copy, log.options()), index);
        };
        for (std::size_t i = 0; i < last; ++i) {
            auto const index = first + i;
            attempt("bytes dropped of " + std::to_string(index), head(i) + part(i + 1, last), index);
            attempt("bytes doubled of " + std::to_string(index), head(i + 1) + part(i, last), index + 1);
            if (i + 1 < last) {
                attempt("bytes swapped of " + std::to_string(index), head(i) + part(i + 1, i + 2) + part(i, i + 1) + part(i + 2, last), index);
            }
        }
        write_file(copy / file.name, file.content);
    }
    fs::remove_all(copy);
}

enum class Forge { segments, hashes_too };

void move_forged(TamperedLog const& log, Forge forge, Tally& tally) {
    auto const copy = log.copy("forged");
    auto const due = [&](std::uint64_t index) { return forge == Forge::hashes_too ? log.signed_below(index) : index; };
    auto const attempt = [&](std::string const& what, std::vector<std::string> const& texts, Index first) {
        forge_segments(copy, texts);
        if (forge == Forge::hashes_too) forge_hashes(copy, texts);
        auto const name = what + (forge == Forge::hashes_too ? " with hashes of " : " of ") + std::to_string(*first);
        tally.note(name, verify_log(copy, log.options()), first);
    };
    for (std::uint64_t index = 0; index < TamperedLog::entries; ++index) {
        auto const at = static_cast<std::ptrdiff_t>(index);
        auto dropped = log.texts(), doubled = log.texts(), swapped = log.texts();
        dropped.erase(dropped.begin() + at);
        // Behind the last checkpoint but one, with the hashes forged, there is nothing to check what is left against: it is too short.
        bool const unsaid = forge == Forge::hashes_too && log.signed_below(index) == log.signed_below(TamperedLog::entries - 1);
        attempt("dropped", dropped, unsaid ? Index{TamperedLog::entries - 1} : due(index));
        doubled.insert(doubled.begin() + at, doubled[index]);
        attempt("doubled", doubled, due(index + 1));
        if (index + 1 == TamperedLog::entries) break;
        std::swap(swapped[index], swapped[index + 1]);
        attempt("swapped", swapped, due(index));
    }
    fs::remove_all(copy);
}

}  // namespace

void move_records(TamperedLog const& log, Tally& tally) {
    move_bytes(log, tally);
    move_forged(log, Forge::segments, tally);
    move_forged(log, Forge::hashes_too, tally);
}

void end_early(TamperedLog const& log, Tally& tally) {
    auto remembering = log.options();
    remembering.seen = log.witnessed();
    auto const copy = log.copy("ended");
    for (std::uint64_t size = TamperedLog::entries; size-- > 0;) {
        std::vector<std::string> const texts{log.texts().begin(), log.texts().begin() + static_cast<std::ptrdiff_t>(size)};
        forge_segments(copy, texts);
        forge_hashes(copy, texts);
        auto const what = "ended after " + std::to_string(size);
        // The history still tells of more.
        tally.note(what, verify_log(copy, log.options()), size);
        // Only what others hold tells of more.
        auto const bare = log.copy("ended-bare");
        forge_segments(bare, texts);
        forge_hashes(bare, texts);
        cut_checkpoints(bare, size);
        fs::remove(cosigned_path(bare));
        tally.note(what + ", history cut too", verify_log(bare, remembering), log.signed_below(size));
        fs::remove_all(bare);
    }
    fs::remove_all(copy);
}

}  // namespace zephyr::testing
