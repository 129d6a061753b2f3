#include "tlog/verify_folder.h"

#include <array>

#include "tlog/hash_files.h"
#include "tlog/segment.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

namespace fs = std::filesystem;

namespace {

constexpr std::array file_names{"origin", "checkpoints", "cosigned", "lock"};
constexpr std::array folder_names{"segments", "hashes"};

bool is_one_of(std::string const& name, auto const& names) {
    return std::ranges::any_of(names, [&](char const* each) { return name == each; });
}

bool is_segment_name(std::string const& name) {
    constexpr std::size_t digits = 20;
    return name.size() == digits + 4 && name.ends_with(".seg") &&
           std::all_of(name.begin(), name.begin() + digits, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_level_name(std::string const& name) { return name.size() == 1 && name[0] >= '0' && name[0] < '0' + static_cast<int>(hash_levels); }

enum class Known { file, folder, in_passing, no };
Known kind_of(fs::path const& below, std::string const& name) {
    if (below.empty()) {
        if (is_one_of(name, file_names)) return Known::file;
        if (is_one_of(name, folder_names)) return Known::folder;
        // Half of a replaced file: there for a moment while a writer runs, and after its crash.
        return name == "cosigned.new" || name == "origin.new" ? Known::in_passing : Known::no;
    }
    if (below == "segments") return is_segment_name(name) ? Known::file : Known::no;
    return is_level_name(name) ? Known::file : Known::no;
}

class FolderCheck {
public:
    FolderCheck(fs::path const& root, bool stopped, Findings& findings) : root_{root}, stopped_{stopped}, findings_{findings} {}

    bool check(fs::path const& below) {
        std::error_code failed;
        bool safe = true;
        for (fs::directory_iterator file{root_ / below, failed}, end; !failed && file != end; file.increment(failed)) {
            safe = judge(below, *file) && safe;
        }
        if (failed) throw StorageFault{(root_ / below).string() + ": " + failed.message()};
        return safe;
    }

private:
    bool judge(fs::path const& below, fs::directory_entry const& file) {
        auto const name = file.path().filename().string();
        auto const shown = (below / name).string();
        auto const known = kind_of(below, name);
        std::error_code failed;
        auto const type = file.symlink_status(failed).type();
        if (known == Known::no || (known == Known::in_passing && stopped_)) {
            findings_.add("\"" + shown + "\" is no file of the log: something may be hidden in it");
            return true;
        }
        auto const due = known == Known::folder ? fs::file_type::directory : fs::file_type::regular;
        if (type != due) {
            findings_.add("\"" + shown + "\" is not what a log has under that name");
            return false;
        }
        if (name == "lock" && file.file_size(failed) != 0) findings_.add("\"lock\" is not empty: something may be hidden in it");
        return known != Known::folder || check(below / name);
    }

    fs::path const& root_;
    bool stopped_;
    Findings& findings_;
};

}  // namespace

bool check_folder(fs::path const& folder, bool stopped, Findings& findings) {
    return FolderCheck{folder, stopped, findings}.check({});
}

}  // namespace zephyr::tlog
