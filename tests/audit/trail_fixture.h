// A node: a database, a log in a folder, the trail between them, and how it dies.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "testing/databases.h"
#include "testing/kept_log.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/audit/record.h"
#include "zephyr/audit/subject_keys.h"
#include "zephyr/audit/trail.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

// While it lives no file of this process grows beyond that size: writes fail with EFBIG, as on a full disk.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        ::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        auto small = before_;
        small.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FullDisk(FullDisk const&) = delete;
    FullDisk& operator=(FullDisk const&) = delete;

private:
    rlimit before_{};
};

// Whether it comes to hold within five seconds: what a thread of its own does.
template <class F>
bool soon(F const& holds) {
    for (int i = 0; i < 500; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
}

struct TestNode {
    // `signing_key`: the same for every start over one folder.
    TestNode(storage::Database& shared, std::filesystem::path log_folder, crypto::SigningKey const& signing_key, crypto::Sealer const& sealer,
             Clock const& clock, Random& random, TrailSettings settings, std::uint64_t segment_bytes = 64u << 20)
        : database{shared}, keys{shared, sealer, clock, random}, audit{shared, keys, clock, random} {
        auto const origin = "log.example/audit/" + settings.node;
        tlog::LogSettings chosen;
        chosen.folder = log_folder;
        chosen.origin = origin;
        chosen.checkpoint_every = std::chrono::hours{1};
        chosen.segment_bytes = segment_bytes;
        auto opened = tlog::LogWriter::open(chosen, tlog::NoteSigner{origin, tlog::KeyKind::ed25519, signing_key}, clock, log);
        if (!opened.ok()) throw Fault{std::string{opened.error().id()} + std::string{opened.error().detail()}};
        writer = std::move(opened).value();
        reader = tlog::LogReader::open(log_folder).value();
        auto begun = Trail::open({database, *writer, *reader, keys, clock, random, log}, std::move(settings));
        if (!begun.ok()) {
            refusal = begun.error().id();
            return;
        }
        trail = std::move(begun).value();
        audit.attach(trail.get());
    }
    ~TestNode() { audit.attach(nullptr); }

    // Ids of the log's entries and how often each is there.
    std::map<std::string, int> logged() {
        std::map<std::string, int> ids;
        auto const read = reader->each(0, writer->size(), [&](std::uint64_t, ByteView entry) {
            auto const record = Record::parse(entry);
            EXPECT_TRUE(record.ok());
            ++ids[record.value().id];
            return true;
        });
        EXPECT_TRUE(read.ok());
        return ids;
    }
    std::vector<std::string> codes_in_log() {
        std::vector<std::string> found;
        EXPECT_TRUE(reader->each(0, writer->size(), [&](std::uint64_t, ByteView entry) {
            found.push_back(Record::parse(entry).value().code);
            return true;
        }).ok());
        return found;
    }

    storage::Database& database;
    testing::KeptLog log;
    SubjectKeys keys;
    AuditLog audit;
    std::unique_ptr<tlog::LogWriter> writer;
    std::unique_ptr<tlog::LogReader> reader;
    std::unique_ptr<Trail> trail;
    std::string refusal;
};

}  // namespace zephyr::audit
