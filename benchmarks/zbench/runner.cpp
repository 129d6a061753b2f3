#include "zbench/runner.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <stdexcept>
#include <vector>

#include "zbench/schedule.h"

namespace zbench {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;

// Signing everybody in at once would be a flood, and be shed as one.
constexpr std::size_t set_up_at_once = 4;

std::uint64_t microseconds(Nanoseconds span) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(span).count()));
}

std::string name_of(Trouble trouble) {
    switch (trouble) {
        case Trouble::connect: return "connect";
        case Trouble::tls: return "tls";
        case Trouble::cut: return "cut";
        case Trouble::malformed: break;
    }
    return "malformed";
}

struct Client {
    Client(Target const& target, int epoll, std::size_t number) : channel{target, epoll, number} { visitor.number = number; }

    Channel channel;
    Visitor visitor;
    std::vector<Step const*> steps;  // of the iteration at hand
    std::size_t step = 0;
    std::size_t measured_from = 0;  // steps before it only get ready
    Time due;
    Time sent;
    bool running = false;
    bool recorded = false;
    bool retried = false;
};

class Runner {
public:
    Runner(Target const& target, Flow const& flow, RunOptions const& options)
        : target_{target}, flow_{flow}, options_{options}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
        ::prctl(PR_SET_TIMERSLACK, 1000UL);  // waits end when they should, not 50 us later
        for (std::size_t i = 0; i < options.connections; ++i) clients_.push_back(std::make_unique<Client>(target, epoll_, i));
    }
    ~Runner() { ::close(epoll_); }

    Report run() {
        set_up();
        report_ = {};
        for (auto& client : clients_) idle_.push_back(client.get());
        start_ = SteadyClock::now();
        if (options_.rate > 0) run_open();
        else run_closed();
        report_.seconds = std::chrono::duration<double>(SteadyClock::now() - start_ - options_.warm_up).count();
        return std::move(report_);
    }

