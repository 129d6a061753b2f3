#include "zephyr/config/read_sources.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "config/loading.h"

namespace zephyr::config {
namespace {

class ReadSources : public ::testing::Test {
protected:
    ReadSources() {
        std::string name = (std::filesystem::temp_directory_path() / "zephyr-config-XXXXXX").string();
        folder = ::mkdtemp(name.data());
    }
    ~ReadSources() override { std::filesystem::remove_all(folder); }

    std::string write(std::string const& name, std::string const& text) {
        auto const path = (folder / name).string();
        std::ofstream{path, std::ios::binary} << text;
        return path;
    }

    std::filesystem::path folder;
};

TEST_F(ReadSources, takes_the_file_the_environment_and_the_flags) {
    auto const file = write("z.toml", "[server]\nqueue = 7\n");
    ::setenv("ZEPHYR_SERVER_WORKERS", "9", 1);
    auto const sources = read_sources(file, {{"--listen", "127.0.0.1:0"}}).value();
    ::unsetenv("ZEPHYR_SERVER_WORKERS");
    auto const loaded = good(sources);
    EXPECT_EQ(loaded.settings.server.queue, 7);
    EXPECT_EQ(loaded.settings.server.workers, 9);
    EXPECT_EQ(loaded.settings.server.listen.port, 0);
    EXPECT_EQ(loaded.provenance.at("server.queue").str(), file + ":2");
    EXPECT_GE(sources.cores, 1u);
}

TEST_F(ReadSources, refuses_a_missing_file_a_folder_and_a_huge_file) {
    EXPECT_EQ(read_sources((folder / "none").string(), {}).error(), errors::file_unreadable);
    EXPECT_EQ(read_sources(folder.string(), {}).error(), errors::file_unreadable);
    EXPECT_TRUE(read_sources(write("full", std::string(1 << 20, '\n')), {}).ok());
    EXPECT_EQ(read_sources(write("huge", std::string((1 << 20) + 1, '\n')), {}).error(), errors::file_unreadable);
    EXPECT_TRUE(read_sources("", {}).value().file_name.empty());
}

TEST_F(ReadSources, reads_secret_files_up_to_their_bound) {
    auto const sources = read_sources("", {}).value();
    EXPECT_EQ(sources.read_file(write("s", "secret\n")).text, "secret\n");
    EXPECT_EQ(sources.read_file(write("empty", "")).text, "");
    EXPECT_EQ(sources.read_file((folder / "none").string()).text, std::nullopt);
    EXPECT_EQ(sources.read_file((folder / "none").string()).problem, "No such file or directory");
    EXPECT_EQ(sources.read_file(folder.string()).text, std::nullopt);
    EXPECT_EQ(sources.read_file(write("big", std::string(64 * 1024 + 1, 'x'))).text, std::nullopt);
}

TEST(SettingsFile, a_deeply_dotted_key_is_refused_and_frees_in_peace) {
    std::string dots = "a";
    for (int i = 0; i < 2000; ++i) dots += ".a";
    EXPECT_FALSE(load(from_file(dots + " = 1\n")).ok());
    EXPECT_FALSE(load(from_file("[" + dots + "]\n" + dots + " = 1\n")).ok());
    for (int i = 0; i < 2000; ++i) dots += ".a";
    EXPECT_EQ(only_problem(from_file("[server]\n" + dots + " = 1\n")),
              "settings file (zephyr.toml:2): is not TOML: the line is longer than 4096 bytes.");
}

TEST(SettingsFile, nested_lists_and_odd_text_are_refused_politely) {
    for (auto const& text :
         {std::string(5000, '\n') + std::string(3000, '['), "x = " + std::string(3000, '['), std::string{"\xff\xfe"},
          std::string{"a\0b", 3}, std::string{"[server"}, std::string{"=\n"}})
        EXPECT_FALSE(load(from_file(text)).ok());
    EXPECT_TRUE(load(from_file("")).ok());
    EXPECT_TRUE(load(from_file("# nothing\r\n[server]\r\nworkers = 3\r\n")).ok());
    EXPECT_FALSE(load(from_file("[nothing]\n")).ok());
    EXPECT_FALSE(load(from_file("[server]\n")).ok());
}

}  // namespace
}  // namespace zephyr::config
