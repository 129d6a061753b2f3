// What a decision costs: a role check at two sizes of the organisation (G11), a guard that knows the caller (G6's share), and
// what is kept for each live session and each person (G18). guard_bench [Google Benchmark's flags]; docs/performance.md says
// which numbers are goals.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "zephyr/crypto/random.h"
#include "zephyr/stack.h"

namespace zephyr {
namespace {

class NoLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

struct Folder {
    Folder() {
        auto name = (std::filesystem::temp_directory_path() / "zephyr-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw Fault{"no temporary folder"};
        path = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

// A whole stack over a file, with bulk changes a thousand to the transaction.
struct House {
    explicit House(std::int64_t cached = 100'000) : stack{{.settings = settings(cached),
                                                          .database = open(folder.path / "zephyr.db"),
                                                          .keyring = crypto::Keyring{crypto::MasterKey::generate(random)},
                                                          .clock = clock,
                                                          .random = random,
                                                          .log = log}} {}

    static config::Settings settings(std::int64_t cached) {
        config::Settings out;
        out.server.public_url = "http://127.0.0.1:8080";
        out.passwords.hash_workers = 1;
        out.cache.entries = cached;
        return out;
    }
    std::unique_ptr<storage::Database> open(std::filesystem::path const& file) {
        auto database = storage::open_sqlite({.path = file.string()});
        if (!storage::migrate(*database, schema_migrations(), clock).ok()) throw Fault{"migrations failed"};
        return database;
    }
    template <class F>
    void in_bulk(int count, F&& each) {
        for (int start = 0; start < count; start += 1000) {
            stack.database->write([&](storage::Transaction& tx) {
                for (int i = start; i < std::min(count, start + 1000); ++i) each(tx, i);
            });
        }
    }
    void add_people(int count) {
        in_bulk(count, [&](storage::Transaction& tx, int i) {
            auto const name = "person" + std::to_string(i);
            auto const made = stack.users.create(tx, {.username = name, .email = name + "@example.com", .display_name = "A. " + name},
                                                 audit::Actor::system());
            people.push_back(made.value().id);
        });
    }
    // As a browser's, with a user agent of usual length.
    sessions::SessionStore::Row session_of(UserId const& user) {
        sessions::SessionStore::Row row;
        row.session.ref = SessionRef::make(clock.now(), random);
        row.session.user = user;
        row.session.factors = {{"pwd", clock.now()}, {"otp", clock.now()}};
        row.session.created_at = row.session.last_seen_at = clock.now();
        row.session.expires_at = clock.now() + 12h;
        row.session.address = "198.51.100.217";
        row.session.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        return row;
    }
    http::Request request_of(sessions::IssuedSession const& issued) {
        http::Request request;
        request.method = http::Method::get;
        request.target = request.path = request.route = "/private";
        request.headers.add("Cookie", "zephyr_session=" + issued.token.reveal());
        return request;
    }
    sessions::IssuedSession sign_in(UserId const& user) {
        auto const model = session_of(user).session;
        return stack.sessions
            .start({.user = user,
                    .factors = model.factors,
                    .pending = {},
                    .remember = false,
                    .origin = {.address = model.address, .user_agent = model.user_agent}})
            .value();
    }
    double pages() {
        return stack.database->read([](storage::Transaction& tx) {
            return static_cast<double>(tx.row("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")->integer(0));
        });
    }

    SystemClock clock;
    crypto::SystemRandom random;
    NoLog log;
    Folder folder;
    Stack stack;
    std::vector<UserId> people;
};

double resident_bytes() {
    ::malloc_trim(0);
    std::ifstream statm{"/proc/self/statm"};
    double total = 0, resident = 0;
    statm >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// G11: roles times people is 1k or 100k. Every person has two roles, every role two permissions and one included role.
struct Organisation {
    Organisation(int roles, int people) {
        auto const by = audit::Actor::system();
        for (int i = 0; i < roles; ++i) {
            auto const name = "role" + std::to_string(i);
            house.stack.roles
                .create({.name = name,
                         .permissions = {"area" + std::to_string(i) + ".read", "area" + std::to_string(i) + ".write"},
                         .includes = i == 0 ? std::vector<std::string>{} : std::vector<std::string>{"role" + std::to_string(i / 2)}},
                        by)
                .value();
        }
        house.add_people(people);
        house.in_bulk(people, [&](storage::Transaction&, int i) {
            for (int const role : {i % roles, (i * 7 + 3) % roles}) {
                (void)house.stack.roles.grant(rbac::Subject::user(house.people[static_cast<std::size_t>(i)]), "role" + std::to_string(role), by);
            }
        });
        for (int i = 0; i < people; ++i) {
            questions.push_back({house.people[static_cast<std::size_t>(i)], "area" + std::to_string(i % roles) + ".write"});
        }
        for (auto const& [person, permission] : questions) {
            if (!house.stack.roles.require_permission(person, permission).ok()) throw Fault{"the benchmark asks what is refused"};
        }
    }
    House house;
    std::vector<std::pair<UserId, std::string>> questions;
};

Organisation& organisation(int roles, int people) {
    static std::map<std::pair<int, int>, std::unique_ptr<Organisation>> known;
    auto& found = known[{roles, people}];
    if (!found) found = std::make_unique<Organisation>(roles, people);
    return *found;
}

void rbac_check(benchmark::State& state) {
    auto& all = organisation(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
    // The same hundred people at either size: what differs is what they are among, not how much of it fits a CPU's cache.
    std::size_t const asked = std::min<std::size_t>(all.questions.size(), 100);
    auto const stride = all.questions.size() / asked;
    std::size_t i = 0;
    auto const before = all.house.stack.database->counts().statements;
    for (auto _ : state) {
        auto const& [person, permission] = all.questions[(i++ % asked) * stride];
        benchmark::DoNotOptimize(all.house.stack.roles.require_permission(person, permission).ok());
    }
    state.counters["statements"] = static_cast<double>(all.house.stack.database->counts().statements - before);
}
BENCHMARK(rbac_check)->ArgNames({"roles", "people"})->Args({10, 100})->Args({100, 1000})->Args({1000, 100});

// A guard whose caller is remembered: login, a role and a permission.
struct SignedIn {
    SignedIn() {
        house.add_people(1000);
        for (auto const& person : house.people) {
            (void)house.stack.roles.grant(rbac::Subject::user(person), "auditor", audit::Actor::system());
            requests.push_back(house.request_of(house.sign_in(person)));
        }
        for (auto const& request : requests) {
            if (!std::holds_alternative<http::Admitted>(house.stack.gatekeeper.judge(demand, request))) throw Fault{"refused"};
        }
    }
    http::Demand demand = (http::require_login | http::require_role("auditor") | http::require_permission("audit.read")).demand();
    House house;
    std::vector<http::Request> requests;
};

void warm_judge(benchmark::State& state) {
    static SignedIn all;
    std::size_t i = static_cast<std::size_t>(state.thread_index()) * 499;
    auto const before = all.house.stack.database->counts().statements;
    for (auto _ : state) {
        benchmark::DoNotOptimize(all.house.stack.gatekeeper.judge(all.demand, all.requests[i++ % all.requests.size()]));
    }
    if (state.thread_index() == 0) state.counters["statements"] = static_cast<double>(all.house.stack.database->counts().statements - before);
}
BENCHMARK(warm_judge)->Threads(1)->Threads(2)->UseRealTime();

// The same caller for all threads: the worst case for whatever they share.
void warm_judge_one_caller(benchmark::State& state) {
    static SignedIn all;
    for (auto _ : state) benchmark::DoNotOptimize(all.house.stack.gatekeeper.judge(all.demand, all.requests[0]));
}
BENCHMARK(warm_judge_one_caller)->Threads(1)->Threads(2)->UseRealTime();

// The yardstick beside it: the same decision asked of SQLite each time.
void cold_judge(benchmark::State& state) {
    static House house{0};
    static auto const request = [] {
        house.add_people(1);
        return house.request_of(house.sign_in(house.people[0]));
    }();
    auto const demand = http::require_login.demand();
    for (auto _ : state) benchmark::DoNotOptimize(house.stack.gatekeeper.judge(demand, request));
}
BENCHMARK(cold_judge);

// G18, memory: a hundred thousand people signed in, each seen once more after everything else is warm.
void bytes_per_cached_session(benchmark::State& state) {
    constexpr int sessions = 100'000;
    for (auto _ : state) {
        House house;
        house.add_people(sessions);
        std::vector<http::Request> requests;
        requests.reserve(sessions);
        house.in_bulk(sessions, [&](storage::Transaction&, int i) {
            requests.push_back(house.request_of(house.sign_in(house.people[static_cast<std::size_t>(i)])));
        });
        auto const demand = http::require_login.demand();
        // First without remembering, so that what SQLite keeps is not counted.
        for (auto const& request : requests) {
            auto const token = request.cookie("zephyr_session").value();
            benchmark::DoNotOptimize(house.stack.sessions.find(SecretText{token}).ok());
        }
        for (auto const& person : house.people) benchmark::DoNotOptimize(house.stack.users.find(person).ok());
        auto const before = resident_bytes();
        for (auto const& request : requests) {
            if (!std::holds_alternative<http::Admitted>(house.stack.gatekeeper.judge(demand, request))) throw Fault{"refused"};
        }
        auto const after = resident_bytes();
        auto const entries = house.stack.holder_cache.counts().entries;
        state.counters["entries"] = static_cast<double>(entries);
        state.counters["bytes_each"] = (after - before) / static_cast<double>(entries);
    }
}
BENCHMARK(bytes_per_cached_session)->Iterations(1)->Unit(benchmark::kSecond);

// G18, disk: rows and their indexes, without the audit trail, which is kept for its own time.
void bytes_on_disk(benchmark::State& state) {
    constexpr int rows = 50'000;
    for (auto _ : state) {
        House house;
        auto const empty = house.pages();
        house.in_bulk(rows, [&](storage::Transaction& tx, int i) {
            auto const id = UserId::make(house.clock.now(), house.random);
            auto const name = "person" + std::to_string(i);
            tx.run("INSERT INTO app_user (id, username, canonical_username, email, canonical_email, display_name, state, expires_at,"
                   " locked_until, created_at, updated_at, version) VALUES ($1, $2, $2, $3, $3, $4, 'active', NULL, NULL, $5, $5, 1)",
                   id.str(), name, name + "@example.com", "A. " + name, house.clock.now());
            house.people.push_back(id);
        });
        auto const with_people = house.pages();
        house.in_bulk(rows, [&](storage::Transaction&, int i) {
            auto row = house.session_of(house.people[static_cast<std::size_t>(i)]);
            row.token_hash = house.random.bytes(32);
            (void)house.stack.session_store.insert(row, {}, house.clock.now());
        });
        auto const with_sessions = house.pages();
        state.counters["bytes_per_person"] = (with_people - empty) / rows;
        state.counters["bytes_per_session"] = (with_sessions - with_people) / rows;
    }
}
BENCHMARK(bytes_on_disk)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace zephyr

BENCHMARK_MAIN();
