#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <pqxx/pqxx>
#include <sstream>
#include <thread>

#include "testing/databases.h"

// libpqxx 6.4 loses the last PGresult of a connection that breaks (make_result asks the dead connection for its
// encoding, which throws). Once per lost connection; nothing we can free from outside.
extern "C" char const* __lsan_default_suppressions() {
    return "leak:libpqxx-6.4.so\n";
}
extern "C" char const* __lsan_default_options() {
    return "print_suppressions=0";
}

namespace zephyr::testing {

namespace {

constexpr char socket_port[] = "5432";  // only part of the socket's file name: nothing listens on the network

std::filesystem::path find_programs() {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (auto const& version : std::filesystem::directory_iterator{"/usr/lib/postgresql", ignored}) {
        if (std::filesystem::exists(version.path() / "bin" / "initdb")) found.push_back(version.path() / "bin");
    }
    if (found.empty()) throw Fault{"PostgreSQL is not installed: apt-get install postgresql-15"};
    return *std::max_element(found.begin(), found.end());
}

// Starts a program as that user; its output goes to `log`. With `dies_with_us` it does not outlive this process.
pid_t spawn(std::vector<std::string> const& command, uid_t user, gid_t group, std::filesystem::path const& log,
            bool dies_with_us) {
    std::vector<char*> arguments;
    for (auto const& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    auto const log_name = log.string();
    pid_t const child = ::fork();
    if (child < 0) throw Fault{"cannot fork"};
    if (child > 0) return child;
    // Only plain system calls from here on: other threads' locks are frozen in this copy.
    int const out = ::open(log_name.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0) {
        ::dup2(out, 1);
        ::dup2(out, 2);
    }
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0)) ::_exit(126);
    if (dies_with_us) ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::chdir("/") != 0) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string tail_of(std::filesystem::path const& log) {
    std::ifstream file{log};
    std::string all{std::istreambuf_iterator<char>{file}, {}};
    return all.size() > 1500 ? all.substr(all.size() - 1500) : all;
}

// PostgreSQL refuses to run as root: the account of the Debian package, or one made here, runs it then.
passwd const* find_account() {
    if (::geteuid() != 0) return ::getpwuid(::geteuid());
    for (char const* name : {"postgres", "zephyr-test"}) {
        if (auto const* account = ::getpwnam(name)) return account;
    }
    wait_for(spawn({"/usr/sbin/useradd", "-r", "-M", "-s", "/bin/sh", "zephyr-test"}, 0, 0, "/dev/null", false));
    return ::getpwnam("zephyr-test");
}

// The processes a process has started: backends lead sessions of their own, so no group signal reaches them.
std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    for (auto const& entry : std::filesystem::directory_iterator{"/proc"}) {
        auto const name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file{entry.path() / "stat"};
        std::string text{std::istreambuf_iterator<char>{file}, {}};
        auto const after_name = text.rfind(')');  // "pid (name) state parent …"; the name may hold anything
        if (after_name == std::string::npos) continue;
        std::istringstream rest{text.substr(after_name + 1)};
        char state = 0;
        pid_t its_parent = 0;
        if (rest >> state >> its_parent && its_parent == parent) children.push_back(std::stoi(name));
    }
    return children;
}

}  // namespace

PostgresServer& PostgresServer::instance() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() : programs_{find_programs()} {
    auto const* account = find_account();
    if (!account) throw Fault{"PostgreSQL does not run as root, and there is no other account for it"};
    user_ = account->pw_uid;
    group_ = account->pw_gid;
    initialise();
    start();
}

PostgresServer::~PostgresServer() {
    if (process_ > 0) {
        ::kill(process_, SIGQUIT);  // at once: a checkpoint of hundreds of databases that nobody will open again takes minutes
        wait_for(process_);
    }
}

void PostgresServer::initialise() {
    if (::geteuid() == 0 && ::chown(folder_.path().c_str(), user_, group_) != 0) {
        throw Fault{"cannot hand the PostgreSQL folder to its account"};
    }
    auto const log = folder_.path() / "initdb.log";
    // Trust is enough: the socket stands in a folder only this account and root can enter.
    int const code = wait_for(spawn({(programs_ / "initdb").string(), "-D", (folder_.path() / "data").string(), "-U",
                                     "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"},
                                    user_, group_, log, false));
    if (code != 0) throw Fault{"initdb failed:\n" + tail_of(log)};
}

void PostgresServer::start() {
    if (process_ > 0) return;
    auto const log = folder_.path() / "server.log";
    auto const deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
        // Without fsync a killed server still loses nothing: the kernel has its writes. Only a power cut would.
        process_ = spawn({(programs_ / "postgres").string(), "-D", (folder_.path() / "data").string(), "-k",
                          folder_.path().string(), "-p", socket_port, "-c", "listen_addresses=", "-c", "fsync=off",
                          "-c", "full_page_writes=off", "-c", "max_connections=200"},
                         user_, group_, log, true);
        while (::waitpid(process_, nullptr, WNOHANG) == 0) {
            if (answers()) return;
            if (std::chrono::steady_clock::now() > deadline) break;
            std::this_thread::sleep_for(10ms);
        }
        // It ended by itself: after kill() the old shared memory may still be in use for a moment. Try again.
        process_ = -1;
        std::this_thread::sleep_for(50ms);
    }
    throw Fault{"PostgreSQL did not start:\n" + tail_of(log)};
}

void PostgresServer::stop() {
    if (process_ <= 0) return;
    ::kill(process_, SIGINT);
    wait_for(process_);
    process_ = -1;
}

void PostgresServer::kill() {
    if (process_ <= 0) return;
    auto const children = children_of(process_);
    ::kill(process_, SIGKILL);
    for (auto const child : children) ::kill(child, SIGKILL);
    wait_for(process_);
    process_ = -1;
}

std::string PostgresServer::connection_string(std::string const& database) const {
    return "host=" + folder_.path().string() + " port=" + socket_port + " user=postgres dbname=" + database;
}

bool PostgresServer::answers() const {
    try {
        pqxx::connection connection{connection_string("postgres")};
        return true;
    } catch (pqxx::failure const&) {
        return false;
    }
}

std::string PostgresServer::fresh_database() {
    auto const name = "zephyr_" + std::to_string(++databases_);
    pqxx::connection connection{connection_string("postgres")};
    pqxx::nontransaction work{connection};
    work.exec("CREATE DATABASE " + name);  // cannot run inside a transaction
    return connection_string(name);
}

}  // namespace zephyr::testing
