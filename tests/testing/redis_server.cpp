#include "testing/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "zephyr/foundation/fault.h"

namespace zephyr::testing {

namespace {

// Starts a program found on the PATH; its output goes to `output` (a descriptor). With `dies_with_us` it does not outlive this process.
pid_t spawn(std::vector<std::string> const& command, int output, bool dies_with_us) {
    std::vector<char*> arguments;
    for (auto const& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t const child = ::fork();
    if (child < 0) throw Fault{"cannot fork"};
    if (child > 0) return child;
    // Only plain system calls from here on: other threads' locks are frozen in this copy.
    ::dup2(output, 1);
    ::dup2(output, 2);
    if (dies_with_us) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string output_of(std::vector<std::string> const& command, int* exit_code = nullptr) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Fault{"cannot make a pipe"};
    pid_t const child = spawn(command, ends[1], true);
    ::close(ends[1]);
    std::string out;
    std::array<char, 4096> buffer{};
    for (;;) {
        auto const count = ::read(ends[0], buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    int const code = wait_for(child);
    if (exit_code != nullptr) *exit_code = code;
    return out;
}

void run(std::vector<std::string> const& command) {
    int code = 0;
    auto const said = output_of(command, &code);
    if (code != 0) throw Fault{command.front() + " failed: " + said};
}

int free_port() {
    int const probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bool const found = ::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(probe);
    if (!found) throw Fault{"no free port"};
    return ntohs(address.sin_port);
}

}  // namespace

TestAuthority TestAuthority::make(std::filesystem::path const& folder, std::string const& name) {
    TestAuthority authority;
    authority.folder_ = folder;
    authority.certificate = folder / (name + ".pem");
    authority.key_ = folder / (name + ".key");
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
         "-keyout", authority.key_.string(), "-out", authority.certificate.string()});
    return authority;
}

TestAuthority::Issued TestAuthority::issue(std::string const& name, std::string const& alternative_names) const {
    Issued issued{folder_ / (name + ".pem"), folder_ / (name + ".key")};
    auto const request = (folder_ / (name + ".csr")).string();
    auto const extensions = (folder_ / (name + ".ext")).string();
    std::ofstream{extensions} << "subjectAltName=" << alternative_names << "\n";
    run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout",
         issued.key.string(), "-out", request});
    run({"openssl", "x509", "-req", "-in", request, "-CA", certificate.string(), "-CAkey", key_.string(), "-CAcreateserial", "-days", "2",
         "-extfile", extensions, "-out", issued.certificate.string()});
    return issued;
}

RedisServer& RedisServer::instance() {
    static RedisServer server;
    server.resume();
    server.start();
    return server;
}

RedisServer::RedisServer(Options options) : options_{std::move(options)}, port_{free_port()} {
    if (options_.tls) {
        auto const authority = TestAuthority::make(folder_.path(), "authority");
        auto const issued = authority.issue("server", options_.certificate_names);
        authority_ = authority.certificate;
        certificate_ = issued.certificate;
        key_ = issued.key;
        tls_port_ = free_port();
    }
    start();
}

RedisServer::~RedisServer() { kill(); }

std::vector<std::string> RedisServer::command_line() const {
    std::vector<std::string> line{"redis-server",  "--port", std::to_string(port_), "--bind",        "127.0.0.1", "--dir",
                                  folder_.path().string(), "--save", "",      "--appendonly", "no", "--logfile",
                                  (folder_.path() / "redis.log").string()};
    auto const add = [&](std::initializer_list<std::string> more) { line.insert(line.end(), more); };
    if (!options_.password.empty()) add({"--requirepass", options_.password});
    if (options_.tls) {
        add({"--tls-port", std::to_string(tls_port_), "--tls-cert-file", certificate_.string(), "--tls-key-file", key_.string(),
             "--tls-ca-cert-file", authority_.string(), "--tls-auth-clients", "no"});
    }
    line.insert(line.end(), options_.arguments.begin(), options_.arguments.end());
    return line;
}

void RedisServer::start() {
    if (process_ > 0) return;
    int const nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    process_ = spawn(command_line(), nowhere, true);
    ::close(nowhere);
    auto const deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
        if (::waitpid(process_, nullptr, WNOHANG) != 0) {
            process_ = -1;
            std::ifstream log{folder_.path() / "redis.log"};
            throw Fault{"redis-server did not start (installed?):\n" + std::string{std::istreambuf_iterator<char>{log}, {}}};
        }
        if (cli({"PING"}) == "PONG") return;
        std::this_thread::sleep_for(5ms);
    }
    throw Fault{"redis-server does not answer"};
}

void RedisServer::kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    wait_for(process_);
    process_ = -1;
}

void RedisServer::pause() {
    if (process_ <= 0) return;
    ::kill(process_, SIGSTOP);
    int status = 0;
    ::waitpid(process_, &status, WUNTRACED);  // it has stopped when this returns
}

void RedisServer::resume() {
    if (process_ > 0) ::kill(process_, SIGCONT);
}

std::string RedisServer::url(int database) const {
    auto const secret = options_.password.empty() ? std::string{} : ":" + options_.password + "@";
    return "redis://" + secret + "127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database);
}

std::string RedisServer::tls_url(std::string const& host) const {
    auto const secret = options_.password.empty() ? std::string{} : ":" + options_.password + "@";
    return "rediss://" + secret + host + ":" + std::to_string(tls_port_);
}

std::string RedisServer::cli(std::vector<std::string> const& arguments) const {
    std::vector<std::string> command{"redis-cli", "-h", "127.0.0.1", "-p", std::to_string(port_), "--no-auth-warning"};
    if (!options_.password.empty()) command.insert(command.end(), {"-a", options_.password});
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto said = output_of(command);
    while (said.ends_with('\n')) said.pop_back();
    return said;
}

}  // namespace zephyr::testing