private:
    void set_up() {
        if (flow_.setup.empty()) {
            for (auto& client : clients_) client->visitor.ready = true;
            return;
        }
        std::size_t next = 0, running = 0;
        auto const end = SteadyClock::now() + std::chrono::minutes{2};
        while (next < clients_.size() || running > 0) {
            while (next < clients_.size() && running < set_up_at_once) {
                begin(*clients_[next++], SteadyClock::now(), false, false);
                ++running;
            }
            wait(SteadyClock::now() + std::chrono::milliseconds{100});
            running = static_cast<std::size_t>(
                std::count_if(clients_.begin(), clients_.end(), [](auto const& client) { return client->running; }));
            if (report_.failed() > 0 || SteadyClock::now() > end) {
                throw std::runtime_error{"the set-up of the flow failed: " + first_error_};
            }
        }
    }

    void run_open() {
        Schedule schedule{options_.rate, options_.warm_up + options_.length};
        auto const give_up = start_ + options_.warm_up + options_.length + options_.patience;
        for (;;) {
            auto const now = SteadyClock::now();
            Nanoseconds due{};
            while (!idle_.empty() && schedule.take(now - start_, due)) {
                auto& client = *idle_.front();
                idle_.pop_front();
                bool const recorded = due >= options_.warm_up;
                if (recorded && !waited_) report_.lag.record(microseconds(now - start_ - due));
                begin(client, start_ + due, recorded, true);
            }
            waited_ = idle_.empty();
            if (schedule.finished() && running_ == 0) break;
            if (now > give_up) break;
            auto until = give_up;
            if (!idle_.empty() && !schedule.finished()) until = start_ + schedule.next();
            wait(until);
        }
        Schedule const warm_up{options_.rate, options_.warm_up};
        report_.due = schedule.total() - warm_up.total();
        if (auto const never = schedule.total() - schedule.taken(); never > 0) report_.errors["never_sent"] += never;
        for (auto& client : clients_) {
            if (client->running) finish(*client, "timeout");
        }
    }

    void run_closed() {
        auto const end = start_ + options_.warm_up + options_.length;
        for (;;) {
            auto const now = SteadyClock::now();
            // Each once: one that fails at once is idle again already.
            for (auto left = now < end ? idle_.size() : 0; left > 0; --left) {
                auto& client = *idle_.front();
                idle_.pop_front();
                begin(client, now, now >= start_ + options_.warm_up, true);
            }
            if (now >= end && running_ == 0) break;
            wait(now < end ? end : now + std::chrono::milliseconds{100});
        }
    }

    // Events, until `until` at the latest; gives up on iterations that take too long.
    void wait(Time until) {
        auto const now = SteadyClock::now();
        if (now >= next_look_) {
            next_look_ = now + std::chrono::milliseconds{100};
            for (auto& client : clients_) {
                if (client->running && now - client->sent > options_.patience) {
                    client->channel.close();
                    finish(*client, "timeout");
                }
            }
        }
        auto const longest = std::clamp<Nanoseconds>(std::min(until, next_look_) - now, Nanoseconds::zero(), std::chrono::seconds{1});
        timespec const timeout{longest.count() / 1'000'000'000, longest.count() % 1'000'000'000};
        std::array<epoll_event, 256> events;
        int const count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
        for (int i = 0; i < count; ++i) advance(*clients_[events[static_cast<std::size_t>(i)].data.u64]);
    }

    void begin(Client& client, Time due, bool recorded, bool with_steps) {
        client.steps.clear();
        if (!client.visitor.ready) {
            client.visitor.cookies.clear();
            for (auto const& step : flow_.setup) client.steps.push_back(&step);
        }
        client.measured_from = client.steps.size();
        if (with_steps) {
            for (auto const& step : flow_.steps) client.steps.push_back(&step);
        }
        client.step = 0;
        client.due = due;
        client.recorded = recorded;
        client.running = true;
        ++running_;
        if (recorded) ++report_.begun;
        client.retried = false;
        send(client);
    }

    void send(Client& client) {
        auto out = client.steps[client.step]->request(client.visitor);
        if (auto const cookies = client.visitor.cookies.header(); !cookies.empty()) out.headers.emplace_back("Cookie", cookies);
        client.sent = SteadyClock::now();
        client.channel.start(out.text(target_.url().authority(), options_.keep_alive), out.method == "HEAD");
        advance(client);
    }

    void advance(Client& client) {
        switch (client.channel.advance()) {
            case Progress::pending: return;
            case Progress::answered: return on_answer(client);
            case Progress::failed: break;
        }
        if (!client.running) return;
        // RFC 9110 9.2.2: "a client SHOULD NOT automatically retry a request with a non-idempotent method".
        bool const safe = client.steps[client.step]->request(client.visitor).method == "GET";
        if (client.channel.stale() && safe && !client.retried) {
            ++report_.stale;
            client.retried = true;
            return send(client);
        }
        finish(client, name_of(client.channel.trouble()));
    }

    void on_answer(Client& client) {
        auto const& step = *client.steps[client.step];
        auto const& answer = client.channel.answer();
        auto const now = SteadyClock::now();
        bool const measured = client.recorded && client.step >= client.measured_from;
        if (measured) {
            report_.steps[step.name].record(microseconds(now - client.sent));
            ++report_.statuses[answer.status];
        }
        client.visitor.cookies.take(answer);
        std::string error;
        if (answer.status != step.status) error = "status";
        else if (answer.body.find(step.expect) == std::string::npos) error = "body";
        else if (step.learn && !step.learn(client.visitor, answer)) error = "body";
        if (!error.empty() && first_error_.empty()) {
            first_error_ = step.name + " answered " + std::to_string(answer.status) + ": " + answer.body.substr(0, 200);
        }
        if (!answer.keep_alive || !options_.keep_alive) client.channel.close();
        if (!error.empty()) return finish(client, error);
        if (++client.step == client.measured_from) client.visitor.ready = true;
        client.retried = false;
        if (client.step < client.steps.size()) return send(client);
        finish(client, "");
    }

    void finish(Client& client, std::string const& error) {
        client.running = false;
        --running_;
        bool const setting_up = start_ == Time{};
        if (error.empty()) {
            if (client.recorded) {
                ++report_.completed;
                report_.latency.record(microseconds(SteadyClock::now() - client.due));
            }
        } else {
            if (first_error_.empty()) first_error_ = error;
            client.visitor.ready = flow_.setup.empty();
            if (client.recorded || setting_up) ++report_.errors[error];
        }
        if (!setting_up) idle_.push_back(&client);
    }

    Target const& target_;
    Flow const& flow_;
    RunOptions const& options_;
    int epoll_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::deque<Client*> idle_;
    std::size_t running_ = 0;
    bool waited_ = false;
    Time start_{};
    Time next_look_{};
    std::string first_error_;
    Report report_;
};

