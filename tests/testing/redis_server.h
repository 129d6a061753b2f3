// A real Redis per test program, on free ports of 127.0.0.1, its files in a private folder, gone when the program ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "testing/databases.h"

namespace zephyr::testing {

// Certificates made by the openssl program, for tests alone.
struct TestAuthority {
    std::filesystem::path certificate;
    // A server certificate for these names ("DNS:localhost,IP:127.0.0.1"), signed by this authority.
    struct Issued {
        std::filesystem::path certificate;
        std::filesystem::path key;
    };
    static TestAuthority make(std::filesystem::path const& folder, std::string const& name);
    Issued issue(std::string const& name, std::string const& alternative_names) const;

private:
    std::filesystem::path folder_;
    std::filesystem::path key_;
};

class RedisServer {
public:
    // The first one of the program; throws Fault with the reason when none can be started. Starts again what a test killed.
    static RedisServer& instance();

    struct Options {
        std::string password;         // of the default user
        std::vector<std::string> arguments;  // further ones for redis-server
        bool tls = false;             // TLS beside plain, by a certificate for localhost and 127.0.0.1
        std::string certificate_names = "DNS:localhost,IP:127.0.0.1";
    };
    RedisServer() : RedisServer(Options{}) {}
    explicit RedisServer(Options options);
    ~RedisServer();
    RedisServer(RedisServer const&) = delete;
    RedisServer& operator=(RedisServer const&) = delete;

    std::string url(int database = 0) const;  // with the password
    std::string tls_url(std::string const& host = "localhost") const;
    std::filesystem::path const& authority() const { return authority_; }
    int port() const { return port_; }

    void start();   // waits until it answers; on the same ports as before
    void kill();    // SIGKILL; memory is lost, files stay
    void pause();   // SIGSTOP: the kernel still accepts connections, nobody answers
    void resume();
    // What redis-cli prints for a command, without its last line break.
    std::string cli(std::vector<std::string> const& arguments) const;

private:
    std::vector<std::string> command_line() const;

    Options options_;
    TemporaryFolder folder_;
    std::filesystem::path authority_;
    std::filesystem::path certificate_;
    std::filesystem::path key_;
    int port_ = 0;
    int tls_port_ = 0;
    pid_t process_ = -1;
};

}  // namespace zephyr::testing
