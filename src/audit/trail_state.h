// What the files of Trail share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>

#include "audit/gap_file.h"
#include "audit/stored.h"
#include "zephyr/audit/trail.h"

namespace zephyr::audit {

struct Trail::State {
    State(TrailParts given, TrailSettings chosen) : parts{given}, settings{std::move(chosen)}, gaps{settings.gap_file} {}

    TrailParts parts;
    TrailSettings settings;
    GapFile gaps;

    std::atomic<bool> writable{true};
    std::atomic<std::int64_t> waiting{0};
    std::atomic<std::uint64_t> indexed{0};

    std::mutex mutex;
    std::condition_variable woken;
    std::condition_variable served_one;
    bool dirty = true;    // rows were committed
    bool busy = false;    // a round is under way
    bool stopping = false;
    std::uint64_t asked = 0;   // catch_up calls
    std::uint64_t served = 0;
    std::optional<TimePoint> failing_since;

    // The carrying thread's alone.
    std::unordered_set<std::string> drained;  // in the log, and not yet out of the outbox
    MonotonicTime index_due{};                // when what is in the log must be in the table
    MonotonicTime heartbeat_due{};
    MonotonicTime adoption_due{};
    std::optional<std::pair<TimePoint, MonotonicTime>> last_clock;
    bool trouble_told = false;
    std::thread thread;

    // trail.cpp
    void run();
    void round(bool everything);
    Result<void> append_own(std::string_view code, Fields details, std::string reason = {});
    Record own_record(std::string_view code, Fields details, std::string reason = {}) const;
    void failed(Error const& error);
    bool heal();
    void tell_gap();
    void watch_clock();
    std::int64_t waiting_in_outbox();

    // outbox.cpp
    bool single_node() const { return parts.database.engine() == storage::Engine::sqlite; }
    // Puts rows of ours into the log. True when there may be more.
    bool drain_some();
    // Puts entries of the log into audit_event, and takes what is there out of the outbox. True when there may be more.
    bool index_some();
    void heartbeat();
    void adopt_dead();
    std::int64_t adopt(std::string const& from, bool claimed_too);
};

}  // namespace zephyr::audit
