#include "zephyr/server/data_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "testing/databases.h"

namespace zephyr::server {
namespace {

namespace fs = std::filesystem;
using zephyr::testing::TemporaryFolder;

TEST(DataFolder, is_made_for_its_owner_alone) {
    TemporaryFolder const here;
    auto const data = here.path() / "a/data";
    auto const folder = DataFolder::lock(data);
    ASSERT_TRUE(folder.ok());
    EXPECT_EQ(fs::status(data).permissions(), fs::perms::owner_all);
}

TEST(DataFolder, has_one_holder) {
    TemporaryFolder const here;
    auto const data = here.path() / "data";
    {
        auto const first = DataFolder::lock(data);
        ASSERT_TRUE(first.ok());
        auto const second = DataFolder::lock(data);
        ASSERT_FALSE(second.ok());
        EXPECT_EQ(second.error(), errors::folder_in_use);
    }
    EXPECT_TRUE(DataFolder::lock(data).ok());
}

TEST(DataFolder, that_others_may_write_in_is_refused) {
    TemporaryFolder const here;
    auto const data = here.path() / "data";
    fs::create_directory(data);
    fs::permissions(data, fs::perms::owner_all | fs::perms::group_write);
    auto const folder = DataFolder::lock(data);
    ASSERT_FALSE(folder.ok());
    EXPECT_EQ(folder.error(), errors::folder_unusable);
}

// What root made in the server's folder, the server's own user could not open: the next start would fail.
TEST(DataFolder, of_somebody_else_is_refused_and_nothing_is_made_in_it) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
    TemporaryFolder const here;
    auto const data = here.path() / "data";
    fs::create_directory(data);
    fs::permissions(data, fs::perms::owner_all);
    ASSERT_EQ(::chown(data.c_str(), 65534, 65534), 0);
    auto const empty = DataFolder::lock(data);
    ASSERT_FALSE(empty.ok());
    EXPECT_EQ(empty.error(), errors::folder_unusable);
    EXPECT_TRUE(fs::is_empty(data));

    std::ofstream{data / "zephyr.lock"}.close();
    auto const stopped = DataFolder::lock(data);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error(), errors::folder_unusable);
}

}  // namespace
}  // namespace zephyr::server
