// A scripted life of a log, for the kill test (tests/system/log_kill_test.py): log_driver WHAT FOLDER [SEED]
//
//   script   opens, appends from some threads in some segments, signs, appends together, deletes old segments, stops
//   load     appends from many threads until killed
//   check    opens again and goes on: what the log holds is printed, one entry a line
//
// With LOG_DRIVER_WAIT set, "threads MAIN WRITER" is printed behind the opening, and a line awaited: time to attach to one of them.
// Prints "ack INDEX TEXT" when an entry was acknowledged, "no TEXT" when it was refused, "try TEXT" before.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "zephyr/tlog/log.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::tlog {
namespace {

// One call to the system for each line: what was printed before a kill is printed. A short line is written whole or not at all.
void say(std::string const& line) {
    auto const text = line + "\n";
    if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(3);
}

class StderrLog final : public Log {
public:
    void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
        std::string line{event};
        for (auto const& field : fields) line += " " + std::string{field.name} + "=" + field.value;
        std::fprintf(stderr, "%s\n", line.c_str());
    }
};

NoteSigner signer() {
    // RFC 8410 7: a PrivateKeyInfo of an Ed25519 key is these 16 bytes and a seed.
    Bytes der = to_bytes(std::string_view{"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16});
    der.resize(48, std::byte{7});
    return {"kill.example/audit", KeyKind::ed25519, crypto::SigningKey::from_pkcs8_der(crypto::SignatureAlgorithm::ed25519, SecretBytes{der}).value()};
}

LogSettings settings(char const* folder) {
    LogSettings out;
    out.folder = folder;
    out.origin = "kill.example/audit";
    out.segment_bytes = 1500;
    out.checkpoint_entries = 7;
    return out;
}

void append(LogWriter& log, std::string const& text) {
    say("try " + text);
    auto const receipt = log.append(as_bytes(text));
    say(receipt.ok() ? "ack " + std::to_string(receipt.value().index) + " " + text : "no " + text);
}

void append_together(LogWriter& log, std::string const& name, int count) {
    std::vector<std::string> texts;
    std::vector<ByteView> views;
    for (int i = 0; i < count; ++i) texts.push_back(name + "+" + std::to_string(i) + "/" + std::to_string(count));
    for (auto const& text : texts) {
        say("try " + text);
        views.push_back(as_bytes(text));
    }
    auto const receipts = log.append_all(views);
    for (std::size_t i = 0; i < texts.size(); ++i)
        say(receipts.ok() ? "ack " + std::to_string(receipts.value()[i].index) + " " + texts[i] : "no " + texts[i]);
}

void from_threads(LogWriter& log, std::string const& name, int threads, int each, int bytes) {
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&log, name, t, each, bytes] {
            for (int i = 0; i < each; ++i)
                append(log, name + "." + std::to_string(t) + "." + std::to_string(i) + "." + std::string(static_cast<std::size_t>(bytes), 'x'));
        });
    for (auto& thread : all) thread.join();
}

void script(LogWriter& log, std::string const& seed) {
    append(log, seed + ".first");
    from_threads(log, seed + ".a", 3, 5, 40);
    static_cast<void>(log.checkpoint());
    append_together(log, seed + ".group", 6);
    from_threads(log, seed + ".b", 2, 8, 90);
    if (auto const at = log.last_checkpoint(); at.checkpoint.size > 0)
        static_cast<void>(log.add_cosignatures(at.checkpoint, {NoteSigner{"witness.example/w", KeyKind::cosignature, crypto::SigningKey::generate(
                                                                              crypto::SignatureAlgorithm::ed25519)}.sign(at.note.text, {})}));
    static_cast<void>(log.delete_segments_below(25));
    append_together(log, seed + ".late", 3);
    append(log, seed + ".last");
}

int check(LogWriter& log, char const* folder) {
    auto const opened = LogReader::open(folder);
    if (!opened.ok()) return 4;
    auto const& read = *opened.value();
    say("first " + std::to_string(read.first_index()));
    auto const outcome = read.each(read.first_index(), log.size(), [](std::uint64_t index, ByteView entry) {
        say("has " + std::to_string(index) + " " + to_text(entry));
        return true;
    });
    auto const checkpoint = log.checkpoint();
    auto const proof = read.first_index() == read.size() ? Result<LogProof>{LogProof{}} : read.prove(read.size() - 1);
    for (auto const* error : {outcome.ok() ? nullptr : &outcome.error(), checkpoint.ok() ? nullptr : &checkpoint.error(), proof.ok() ? nullptr : &proof.error()})
        if (error != nullptr) return std::fprintf(stderr, "%s: %s\n", std::string{error->id()}.c_str(), std::string{error->detail()}.c_str()), 5;
    if (read.size() != log.size()) return 11;
    std::uint64_t before = 0;
    Hash root = empty_root();
    auto const all = read.checkpoints();
    if (!all.ok()) return 10;
    for (auto const& each : all.value()) {  // each continues the one before it
        auto const consistent = read.prove_consistency(before, each.checkpoint.size);
        bool const begins = before == 0;  // a proof from nothing is empty
        if (!consistent.ok() || (!begins && !verify_consistency(before, each.checkpoint.size, root, each.checkpoint.root, consistent.value()).ok())) return 6;
        if (root_of(each.checkpoint.size, read.nodes()) != each.checkpoint.root) return 7;
        before = each.checkpoint.size;
        root = each.checkpoint.root;
    }
    say("end " + std::to_string(log.size()));
    return log.append(as_bytes("goes on")).ok() ? 0 : 8;
}

void wait_for_a_line() {
    std::string threads = "threads " + std::to_string(::getpid());
    for (auto const& each : std::filesystem::directory_iterator{"/proc/self/task"})
        if (auto const name = each.path().filename().string(); name != std::to_string(::getpid())) threads += " " + name;
    say(threads);
    for (char c = 0; c != '\n';)
        if (::read(STDIN_FILENO, &c, 1) != 1) ::_exit(3);
}

bool verifies(char const* folder) {
    auto const report = verify_log(folder, {.trust = {.logs = {signer().key()}}});
    for (auto const& each : report.findings) std::fprintf(stderr, "verify: %s\n", each.what.c_str());
    return report.verdict == VerifyReport::Verdict::authenticated;
}

int run(std::string const& what, char const* folder, std::string const& seed) {
    SystemClock const clock;
    StderrLog log;
    auto opened = LogWriter::open(settings(folder), signer(), clock, log);
    if (!opened.ok()) {
        std::fprintf(stderr, "%s: %s\n", std::string{opened.error().id()}.c_str(), std::string{opened.error().detail()}.c_str());
        return opened.error() == errors::log_unavailable ? 2 : 1;
    }
    auto& writer = *opened.value();
    if (std::getenv("LOG_DRIVER_WAIT") != nullptr) wait_for_a_line();
    if (what == "script") script(writer, seed);
    if (what == "load") from_threads(writer, seed, 8, 1'000'000, 60);
    int const outcome = what == "check" ? check(writer, folder) : 0;
    writer.stop();
    return outcome != 0 || what != "check" ? outcome : verifies(folder) ? 0 : 9;
}

}  // namespace
}  // namespace zephyr::tlog

int main(int count, char** words) {
    if (count < 3) return 64;
    return zephyr::tlog::run(words[1], words[2], count > 3 ? words[3] : "s");
}
