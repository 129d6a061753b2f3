#include "zephyr/crypto/key_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "testing/databases.h"
#include "testing/scripted_random.h"
#include "zephyr/crypto/random.h"

namespace zephyr::crypto {
namespace {

namespace fs = std::filesystem;

constexpr Place place{"t", "r", "c"};

class KeyFile : public ::testing::Test {
protected:
    void SetUp() override {
        fs::create_directory(data);
        fs::create_directory(outside);
    }
    KeySources sources() const { return {.data_folder = data, .key_file = {}, .credentials_folder = {}}; }
    Result<LoadedKeys> load(KeySources const& from, DatabaseState state = DatabaseState::none_yet) {
        return load_or_create_keys(from, state, random);
    }
    static std::string content(fs::path const& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    static unsigned mode(fs::path const& path) {
        struct stat status {};
        EXPECT_EQ(::stat(path.c_str(), &status), 0);
        return status.st_mode & 07777u;
    }
    static std::size_t files_in(fs::path const& folder) {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
    }

    testing::TemporaryFolder folder;
    fs::path data = folder.path() / "data";
    fs::path outside = folder.path() / "outside";
    testing::ScriptedRandom random;
};

TEST_F(KeyFile, the_first_start_makes_a_private_key_and_the_next_start_finds_it) {
    auto const made = load(sources()).value();
    EXPECT_EQ(made.origin, KeyOrigin::made_now);
    EXPECT_EQ(made.path, data / "master.key");
    EXPECT_EQ(mode(made.path), 0600U);
    EXPECT_EQ(files_in(data), 1U) << "nothing left beside it";
    EXPECT_TRUE(content(made.path).starts_with("zephyr-master-key-v1 " + made.keyring.active().id() + " "));

    auto const found = load(sources(), DatabaseState::exists).value();
    EXPECT_EQ(found.origin, KeyOrigin::data_folder);
    EXPECT_EQ(found.keyring.ids(), made.keyring.ids());
    EXPECT_EQ(found.keyring.active().bytes().reveal(), made.keyring.active().bytes().reveal());
}

TEST_F(KeyFile, is_0600_whatever_the_umask_says) {
    for (mode_t const mask : {0000U, 0777U}) {
        auto const before = ::umask(mask);
        auto const made = create_key_file(outside / ("key" + std::to_string(mask)), random);
        ::umask(before);
        ASSERT_TRUE(made.ok());
        EXPECT_EQ(mode(outside / ("key" + std::to_string(mask))), 0600U);
    }
}

TEST_F(KeyFile, a_missing_key_is_never_made_anew_beside_a_database) {
    auto const made = load(sources()).value();
    fs::remove(made.path);
    auto const refused = load(sources(), DatabaseState::exists);
    EXPECT_EQ(refused.error(), errors::key_file_missing);
    EXPECT_NE(refused.error().reason().find("not made anew"), std::string_view::npos) << refused.error().reason();
    EXPECT_FALSE(fs::exists(made.path));
    EXPECT_EQ(files_in(data), 0U);
}

TEST_F(KeyFile, a_damaged_key_is_refused_and_left_alone) {
    auto const made = load(sources()).value();
    for (std::string const& damage :
         {std::string{}, std::string{"x"}, content(made.path).substr(0, 40), std::string(20'000, 'a')}) {
        std::ofstream{made.path, std::ios::binary | std::ios::trunc} << damage;
        auto const refused = load(sources());
        EXPECT_EQ(refused.error(), errors::key_file_malformed);
        EXPECT_EQ(content(made.path), damage);
    }
}

TEST_F(KeyFile, reasons_never_show_the_key) {
    auto const made = load(sources()).value();
    auto text = content(made.path);
    auto const secret = text.substr(38, 20);
    text[70] = '!';
    std::ofstream{made.path, std::ios::binary | std::ios::trunc} << text;
    auto const refused = load(sources());
    EXPECT_EQ(refused.error().reason().find(secret), std::string_view::npos);
    EXPECT_EQ(refused.error().detail().find(secret), std::string_view::npos);
    EXPECT_NE(refused.error().reason().find("line 1"), std::string_view::npos);
}

TEST_F(KeyFile, a_file_open_to_others_is_refused_with_the_command_that_cures_it) {
    auto const made = load(sources()).value();
    for (mode_t const open : {0640U, 0604U, 0660U, 0620U, 0602U, 0610U, 0601U, 0700U, 0644U, 0666U, 04600U}) {
        ::chmod(made.path.c_str(), open);
        auto const refused = load(sources());
        ASSERT_FALSE(refused.ok()) << std::oct << open;
        EXPECT_EQ(refused.error(), errors::key_file_permissions) << std::oct << open;
        EXPECT_NE(refused.error().reason().find("chmod 600 " + made.path.string()), std::string_view::npos);
    }
    for (mode_t const closed : {0600U, 0400U}) {
        ::chmod(made.path.c_str(), closed);
        EXPECT_TRUE(load(sources()).ok()) << std::oct << closed;
    }
}

TEST_F(KeyFile, a_file_of_another_user_is_refused) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    auto const made = load(sources()).value();
    ASSERT_EQ(::chown(made.path.c_str(), 12345, 12345), 0);
    auto const refused = load(sources());
    EXPECT_EQ(refused.error(), errors::key_file_permissions);
    EXPECT_NE(refused.error().reason().find("user 12345"), std::string_view::npos) << refused.error().reason();
}

TEST_F(KeyFile, something_that_is_no_file_is_refused_without_waiting_for_it) {
    auto const path = data / "master.key";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(load(sources()).error(), errors::key_file_unreadable);
    fs::remove(path);
    fs::create_directory(path);
    EXPECT_EQ(load(sources()).error(), errors::key_file_unreadable);
}

TEST_F(KeyFile, a_folder_that_is_not_there_is_refused) {
    auto from = sources();
    from.data_folder = folder.path() / "nowhere";
    EXPECT_EQ(load(from).error(), errors::key_file_unwritable);
}

TEST_F(KeyFile, an_existing_file_is_never_overwritten_by_create) {
    auto const path = outside / "key";
    auto const first = create_key_file(path, random).value();
    EXPECT_EQ(create_key_file(path, random).error(), errors::key_file_exists);
    EXPECT_EQ(load_key_file(path).value().ids(), first.ids());
    EXPECT_EQ(files_in(outside), 1U);
    // Nor through a link that points nowhere yet.
    fs::create_symlink(outside / "elsewhere", outside / "link");
    EXPECT_EQ(create_key_file(outside / "link", random).error(), errors::key_file_exists);
    EXPECT_FALSE(fs::exists(outside / "elsewhere"));
}

TEST_F(KeyFile, the_operators_file_is_used_and_the_data_folder_left_without_one) {
    auto const ring = create_key_file(outside / "key", random).value();
    auto from = sources();
    from.key_file = outside / "key";
    for (auto const state : {DatabaseState::none_yet, DatabaseState::exists}) {
        auto const loaded = load(from, state).value();
        EXPECT_EQ(loaded.origin, KeyOrigin::key_file);
        EXPECT_EQ(loaded.keyring.ids(), ring.ids());
    }
    EXPECT_EQ(files_in(data), 0U);
}

TEST_F(KeyFile, the_operators_file_is_never_made_and_nothing_else_taken_instead) {
    auto const in_data = load(sources()).value();
    auto from = sources();
    from.key_file = outside / "key";
    EXPECT_EQ(load(from).error(), errors::key_file_missing);
    EXPECT_EQ(load(from, DatabaseState::exists).error(), errors::key_file_missing);
    EXPECT_FALSE(fs::exists(outside / "key"));
}

TEST_F(KeyFile, the_operators_file_may_not_lie_inside_the_data_folder) {
    fs::create_directories(data / "deep" / "er");
    (void)create_key_file(data / "deep" / "er" / "key", random).value();
    fs::create_symlink(data / "deep" / "er" / "key", outside / "link");
    fs::create_directory_symlink(data / "deep", outside / "folder-link");
    fs::create_directory_symlink(data, folder.path() / "data-link");
    auto from = sources();
    for (auto const& path : {data / "deep" / "er" / "key", outside / "link", outside / "folder-link" / "er" / "key",
                             outside / ".." / "data" / "deep" / "er" / "key", data / "not-there-yet"}) {
        from.key_file = path;
        EXPECT_EQ(load(from).error(), errors::key_file_inside_data) << path;
    }
    from.data_folder = folder.path() / "data-link";
    from.key_file = data / "deep" / "er" / "key";
    EXPECT_EQ(load(from).error(), errors::key_file_inside_data) << "the data folder named through a link";
    // A folder that only begins like it is another one.
    fs::create_directory(folder.path() / "data-keys");
    (void)create_key_file(folder.path() / "data-keys" / "key", random).value();
    from = sources();
    from.key_file = folder.path() / "data-keys" / "key";
    EXPECT_TRUE(load(from).ok());
}

TEST_F(KeyFile, a_systemd_credential_is_used_before_the_data_folder) {
    auto const ring = create_key_file(outside / "zephyr.key", random).value();
    auto from = sources();
    from.credentials_folder = outside;
    for (mode_t const usual : {0400U, 0440U}) {
        ::chmod((outside / "zephyr.key").c_str(), usual);
        auto const loaded = load(from).value();
        EXPECT_EQ(loaded.origin, KeyOrigin::credential);
        EXPECT_EQ(loaded.keyring.ids(), ring.ids());
    }
    ::chmod((outside / "zephyr.key").c_str(), 0444);
    EXPECT_EQ(load(from).error(), errors::key_file_permissions);
    EXPECT_EQ(files_in(data), 0U);
}

TEST_F(KeyFile, a_credential_folder_without_our_key_changes_nothing) {
    auto from = sources();
    from.credentials_folder = outside;
    EXPECT_EQ(load(from, DatabaseState::exists).error(), errors::key_file_missing);
    EXPECT_EQ(load(from).value().origin, KeyOrigin::made_now);
}

TEST_F(KeyFile, a_damaged_credential_is_not_passed_over) {
    std::ofstream{outside / "zephyr.key"} << "nonsense";
    ::chmod((outside / "zephyr.key").c_str(), 0400);
    auto from = sources();
    from.credentials_folder = outside;
    EXPECT_EQ(load(from).error(), errors::key_file_malformed);
    EXPECT_EQ(files_in(data), 0U);
}

TEST_F(KeyFile, the_credential_folder_comes_from_systemds_variable) {
    ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/zephyr.service", 1);
    EXPECT_EQ(systemd_credentials_folder(), fs::path{"/run/credentials/zephyr.service"});
    ::setenv("CREDENTIALS_DIRECTORY", "", 1);
    EXPECT_EQ(systemd_credentials_folder(), std::nullopt);
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_EQ(systemd_credentials_folder(), std::nullopt);
}

TEST_F(KeyFile, threads_that_start_at_once_get_one_key) {
    for (int round = 0; round < 20; ++round) {
        fs::remove(data / "master.key");
        std::vector<std::string> ids(8);
        std::vector<int> made(8, 0);
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < ids.size(); ++i)
            threads.emplace_back([&, i] {
                SystemRandom own;
                auto const loaded = load_or_create_keys(sources(), DatabaseState::none_yet, own);
                if (!loaded.ok()) return;
                ids[i] = loaded.value().keyring.active().id();
                made[i] = loaded.value().origin == KeyOrigin::made_now ? 1 : 0;
            });
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()),
                  std::set<std::string>{load_key_file(data / "master.key").value().active().id()});
        EXPECT_EQ(std::count(made.begin(), made.end(), 1), 1);
        EXPECT_EQ(files_in(data), 1U);
    }
}

TEST_F(KeyFile, processes_that_start_at_once_get_one_key) {
    constexpr int starters = 4;
    std::array<int, 2> gate{};
    std::array<int, 2> answers{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    ASSERT_EQ(::pipe(answers.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < starters; ++i) {
        auto const child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(gate[1]);
            char unused = 0;
            (void)!::read(gate[0], &unused, 1);  // returns for all of them when the parent closes its end
            SystemRandom own;
            auto const loaded = load_or_create_keys(sources(), DatabaseState::none_yet, own);
            auto const answer = loaded.ok() ? loaded.value().keyring.active().id() : std::string(16, '!');
            bool const told = ::write(answers[1], answer.data(), 16) == 16;
            ::_exit(told ? 0 : 1);
        }
        children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    std::set<std::string> ids;
    for (auto const child : children) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
        std::string answer(16, '\0');
        ASSERT_EQ(::read(answers[0], answer.data(), 16), 16);
        ids.insert(answer);
    }
    ::close(answers[0]);
    ::close(answers[1]);
    EXPECT_EQ(ids, std::set<std::string>{load_key_file(data / "master.key").value().active().id()});
}

TEST_F(KeyFile, rotation_puts_a_new_key_first_and_keeps_old_values_readable) {
    auto const before = load(sources()).value();
    auto const sealed = Sealer{before.keyring, random}.seal(place, as_bytes("old"));
    auto const after = rotate_key_file(before.path, random).value();
    EXPECT_EQ(after.ids().size(), 2U);
    EXPECT_NE(after.active().id(), before.keyring.active().id());
    EXPECT_EQ(load_key_file(before.path).value().ids(), after.ids());
    EXPECT_EQ(mode(before.path), 0600U);
    EXPECT_EQ(files_in(data), 1U);
    Sealer const sealer{load(sources(), DatabaseState::exists).value().keyring, random};
    EXPECT_EQ(to_text(sealer.open(place, sealed).value().reveal()), "old");
    EXPECT_TRUE(sealer.needs_reseal(sealed));
}

TEST_F(KeyFile, a_key_can_be_added_then_activated_then_the_old_one_retired) {
    auto const path = outside / "key";
    auto const old = create_key_file(path, random).value().active().id();
    auto const standby = add_standby_key(path, random).value();
    EXPECT_EQ(standby.active().id(), old);
    auto const fresh = standby.ids().back();
    EXPECT_EQ(retire_key(path, old).error(), errors::master_key_active);
    EXPECT_EQ(activate_key(path, fresh).value().ids(), (std::vector{fresh, old}));
    EXPECT_EQ(retire_key(path, old).value().ids(), std::vector{fresh});
    EXPECT_EQ(retire_key(path, old).error(), errors::unknown_key);
    EXPECT_EQ(activate_key(path, old).error(), errors::unknown_key);
    EXPECT_EQ(load_key_file(path).value().ids(), std::vector{fresh});
}

TEST_F(KeyFile, rotation_replaces_the_file_and_not_a_link_to_it) {
    (void)create_key_file(outside / "real", random).value();
    fs::create_symlink(outside / "real", folder.path() / "link");
    auto const after = rotate_key_file(folder.path() / "link", random).value();
    EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
    EXPECT_EQ(load_key_file(outside / "real").value().ids(), after.ids());
}

TEST_F(KeyFile, rotation_refuses_a_missing_open_or_damaged_file_and_changes_nothing) {
    auto const path = outside / "key";
    EXPECT_EQ(rotate_key_file(path, random).error(), errors::key_file_missing);
    EXPECT_FALSE(fs::exists(path));
    (void)create_key_file(path, random).value();
    auto const text = content(path);
    ::chmod(path.c_str(), 0644);
    EXPECT_EQ(rotate_key_file(path, random).error(), errors::key_file_permissions);
    EXPECT_EQ(content(path), text);
    ::chmod(path.c_str(), 0600);
    std::ofstream{path, std::ios::trunc} << "damaged";
    EXPECT_EQ(rotate_key_file(path, random).error(), errors::key_file_malformed);
    EXPECT_EQ(content(path), "damaged");
}

TEST_F(KeyFile, rotations_at_once_lose_no_key) {
    auto const path = outside / "key";
    (void)create_key_file(path, random).value();
    std::vector<std::thread> threads;
    std::vector<int> fine(8, 0);
    for (auto& ok : fine)
        threads.emplace_back([&] {
            SystemRandom own;
            ok = rotate_key_file(path, own).ok() ? 1 : 0;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(fine, std::vector<int>(8, 1));
    EXPECT_EQ(load_key_file(path).value().ids().size(), 9U);
}

TEST_F(KeyFile, a_reader_during_rotations_always_sees_a_whole_file) {
    auto const path = outside / "key";
    auto const first = create_key_file(path, random).value().active().id();
    std::thread writer{[&] {
        SystemRandom own;
        for (int i = 0; i < 30; ++i) (void)rotate_key_file(path, own).value();
    }};
    int reads = 0;
    int wrong = 0;
    for (std::size_t keys = 0; keys < 31; ++reads) {
        auto const ring = load_key_file(path);
        if (!ring.ok() || ring.value().find(first) == nullptr || ring.value().keys().size() < keys) ++wrong;
        if (ring.ok()) keys = ring.value().keys().size();
    }
    writer.join();
    EXPECT_EQ(wrong, 0) << "of " << reads;
}

}  // namespace
}  // namespace zephyr::crypto
