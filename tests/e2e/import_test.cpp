// Accounts from another system: the import command, and then everybody signs in with the password they had.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"
#include "zephyr/cli/run.h"
#include "zephyr/storage/migrations.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::ManualClock;
using testing::ScriptedRandom;
using testing::TestApp;

struct Known {
    std::string username;
    std::string hash;
    std::string password;
};

// Published answers: tests/vectors/foreign_hash and tests/vectors/argon2 name the sources.
std::vector<Known> const& known() {
    static std::vector<Known> const all{
        {"bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
        {"scrypt7", "$7$06..../....SodiumChloride$ENlyo6fGw4PCcDBOFepfSZjFUnVatHzCcW55.ZGz3B0", "pleaseletmein"},
        {"scrypt", "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ$KXXf8GmVmUQTGZ9L0BWzp7rywGFqGVKQ+kazyyuoqFM",
         "cross-language-test"},
        {"django", "pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=", "password"},
        {"passlib", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44", "password"},
        {"sha256", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"},
        {"sha512",
         "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
         "Hello world!"},
        {"yescrypt", "$y$j9T$p6OI0WN7.rSfZBOijjRdR.$xUOA2MTcB48ac.9Oc5fz8cxwLv1mMqabnn333iOzSA6", "hello"},
        {"argon2", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
    };
    return all;
}

// The command as an operator gives it, on a folder of its own.
class ImportCommand : public ::testing::Test {
protected:
    struct Outcome {
        int code;
        std::string out;
        std::string err;
    };
    Outcome run(std::vector<std::string> arguments, std::string const& input = {}) {
        arguments.insert(arguments.end(), {"--data", (folder / "data").string()});
        std::istringstream in{input};
        std::ostringstream out, err;
        auto const code = cli::run(arguments, {in, out, err}, {clock, random, log});
        return {code, out.str(), err.str()};
    }
    Outcome import(std::string const& text, std::vector<std::string> options = {}) {
        options.insert(options.begin(), {"user", "import", "-"});
        return run(options, text);
    }
    // The stack that a server would have over that folder.
    template <class F>
    auto with_stack(F&& body) {
        config::Settings settings = TestApp::settings();
        settings.storage.data = (folder / "data").string();
        auto node = server::Node::open(settings, {clock, random, log});
        EXPECT_TRUE(node.ok());
        return body(node.value()->stack());
    }
    std::int64_t accounts() {
        return with_stack([](Stack& stack) { return stack.users.count(1000); });
    }

    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("zephyr-import-" + std::to_string(::getpid()));
    ManualClock clock;
    ScriptedRandom random{42};
    NullLog log;
    void SetUp() override { std::filesystem::remove_all(folder); }
    void TearDown() override { std::filesystem::remove_all(folder); }
};

std::string json_lines() {
    std::string text;
    for (auto const& [username, hash, password] : known())
        text += Json::object({{"username", username}, {"password_hash", hash}}).dump() + "\n";
    return text;
}

TEST_F(ImportCommand, everybody_signs_in_with_the_password_they_had_and_the_hash_becomes_ours) {
    auto const imported = import(json_lines());
    ASSERT_EQ(imported.code, 0) << imported.err;
    EXPECT_EQ(imported.out, "imported 9 accounts\n");
    with_stack([](Stack& stack) {
        auto const schemes = [&](std::string const& scheme) {
            return stack.database->read([&](storage::Transaction& tx) {
                return tx.row("SELECT count(*) FROM password_credential WHERE scheme = $1", scheme)->integer(0);
            });
        };
        EXPECT_EQ(schemes("imported"), 9);
        for (auto const& [username, hash, password] : known()) {
            auto const attempt = [&](std::string const& typed) {
                return stack.sign_in.sign_in({.login = username, .password = SecretText{typed}, .origin = {}});
            };
            EXPECT_EQ(attempt(password + "x").error(), signin::errors::invalid_credentials) << username;
            EXPECT_TRUE(attempt(password).ok()) << username;
            EXPECT_TRUE(attempt(password).ok()) << username << " by our own hash";
            EXPECT_EQ(attempt(password + "x").error(), signin::errors::invalid_credentials) << username;
        }
        EXPECT_EQ(schemes("imported"), 0);
        EXPECT_EQ(schemes("peppered"), 9);
        auto const rehashed =
            stack.audit.query({.code = std::string{audit::codes::password_rehashed}, .from = {}, .until = {}, .limit = 100});
        EXPECT_EQ(rehashed.size(), 9U);
    });
}

TEST_F(ImportCommand, takes_csv_with_roles_groups_quotes_and_line_breaks) {
    ASSERT_EQ(run({"group", "create", "Press office"}).code, 0);
    auto const imported = import(
        "\xef\xbb\xbfusername,email,display_name,password_hash,roles,groups,disabled\r\n"
        "ada,ada@example.test,\"Ada, \"\"the first\"\"\"," +
        known()[0].hash +
        ",admin;auditor,Press office,\r\n"
        "\r\n"
        "bob,,,,,,true\r\n");
    ASSERT_EQ(imported.code, 0) << imported.err;
    with_stack([](Stack& stack) {
        auto const ada = stack.users.find_by_login("ada@example.test").value();
        EXPECT_EQ(ada.display_name, "Ada, \"the first\"");
        EXPECT_TRUE(stack.roles.effective(ada.id).has_role("admin"));
        EXPECT_TRUE(stack.roles.effective(ada.id).has_role("auditor"));
        EXPECT_EQ(stack.groups.names_of(ada.id), std::vector<std::string>{"Press office"});
        auto const bob = stack.users.find_by_login("bob").value();
        EXPECT_EQ(bob.state, users::UserState::disabled);
        EXPECT_FALSE(stack.passwords.has_password(bob.id));
    });
}

TEST_F(ImportCommand, says_everything_that_is_wrong_by_its_line_and_writes_nothing) {
    ASSERT_EQ(import(R"({"username":"taken","email":"taken@example.test"})").code, 0);
    auto const refused = import(R"({"username":"fine"}
not json
{"email":"a@example.test"}
{"username":"a b"}
{"username":"x1","pasword_hash":"$2b$"}
{"username":"x2","password_hash":"$2b$31$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"}
{"username":"x3","password_hash":"$argon2id$v=19$m=4194304,t=1000000000,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
{"username":"x4","roles":["no-such-role"]}
{"username":"x5","groups":["no such group"]}
{"username":"FINE"}
{"username":"Taken"}
{"username":"x6","email":"TAKEN@example.test"}
{"username":"x7","email":"no address"}
{"username":"x8","disabled":"yes"}
{"username":"x9","username":"x10"}
{"username":"someone@example.test"}
)");
    EXPECT_EQ(refused.code, cli::exit_code::usage);
    EXPECT_EQ(refused.out, "");
    std::vector<std::string> const wanted{
        "line 2: not a JSON object (json.malformed)",
        "line 3: The member \"username\" must be there.",
        "line 4: users.name_malformed",
        "line 5: unknown member \"pasword_hash\", did you mean \"password_hash\"?",
        "line 6: passwords.import_refused: The hash is too costly to check: it takes 3067833 times as long as a hash of ours, and 64 "
        "is the most.",
        "line 7: passwords.import_refused: The hash is too costly to check: it asks for 4096 MiB of memory, and 256 is the most.",
        "line 8: rbac.role_not_found: There is no role \"no-such-role\".",
        "line 9: groups.not_found: There is no group \"no such group\".",
        "line 10: the same username as in line 1",
        "line 11: users.name_taken",
        "line 12: users.email_taken",
        "line 13: users.email_malformed",
        "line 14: The member \"disabled\" must be true or false.",
        "line 15: not a JSON object (json.duplicate_member)",
        "line 16: users.name_malformed: A username with '@' must be the account's own e-mail address.",
        "zephyr: 15 problems; nothing was imported.",
    };
    std::string all;
    for (auto const& line : wanted) all += line + "\n";
    EXPECT_EQ(refused.err, all);
    EXPECT_EQ(accounts(), 1);
}

TEST_F(ImportCommand, a_dry_run_checks_and_changes_nothing) {
    auto const dry = import(json_lines(), {"--dry-run"});
    EXPECT_EQ(dry.code, 0) << dry.err;
    EXPECT_EQ(dry.out, "would import 9 accounts\n");
    EXPECT_EQ(accounts(), 0);
    EXPECT_EQ(import("username\nx y\n", {"--dry-run"}).code, cli::exit_code::usage);
}

TEST_F(ImportCommand, a_second_run_skips_what_is_there) {
    ASSERT_EQ(import(json_lines()).code, 0);
    auto const again = import(json_lines());
    EXPECT_EQ(again.code, cli::exit_code::conflict) << "all of it is there";
    auto const skipping = import(json_lines() + R"({"username":"newcomer"})", {"--skip-existing"});
    EXPECT_EQ(skipping.code, 0) << skipping.err;
    EXPECT_EQ(skipping.out, "imported 1 account, 9 were there\n");
    EXPECT_EQ(accounts(), 10);
}

TEST_F(ImportCommand, an_address_of_another_account_is_no_account_to_skip) {
    ASSERT_EQ(import(R"({"username":"ada","email":"ada@example.test"})").code, 0);
    auto const refused = import(R"({"username":"ada@example.test","email":"ada@example.test"})", {"--skip-existing"});
    EXPECT_EQ(refused.code, cli::exit_code::conflict);
    EXPECT_EQ(refused.err.substr(0, 27), "line 1: users.email_taken\nz");
}

TEST_F(ImportCommand, writes_many_in_parts_each_whole_or_not_at_all) {
    std::string text;
    for (int i = 0; i < 450; ++i) text += "{\"username\":\"user" + std::to_string(i) + "\"}\n";
    ASSERT_EQ(import(text).out, "imported 450 accounts\n");
    with_stack([](Stack& stack) {
        auto const created =
            stack.database->read([](storage::Transaction& tx) { return tx.row("SELECT count(*) FROM app_user")->integer(0); });
        EXPECT_EQ(created, 450);
        auto const events =
            stack.audit.query({.code = std::string{audit::codes::user_created}, .from = {}, .until = {}, .limit = 1000});
        EXPECT_EQ(events.size(), 450U);
        EXPECT_EQ(events.front().actor.type, audit::Actor::Type::operator_cli);
    });
}

// What is free when it is checked may be taken when it is written: the part it is in is not written, those before it are.
TEST_F(ImportCommand, a_name_taken_meanwhile_stops_at_its_part_and_the_rest_can_follow) {
    with_stack([](Stack& stack) {
        auto const part = [&](std::string const& rows, std::vector<std::string> flags = {}) {
            flags.insert(flags.begin(), {"user", "import-part"});
            return cli::run_on(stack, {flags, "{\"rows\":[" + rows + "]}"});
        };
        auto const rows = R"({"line":1,"username":"ada"},{"line":2,"username":"bob"})";
        EXPECT_EQ(part(rows, {"--check"}).output, R"({"added":2,"there":0,"conflicts_only":true,"problems":[]})");
        EXPECT_TRUE(stack.users.create({.username = "BOB"}, audit::Actor::system()).ok());
        auto const stopped = part(rows);
        EXPECT_EQ(stopped.output, R"({"added":0,"there":0,"conflicts_only":true,"problems":[{"line":2,"what":"users.name_taken"}]})");
        EXPECT_FALSE(stack.users.find_by_login("ada").ok()) << "all of the part or nothing";
        EXPECT_EQ(part(rows, {"--skip-existing"}).output, R"({"added":1,"there":1,"conflicts_only":true,"problems":[]})");
        EXPECT_TRUE(stack.users.find_by_login("ada").ok());
        for (std::string const nonsense : {"", "7", R"({"line":1})", R"({"username":"x"})", R"({"line":-1,"username":"x"})"})
            EXPECT_EQ(part(nonsense).exit_code, cli::exit_code::usage) << nonsense;
    });
}

TEST_F(ImportCommand, tells_a_file_that_is_not_there_or_no_text) {
    EXPECT_EQ(run({"user", "import", (folder / "none.csv").string()}).code, cli::exit_code::usage);
    EXPECT_EQ(import("\xff\xfe").code, cli::exit_code::usage);
    EXPECT_EQ(import("").code, 0) << "nobody is nobody";
    EXPECT_EQ(accounts(), 0);
}

}  // namespace
}  // namespace zephyr
