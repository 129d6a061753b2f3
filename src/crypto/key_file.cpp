#include "zephyr/crypto/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <system_error>

#include "zephyr/crypto/random.h"
#include "zephyr/encoding/hex.h"

namespace zephyr::crypto {

namespace fs = std::filesystem;

namespace {

// 64 lines are less than 6 KiB.
constexpr std::size_t largest_file_bytes = 16 * 1024;

class Descriptor {
public:
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }
    bool open() const { return number_ >= 0; }

private:
    int number_;
};

Error fail(Failure failure, std::string reason) {
    return Error{failure}.with_reason(std::move(reason));
}

std::string system_reason() {
    return std::system_category().message(errno);
}

enum class Keeper { us, systemd };

Result<void> check_file(struct stat const& status, fs::path const& path, Keeper keeper) {
    if (!S_ISREG(status.st_mode))
        return fail(errors::key_file_unreadable, fmt::format("The key file {} is not a regular file.", path.string()));
    auto const user = ::geteuid();
    bool const owner_fits = status.st_uid == user || (keeper == Keeper::systemd && status.st_uid == 0);
    if (!owner_fits)
        return fail(
            errors::key_file_permissions,
            fmt::format("The key file {} belongs to user {}, not to user {} whom the server runs as. Run: chown {} {}",
                        path.string(), status.st_uid, user, user, path.string()));
    auto const mode = status.st_mode & 07777u;
    auto const forbidden = keeper == Keeper::systemd ? 07137u : 07177u;  // systemd may let a group read (0440)
    if ((mode & forbidden) != 0)
        return fail(errors::key_file_permissions,
                    fmt::format("The key file {} is open to others or executable (mode {:04o}). Run: chmod 600 {}",
                                path.string(), mode, path.string()));
    return success();
}

Result<Descriptor> open_checked(fs::path const& path, Keeper keeper) {
    // O_NONBLOCK: a FIFO in its place must not hang the start.
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file.open() && (errno == ENOENT || errno == ENOTDIR))
        return fail(errors::key_file_missing, fmt::format("The key file {} does not exist.", path.string()));
    struct stat status {};
    if (!file.open() || ::fstat(file.get(), &status) != 0)
        return fail(errors::key_file_unreadable,
                    fmt::format("The key file {} can't be read: {}.", path.string(), system_reason()));
    ZEPHYR_CHECK(check_file(status, path, keeper));
    return file;
}

Result<Keyring> read_keys(Descriptor const& file, fs::path const& path) {
    std::string buffer(largest_file_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < buffer.size()) {
        auto const got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            auto const why = system_reason();
            wipe(buffer.data(), buffer.size());
            return fail(errors::key_file_unreadable,
                        fmt::format("The key file {} can't be read: {}.", path.string(), why));
        }
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    SecretText const held{std::move(buffer)};
    auto keyring = size > largest_file_bytes ? Result<Keyring>{Error{errors::key_file_malformed, "too large"}}
                                             : parse_key_text(std::string_view{held.reveal()}.substr(0, size));
    if (keyring.ok()) return keyring;
    return Error{errors::key_file_malformed, std::string{keyring.error().detail()}}.with_reason(
        fmt::format("The key file {} is damaged ({}). Put back the copy you keep of it: a new key can't open what the "
                    "old one sealed.",
                    path.string(), keyring.error().detail()));
}

Result<Keyring> load(fs::path const& path, Keeper keeper) {
    ZEPHYR_TRY(auto const file, open_checked(path, keeper));
    return read_keys(file, path);
}

