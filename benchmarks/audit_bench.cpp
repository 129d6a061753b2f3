// What the tamper-evident log costs over the smallest program of the same shape (G15). audit_bench FOLDER [SECONDS]
//
// The prototype hashes leaves, extends a frontier, commits in groups, signs each batch and syncs once: no indexes, no CRC, no segments,
// no hashes to prove with, no recovery, no limits. Both run in the same process, a round of each after the other. Prints JSON.
// audit_bench proofs FOLDER ENTRIES makes a log of so many small entries and times proofs out of it and its verification.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/log.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::tlog {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::size_t entry_bytes = 500;
char const* const origin = "bench.example/audit";

class NoLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

class Prototype {
public:
    explicit Prototype(std::filesystem::path const& folder)
        : file_{::open((folder / "prototype").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)}, key_{crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)},
          thread_{[this] { run(); }} {}
    ~Prototype() {
        {
            std::lock_guard const guard{mutex_};
            stopping_ = true;
        }
        work_.notify_one();
        thread_.join();
        ::close(file_);
    }
    void append(ByteView entry) {
        auto const leaf = leaf_hash(entry);
        std::unique_lock lock{mutex_};
        auto const batch = forming_;
        batch->items.push_back({entry, leaf});
        work_.notify_one();
        lock.unlock();
        batch->done.wait(0);
    }

private:
    struct Batch {
        std::vector<std::pair<ByteView, Hash>> items;
        std::atomic<int> done{0};
    };
    void run() {
        std::unique_lock lock{mutex_};
        Bytes buffer;
        for (;;) {
            work_.wait(lock, [&] { return stopping_ || !forming_->items.empty(); });
            if (forming_->items.empty()) return;
            auto const batch = std::exchange(forming_, std::make_shared<Batch>());
            lock.unlock();
            buffer.clear();
            for (auto const& [entry, leaf] : batch->items) {
                auto const at = buffer.size();
                buffer.resize(at + 4);
                auto const size = static_cast<std::uint32_t>(entry.size());
                std::memcpy(buffer.data() + at, &size, 4);
                buffer.insert(buffer.end(), entry.begin(), entry.end());
                frontier_.append(leaf);
            }
            auto const root = frontier_.root();
            auto const signature = key_.sign(root);
            buffer.insert(buffer.end(), signature.begin(), signature.end());
            if (::write(file_, buffer.data(), buffer.size()) != static_cast<ssize_t>(buffer.size()) || ::fdatasync(file_) != 0) std::abort();
            batch->done.store(1);
            batch->done.notify_all();
            lock.lock();
        }
    }
    int file_;
    crypto::SigningKey key_;
    Frontier frontier_;
    std::mutex mutex_;
    std::condition_variable work_;
    std::shared_ptr<Batch> forming_ = std::make_shared<Batch>();
    bool stopping_ = false;
    std::thread thread_;
};

struct Figures {
    double per_second = 0, p50_ms = 0, p99_ms = 0;
};

template <class Append>
Figures load(int writers, double seconds, Append const& append) {
    std::vector<std::vector<float>> took(static_cast<std::size_t>(writers));
    std::atomic<bool> over = false;
    std::vector<std::thread> threads;
    auto const begin = Steady::now();
    for (auto& mine : took) {
        threads.emplace_back([&] {
            std::string const entry(entry_bytes, 'e');
            while (!over.load(std::memory_order_relaxed)) {
                auto const from = Steady::now();
                append(as_bytes(entry));
                mine.push_back(std::chrono::duration<float, std::milli>(Steady::now() - from).count());
            }
        });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
    over = true;
    for (auto& thread : threads) thread.join();
    auto const elapsed = std::chrono::duration<double>(Steady::now() - begin).count();
    std::vector<float> all;
    for (auto const& mine : took) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    return {static_cast<double>(all.size()) / elapsed, all[all.size() / 2], all[all.size() * 99 / 100]};
}

NoteSigner signer() {
    static auto const key = crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519);
    return {origin, KeyKind::ed25519, key};
}

void print(char const* who, int writers, Figures const& figures) {
    std::printf("  \"%s/%d\": {\"per_second\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f},\n", who, writers, figures.per_second, figures.p50_ms, figures.p99_ms);
}

double seconds_of(auto const& work) {
    auto const begin = Steady::now();
    work();
    return std::chrono::duration<double>(Steady::now() - begin).count();
}

