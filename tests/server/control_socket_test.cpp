#include "server/control_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>

#include "testing/databases.h"
#include "testing/kept_log.h"
#include "zephyr/server/data_folder.h"

namespace zephyr::server {
namespace {

using ::testing::HasSubstr;

class ControlSocketTest : public ::testing::Test {
protected:
    using Handler = std::function<ControlAnswer(ControlRequest const&)>;

    std::unique_ptr<ControlSocket> open(Handler handler) {
        auto opened = ControlSocket::open(control_socket_path(folder_.path()), clock_, log_, std::move(handler));
        EXPECT_TRUE(opened.ok()) << opened.error();
        return std::move(opened).value();
    }
    static ControlAnswer echo(ControlRequest const& request) {
        std::string out;
        for (auto const& argument : request.arguments) out += argument + ";";
        return {.exit_code = 7, .output = out, .errors = request.input};
    }
    std::optional<ControlAnswer> ask(ControlRequest const& request) { return ask_running_server(folder_.path(), request); }

    // Connected, and has said nothing yet.
    int connect() {
        int const connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        auto const path = control_socket_path(folder_.path()).string();
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        EXPECT_EQ(::connect(connection, reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
        return connection;
    }
    static void say(int connection, std::string_view bytes) {
        EXPECT_EQ(::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    // All until the server hangs up.
    static std::string rest(int connection) {
        std::string out;
        std::array<char, 4096> some;
        for (ssize_t got; (got = ::recv(connection, some.data(), some.size(), 0)) > 0;) out.append(some.data(), static_cast<std::size_t>(got));
        ::close(connection);
        return out;
    }

    testing::TemporaryFolder folder_;
    SystemClock clock_;
    testing::KeptLog log_;
};

TEST_F(ControlSocketTest, a_command_and_its_input_come_through_and_so_does_the_answer) {
    auto const socket = open(echo);
    auto const answer = ask({.arguments = {"user", "list", "ä\n"}, .input = "line"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->exit_code, 7);
    EXPECT_EQ(answer->output, "user;list;ä\n;");
    EXPECT_EQ(answer->errors, "line");
}

TEST_F(ControlSocketTest, nobody_answers_where_nobody_listens) {
    EXPECT_FALSE(ask({.arguments = {"x"}, .input = {}}));
    open(echo).reset();
    EXPECT_FALSE(ask({.arguments = {"x"}, .input = {}}));
    EXPECT_FALSE(std::filesystem::exists(control_socket_path(folder_.path())));
}

TEST_F(ControlSocketTest, only_the_owner_may_open_it) {
    auto const socket = open(echo);
    struct stat facts {};
    ASSERT_EQ(::stat(control_socket_path(folder_.path()).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(ControlSocketTest, an_answer_of_many_megabytes_arrives_whole) {
    std::string const large(5 << 20, 'x');
    auto const socket = open([&](ControlRequest const&) { return ControlAnswer{.exit_code = 0, .output = large, .errors = {}}; });
    auto const answer = ask({.arguments = {"audit"}, .input = {}});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->exit_code, 0);
    EXPECT_EQ(answer->output, large);
}

TEST_F(ControlSocketTest, an_answer_too_long_to_send_is_said_to_be_so) {
    auto const socket = open([&](ControlRequest const&) { return ControlAnswer{.exit_code = 0, .output = std::string(50 << 20, 'x'), .errors = {}}; });
    auto const answer = ask({.arguments = {"audit"}, .input = {}});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->exit_code, 70);
    EXPECT_THAT(answer->errors, HasSubstr("ask for less"));
}

TEST_F(ControlSocketTest, a_request_too_long_is_refused_in_words) {
    auto const socket = open(echo);
    auto const answer = ask({.arguments = {"x"}, .input = std::string(5 << 20, 'x')});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->exit_code, 70);
    EXPECT_THAT(answer->errors, HasSubstr("more than 4 MiB"));
    // And one that a client sends regardless.
    auto const connection = connect();
    say(connection, std::string{"\xff\xff\xff\xff", 4});
    EXPECT_THAT(rest(connection), HasSubstr("does not take such a request"));
}

TEST_F(ControlSocketTest, what_is_no_request_gets_no_command_run) {
    int runs = 0;
    {
        auto const socket = open([&](ControlRequest const&) {
            ++runs;
            return ControlAnswer{};
        });
        for (auto const* text : {"{", "[]x", ""}) {
            auto const connection = connect();
            say(connection, std::string{"\0\0\0", 3} + static_cast<char>(std::strlen(text)) + text);
            EXPECT_EQ(rest(connection), "") << text;
        }
        auto const connection = connect();
        std::string const numbers = R"({"arguments":[1]})";
        say(connection, std::string{"\0\0\0", 3} + static_cast<char>(numbers.size()) + numbers);
        EXPECT_THAT(rest(connection), HasSubstr("does not take such a request"));
    }
    EXPECT_EQ(runs, 0);
}

TEST_F(ControlSocketTest, a_command_that_throws_is_a_fault_of_its_own) {
    auto const socket = open([](ControlRequest const&) -> ControlAnswer { throw Fault{"boom"}; });
    auto const answer = ask({.arguments = {"x"}, .input = {}});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->exit_code, 70);
    EXPECT_THAT(answer->errors, HasSubstr("boom"));
    EXPECT_TRUE(ask({.arguments = {"x"}, .input = {}})) << "the server goes on";
}

TEST_F(ControlSocketTest, a_client_that_says_nothing_or_reads_nothing_keeps_nobody_waiting) {
    auto socket = open([](ControlRequest const& request) {
        return ControlAnswer{.exit_code = 0, .output = std::string(request.input == "large" ? 8 << 20 : 1, 'x'), .errors = {}};
    });
    auto const silent = connect();
    auto const half = connect();
    say(half, std::string{"\0\0", 2});
    auto const deaf = connect();
    std::string const wants_much = R"({"arguments":[],"input":"large"})";
    say(deaf, std::string{"\0\0\0", 3} + static_cast<char>(wants_much.size()) + wants_much);
    auto const start = clock_.monotonic();
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask({.arguments = {"x"}, .input = {}}));
    EXPECT_LT(clock_.monotonic() - start, 5s);
    // Nor do they hold the end: an answer under way has a second to be read.
    auto const stopping = clock_.monotonic();
    socket.reset();
    EXPECT_LT(clock_.monotonic() - stopping, 5s);
    for (int const connection : {silent, half, deaf}) ::close(connection);
}

TEST_F(ControlSocketTest, one_client_too_many_is_told_so) {
    auto const socket = open(echo);
    std::vector<int> silent;
    for (int i = 0; i < 16; ++i) silent.push_back(connect());
    EXPECT_THAT(rest(connect()), HasSubstr("too many commands"));
    ::close(silent.back());
    silent.pop_back();
    std::optional<ControlAnswer> answer;
    for (int i = 0; i < 100 && (!answer || answer->exit_code != 7); ++i) answer = ask({.arguments = {"x"}, .input = {}});
    EXPECT_EQ(answer->exit_code, 7) << "a place became free";
    for (int const connection : silent) ::close(connection);
}

TEST_F(ControlSocketTest, commands_run_one_after_another) {
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    auto const socket = open([&](ControlRequest const&) {
        most = std::max(most.load(), ++running);
        std::this_thread::yield();
        --running;
        return ControlAnswer{};
    });
    std::vector<std::future<std::optional<ControlAnswer>>> answers;
    for (int i = 0; i < 8; ++i) {
        answers.push_back(std::async(std::launch::async, [&] { return ask({.arguments = {"x"}, .input = {}}); }));
    }
    for (auto& answer : answers) EXPECT_TRUE(answer.get());
    EXPECT_EQ(most, 1);
}

TEST_F(ControlSocketTest, a_path_longer_than_a_socket_may_have_is_refused_in_words) {
    auto const longest = folder_.path() / std::string(120, 'd');
    auto const opened = ControlSocket::open(control_socket_path(longest), clock_, log_, echo);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error(), errors::no_control_socket);
    EXPECT_THAT(opened.error().reason(), HasSubstr("The system allows 107: choose a data folder with a shorter path."));
    EXPECT_FALSE(ask_running_server(longest, {.arguments = {"x"}, .input = {}}));
}

TEST_F(ControlSocketTest, a_folder_that_is_not_there_is_refused_in_words) {
    auto const opened = ControlSocket::open(folder_.path() / "nowhere" / "control.sock", clock_, log_, echo);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error(), errors::no_control_socket);
}

}  // namespace
}  // namespace zephyr::server