Result<void> sync_folder(fs::path const& file) {
    auto const folder = file.has_parent_path() ? file.parent_path() : fs::path{"."};
    Descriptor const opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (opened.open() && ::fsync(opened.get()) == 0) return success();
    return fail(errors::key_file_unwritable,
                fmt::format("The folder {} can't be synced to disk: {}.", folder.string(), system_reason()));
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        auto const put = ::write(file, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

// What happens to a file that is already there.
enum class Existing { refuse, replace };

// Writes aside and moves into place, so that the name never stands for half a key, whatever happens in between.
Result<void> write_keys(fs::path const& path, Keyring const& keyring, Existing existing) {
    SystemRandom random;
    auto const name = fmt::format(".{}.{}.new", path.filename().string(), encoding::hex_encode(random.bytes(8)));
    auto const aside = path.parent_path() / name;
    auto const failed = [&](std::string_view step) {
        auto const why = system_reason();
        ::unlink(aside.c_str());
        return fail(errors::key_file_unwritable,
                    fmt::format("The key file {} can't be written ({}: {}).", path.string(), step, why));
    };
    Descriptor const file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file.open()) return failed("create");
    auto const text = format_key_text(keyring);
    if (::fchmod(file.get(), 0600) != 0) return failed("chmod");  // whatever the umask said
    if (!write_all(file.get(), text.reveal())) return failed("write");
    if (::fsync(file.get()) != 0) return failed("sync");
    if (existing == Existing::replace) {
        if (::rename(aside.c_str(), path.c_str()) != 0) return failed("rename");
    } else {
        // link, unlike rename, refuses a name that is taken: of two first starts one makes the key.
        if (::link(aside.c_str(), path.c_str()) != 0) {
            if (errno != EEXIST) return failed("link");
            ::unlink(aside.c_str());
            return fail(errors::key_file_exists, fmt::format("There is a file at {} already.", path.string()));
        }
        ::unlink(aside.c_str());
    }
    return sync_folder(path);
}

// The file, locked against other changes. Locks belong to the file, not to its name, and a change puts another file
// under the name: so look again after each wait.
Result<Descriptor> open_locked(fs::path const& path) {
    for (;;) {
        ZEPHYR_TRY(auto file, open_checked(path, Keeper::us));
        struct stat held {};
        struct stat named {};
        if (::flock(file.get(), LOCK_EX) != 0 || ::fstat(file.get(), &held) != 0)
            return fail(errors::key_file_unreadable,
                        fmt::format("The key file {} can't be locked: {}.", path.string(), system_reason()));
        if (::stat(path.c_str(), &named) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev)
            return Result<Descriptor>{std::move(file)};
    }
}

Result<Keyring> change(fs::path const& named, std::function<Result<Keyring>(Keyring const&)> const& edit) {
    // Through symbolic links, so that the file is replaced and not the link to it.
    std::error_code missing;
    auto path = fs::canonical(named, missing);
    if (missing) path = named;
    ZEPHYR_TRY(auto const locked, open_locked(path));
    ZEPHYR_TRY(auto const before, read_keys(locked, path));
    ZEPHYR_TRY(auto after, edit(before));
    ZEPHYR_CHECK(write_keys(path, after, Existing::replace));
    return after;
}

// Also through symbolic links and mounts: what counts is where the bytes are.
bool is_inside(fs::path const& file, fs::path const& folder) {
    std::error_code ignored;
    auto const real_file = fs::weakly_canonical(file, ignored);
    auto const real_folder = fs::weakly_canonical(folder, ignored);
    for (auto parent = real_file.parent_path(); !parent.empty(); parent = parent.parent_path()) {
        if (parent == real_folder || fs::equivalent(parent, folder, ignored)) return true;
        if (parent == parent.root_path()) break;
    }
    return false;
}

Result<LoadedKeys> load_operators_file(fs::path const& path, fs::path const& data_folder) {
    if (is_inside(path, data_folder))
        return fail(
            errors::key_file_inside_data,
            fmt::format("The key file {} lies inside the data folder {}, so every copy of the folder would carry its "
                        "own key. Move it elsewhere.",
                        path.string(), data_folder.string()));
    auto keyring = load_key_file(path);
    if (keyring.ok()) return LoadedKeys{std::move(keyring).value(), KeyOrigin::key_file, path};
    if (keyring.error() == errors::key_file_missing)
        return fail(
            errors::key_file_missing,
            fmt::format(
                "The key file {} does not exist. It is never made by the server: put your copy there, or, for a "
                "new installation, make one with `zephyr key create`.",
                path.string()));
    return std::move(keyring).error();
}

Result<LoadedKeys> load_or_make_in_data_folder(fs::path const& data_folder, DatabaseState database, Random& random) {
    auto const path = data_folder_key(data_folder);
    auto keyring = load_key_file(path);
    if (keyring.ok()) return LoadedKeys{std::move(keyring).value(), KeyOrigin::data_folder, path};
    if (!(keyring.error() == errors::key_file_missing)) return std::move(keyring).error();
    if (database == DatabaseState::exists)
        return fail(
            errors::key_file_missing,
            fmt::format("There is a database but its master key {} is missing. It is not made anew, because a new key "
                        "can't open what the old one sealed. Put the file back, or name the key file in the settings.",
                        path.string()));
    auto made = create_key_file(path, random);
    if (made.ok()) return LoadedKeys{std::move(made).value(), KeyOrigin::made_now, path};
    if (!(made.error() == errors::key_file_exists)) return std::move(made).error();
    // Another process was faster; its key is whole, since it appeared by link(), but perhaps not yet on disk.
    ZEPHYR_TRY(auto theirs, load_key_file(path));
    ZEPHYR_CHECK(sync_folder(path));
    return LoadedKeys{std::move(theirs), KeyOrigin::data_folder, path};
}

}  // namespace

std::optional<fs::path> systemd_credentials_folder() {
    char const* const folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0') return std::nullopt;
    return fs::path{folder};
}

fs::path data_folder_key(fs::path const& data_folder) {
    return data_folder / data_folder_key_name;
}

Result<LoadedKeys> load_or_create_keys(KeySources const& sources, DatabaseState database, Random& random) {
    if (sources.key_file) return load_operators_file(*sources.key_file, sources.data_folder);
    if (sources.credentials_folder) {
        auto const path = *sources.credentials_folder / "zephyr.key";
        auto keyring = load(path, Keeper::systemd);
        if (keyring.ok()) return LoadedKeys{std::move(keyring).value(), KeyOrigin::credential, path};
        // systemd sets the folder for any credential, so ours may not be among them.
        if (!(keyring.error() == errors::key_file_missing)) return std::move(keyring).error();
    }
    return load_or_make_in_data_folder(sources.data_folder, database, random);
}

Result<Keyring> load_key_file(fs::path const& path) {
    return load(path, Keeper::us);
}

Result<Keyring> create_key_file(fs::path const& path, Random& random) {
    Keyring keyring{MasterKey::generate(random)};
    ZEPHYR_CHECK(write_keys(path, keyring, Existing::refuse));
    return keyring;
}

Result<Keyring> rotate_key_file(fs::path const& path, Random& random) {
    return change(path, [&](Keyring const& keys) { return keys.with_active(MasterKey::generate(random)); });
}

Result<Keyring> add_standby_key(fs::path const& path, Random& random) {
    return change(path, [&](Keyring const& keys) { return keys.with_standby(MasterKey::generate(random)); });
}

Result<Keyring> activate_key(fs::path const& path, std::string_view id) {
    return change(path, [&](Keyring const& keys) { return keys.activating(id); });
}

Result<Keyring> retire_key(fs::path const& path, std::string_view id) {
    return change(path, [&](Keyring const& keys) { return keys.without(id); });
}

}  // namespace zephyr::crypto