void appends(std::filesystem::path const& folder, double seconds) {
    SystemClock const clock;
    NoLog log;
    std::filesystem::create_directories(folder);
    std::printf("{\n");
    std::vector<int> writers{8, 64, 256};
    std::shuffle(writers.begin(), writers.end(), std::mt19937{std::random_device{}()});
    for (int const count : writers) {
        auto const ours = [&] {
            std::filesystem::remove_all(folder / "log");
            auto const writer = LogWriter::open({.folder = folder / "log", .origin = origin}, signer(), clock, log).value();
            print("log", count, load(count, seconds, [&](ByteView entry) { writer->append(entry).value(); }));
        };
        auto const prototype = [&] {
            Prototype bare{folder};
            print("prototype", count, load(count, seconds, [&](ByteView entry) { bare.append(entry); }));
        };
        if (std::random_device{}() % 2 == 0) ours(), prototype();
        else prototype(), ours();
    }
    auto const reader = LogReader::open(folder / "log").value();
    auto const size = reader->last_checkpoint().value().checkpoint.size;
    VerifyReport report;
    auto const took = seconds_of([&] { report = verify_log(folder / "log", {.trust = {.logs = {signer().key()}}}); });
    if (report.verdict != VerifyReport::Verdict::authenticated) std::abort();
    std::printf("  \"verified_per_second\": %.0f\n}\n", static_cast<double>(size) / took);
}

void proofs(std::filesystem::path const& folder, std::uint64_t entries) {
    SystemClock const clock;
    NoLog log;
    constexpr std::uint64_t together = 10'000;
    LogSettings settings{.folder = folder, .origin = origin};
    settings.checkpoint_entries = 1'000'000;
    double opening = 0;
    {
        auto writer = LogWriter::open(settings, signer(), clock, log).value();
        for (std::uint64_t done = 0; done < entries; done += together) {
            std::vector<std::string> texts;
            for (std::uint64_t i = done; i < done + together; ++i) texts.push_back("small entry " + std::to_string(i));
            std::vector<ByteView> views;
            for (auto const& text : texts) views.push_back(as_bytes(text));
            if (!writer->append_all(views).ok()) std::abort();
        }
        writer.reset();
        opening = seconds_of([&] { writer = LogWriter::open(settings, signer(), clock, log).value(); });
    }
    std::vector<double> cold, warm, read;
    std::size_t largest = 0;
    std::mt19937_64 chance{1};
    TrustPolicy const trust{.logs = {signer().key()}};
    for (int round = 0; round < 20; ++round) {
        std::unique_ptr<LogReader> reader;
        std::uint64_t const index = round == 0 ? 1 : chance() % entries;
        cold.push_back(1000 * seconds_of([&] {
            reader = LogReader::open(folder).value();
            if (!reader->prove(index).ok()) std::abort();
        }));
        for (int i = 0; i < 50; ++i) {
            auto const at = chance() % entries;
            std::string text;
            warm.push_back(1000 * seconds_of([&] { text = reader->prove(at).value().str(); }));
            largest = std::max(largest, text.size());
            if (!verify_proof(LogProof::parse(text).value(), as_bytes("small entry " + std::to_string(at)), trust).ok()) std::abort();
        }
        read.push_back(1000 * seconds_of([&] { reader->entry(index).value(); }));
    }
    for (auto* each : {&cold, &warm, &read}) std::sort(each->begin(), each->end());
    VerifyReport report;
    auto const verifying = seconds_of([&] { report = verify_log(folder, {.trust = trust}); });
    if (report.verdict != VerifyReport::Verdict::authenticated) std::abort();
    std::printf("{\"proof_ms\": %.3f, \"proof_p99_ms\": %.3f, \"proof_cold_ms\": %.3f, \"proof_bytes\": %zu, \"entry_cold_ms\": %.2f, \"opening_ms\": %.0f, "
                "\"verified_per_second\": %.0f}\n",
                warm[warm.size() / 2], warm[warm.size() * 99 / 100], cold[cold.size() / 2], largest, read[read.size() / 2], 1000 * opening,
                static_cast<double>(entries) / verifying);
}

}  // namespace
}  // namespace zephyr::tlog

int main(int count, char** words) {
    if (count == 4 && std::string_view{words[1]} == "proofs") {
        zephyr::tlog::proofs(words[2], std::strtoull(words[3], nullptr, 10));
        return 0;
    }
    if (count < 2) return 64;
    zephyr::tlog::appends(words[1], count > 2 ? std::atof(words[2]) : 2);
}