void append(std::string& out, std::string const& name, Histogram const& values) {
    auto const number = [](double value) {
        std::array<char, 32> text;
        auto const size = std::snprintf(text.data(), text.size(), "%.1f", value);
        return std::string(text.data(), static_cast<std::size_t>(size));
    };
    out += "\"" + name + "\":{\"count\":" + std::to_string(values.count()) + ",\"min\":" + std::to_string(values.min()) +
           ",\"mean\":" + number(values.mean()) + ",\"p50\":" + std::to_string(values.percentile(0.5)) +
           ",\"p90\":" + std::to_string(values.percentile(0.9)) + ",\"p99\":" + std::to_string(values.percentile(0.99)) +
           ",\"p99_9\":" + std::to_string(values.percentile(0.999)) + ",\"max\":" + std::to_string(values.max()) + "}";
}

template <class Counts, class Name>
void append_counts(std::string& out, char const* name, Counts const& counts, Name name_of_key) {
    out += std::string{",\""} + name + "\":{";
    bool first = true;
    for (auto const& [key, count] : counts) {
        out += (first ? "\"" : ",\"") + name_of_key(key) + "\":" + std::to_string(count);
        first = false;
    }
    out += "}";
}

}  // namespace

std::uint64_t Report::failed() const {
    std::uint64_t sum = 0;
    for (auto const& [kind, count] : errors) sum += count;
    return sum;
}

Report run(Target const& target, Flow const& flow, RunOptions const& options) {
    return Runner{target, flow, options}.run();
}

std::string to_json(Report const& report, RunOptions const& options, std::string const& flow, std::string const& url) {
    std::string out = "{\"flow\":\"" + flow + "\",\"url\":\"" + url + "\",\"mode\":\"" + (options.rate > 0 ? "open" : "closed") + "\"";
    out += ",\"rate\":" + std::to_string(options.rate) + ",\"connections\":" + std::to_string(options.connections);
    out += std::string{",\"keep_alive\":"} + (options.keep_alive ? "true" : "false");
    out += ",\"seconds\":" + std::to_string(report.seconds) + ",\"due\":" + std::to_string(report.due);
    out += ",\"begun\":" + std::to_string(report.begun) + ",\"completed\":" + std::to_string(report.completed);
    out += ",\"failed\":" + std::to_string(report.failed()) + ",\"stale\":" + std::to_string(report.stale);
    out += ",\"per_second\":" + std::to_string(report.seconds > 0 ? static_cast<double>(report.completed) / report.seconds : 0);
    append_counts(out, "errors", report.errors, [](std::string const& kind) { return kind; });
    append_counts(out, "statuses", report.statuses, [](int status) { return std::to_string(status); });
    out += ",";
    append(out, "latency_us", report.latency);
    out += ",";
    append(out, "lag_us", report.lag);
    out += ",\"steps\":{";
    bool first = true;
    for (auto const& [name, values] : report.steps) {
        if (!first) out += ",";
        append(out, name, values);
        first = false;
    }
    return out + "}}";
}

}  // namespace zbench
