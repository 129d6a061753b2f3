// Verifies the logs of a folder that somebody else may have arranged: none may be missing, and each must continue the one before.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "zephyr/audit/codes.h"
#include "zephyr/audit/epochs.h"
#include "zephyr/audit/log_keys.h"
#include "zephyr/audit/record.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/foundation/text.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

namespace fs = std::filesystem;
using tlog::VerifyReport;

namespace {

constexpr std::size_t longest_origin = 4096;
constexpr std::size_t name_digits = 4;
constexpr std::string_view begun_suffix = ".begun";

fs::file_type type_of(fs::path const& path) {
    std::error_code failed;
    return fs::symlink_status(path, failed).type();
}

// What the folder says its log is called; it says which keys are tried, and is held against the checkpoints later.
std::string origin_in(fs::path const& folder) {
    if (type_of(folder / "origin") != fs::file_type::regular) return {};
    try {
        auto const content = read_small_file(folder / "origin", longest_origin);
        auto const text = content ? as_text(*content) : std::string_view{};
        return std::string{text.substr(0, text.find('\n'))};
    } catch (StorageFault const&) {
        return {};
    }
}

void damage(VerifiedLog& log, std::string what, std::optional<std::uint64_t> index = std::nullopt) {
    log.report.verdict = VerifyReport::Verdict::damaged;
    log.report.findings.push_back({std::move(what), index});
}

bool is_damaged(VerifiedLog const& log) { return log.report.verdict == VerifyReport::Verdict::damaged; }

VerifiedLog verify_one(fs::path const& folder, VerifyEpochs const& options) {
    VerifiedLog out{.folder = folder};
    auto const origin = origin_in(folder);
    out.report.origin = origin;  // until it was verified
    tlog::VerifyOptions with{.trust = trust_for(options.trust, origin), .key_change = &next_log_key, .deletion = &kept_from};
    with.must_end_in_checkpoint = options.must_end_in_checkpoint;
    if (options.seen && options.seen->checkpoint.origin == origin) with.seen = options.seen;
    try {
        out.report = tlog::verify_log(folder, with);
    } catch (StorageFault const& fault) {
        damage(out, fault.what());
    } catch (fs::filesystem_error const& fault) {
        damage(out, fault.what());
    }
    return out;
}

// "0002" as a number; 0 for other names.
std::uint32_t number_of(std::string_view name) {
    if (name.size() != name_digits || !std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) return 0;
    return static_cast<std::uint32_t>(parse_integer(name).value_or(0));
}

std::string name_of(std::uint32_t number) { return fmt::format("{:04}", number); }

struct Details {
    Record record;
    std::string text(std::string_view name) const {
        auto const found = std::ranges::find_if(record.details, [&](auto const& field) { return field.first == name; });
        return found == record.details.end() ? std::string{} : found->second;
    }
    std::uint64_t number(std::string_view name) const {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(0, parse_integer(text(name)).value_or(0)));
    }
};

// All that stands below one "epochs".
class EpochsFolder {
public:
    EpochsFolder(fs::path const& folder, VerifyEpochs const& options) : folder_{folder}, options_{options} {}

    std::vector<VerifiedLog> verify() && {
        list();
        for (auto const& [number, epoch] : epochs_) {
            if (number != next_) missing(next_, number - 1);
            next_ = number + 1;
            add(number, epoch);
        }
        if (last_begun_ > next_) missing(next_, last_begun_ - 1);
        else if (last_begun_ == next_ && !out_.empty()) {
            out_.back().notes.push_back("epoch " + name_of(last_begun_) + " was begun after it, and there is no log of it yet");
        }
        for (auto& other : others_) out_.push_back(std::move(other));
        return std::move(out_);
    }

private:
    void list() {
        std::error_code failed;
        for (fs::directory_iterator each{folder_, failed}, end; !failed && each != end; each.increment(failed)) {
            auto const& path = each->path();
            auto const name = path.filename().string();
            auto const type = type_of(path);
            auto const number = number_of(name);
            if (type == fs::file_type::directory && number != 0) {
                epochs_.emplace(number, path);
            } else if (type == fs::file_type::directory) {
                damage(others_.emplace_back(verify_one(path, options_)), "\"" + name + "\" is no epoch's name");
            } else if (type != fs::file_type::regular) {
                damage(others_.emplace_back(VerifiedLog{.folder = path}), "it is no folder of a log");
            } else if (name.ends_with(begun_suffix)) {
                last_begun_ = std::max(last_begun_, number_of(std::string_view{name}.substr(0, name.size() - begun_suffix.size())));
            }
        }
        if (failed) damage(others_.emplace_back(VerifiedLog{.folder = folder_}), failed.message());
    }

    void missing(std::uint32_t from, std::uint32_t to) {
        auto const what = from == to ? "epoch " + name_of(from) + " is missing" : "epochs " + name_of(from) + " to " + name_of(to) + " are missing";
        damage(out_.emplace_back(VerifiedLog{.folder = folder_}), what);
    }

    void add(std::uint32_t number, fs::path const& folder) {
        auto epoch = verify_one(folder, options_);
        auto const& origin = epoch.report.origin;
        if (number == 1) first_origin_ = origin;
        else if (!first_origin_.empty() && origin != first_origin_ + "/" + std::to_string(number)) {
            damage(epoch, "epoch " + name_of(number) + " of \"" + first_origin_ + "\" can't be a log called \"" + origin + "\"");
        }
        bool const follows = !out_.empty() && out_.back().folder.filename() == name_of(number - 1);
        if (!is_damaged(epoch)) {
            try {
                judge_beginning(number, epoch, follows ? &out_.back() : nullptr);
            } catch (StorageFault const& fault) {
                damage(epoch, fault.what());
            } catch (fs::filesystem_error const& fault) {
                damage(epoch, fault.what());
            }
        }
        out_.push_back(std::move(epoch));
    }

    // `epoch` is whole. `before`: the one before it, if there is one.
    static void judge_beginning(std::uint32_t number, VerifiedLog& epoch, VerifiedLog* before) {
        if (epoch.report.size == 0) return;  // it was killed before it said anything
        if (epoch.report.first_index > 0) {
            if (number > 1) epoch.notes.push_back("its first entry, which named the epoch before it, was deleted when its time was over");
            return;
        }
        auto const reader = tlog::LogReader::open(epoch.folder);
        auto const entry = reader.ok() ? reader.value()->entry(0) : Result<Bytes>{reader.error()};
        auto record = entry.ok() ? Record::parse(entry.value()) : Result<Record>{entry.error()};
        bool const continues = record.ok() && record.value().code == codes::audit_epoch_begun;
        if (number == 1) {
            if (continues) damage(epoch, "it continues a log that is not here, and is called the first epoch", 0);
            return;
        }
        if (!continues) return damage(epoch, "its first entry does not say which log it continues", 0);
        Details const begun{std::move(record).value()};
        state_losses(begun, epoch);
        if (before == nullptr || before->report.origin.empty()) return;  // what is wrong with it is told already
        if (begun.text("old_origin") != before->report.origin) {
            return damage(epoch, "it continues \"" + begun.text("old_origin") + "\", and the epoch before it is \"" + before->report.origin + "\"", 0);
        }
        if (!is_damaged(*before)) hold_against(begun, *before, epoch);
    }

    static void state_losses(Details const& begun, VerifiedLog& epoch) {
        auto const old_size = begun.number("old_size");
        epoch.notes.push_back("it continues \"" + begun.text("old_origin") + "\", which ended at " + std::to_string(old_size) + " entries" +
                              (begun.record.reason.empty() ? "" : ": " + begun.record.reason));
        auto const lost = [&](std::string_view field, char const* who) {
            auto const known = begun.number(field);
            if (known <= old_size) return;
            epoch.notes.push_back(std::to_string(known - old_size) + " entries of it were lost: " + who + " knew of " + std::to_string(known));
        };
        lost("indexed", "the database");
        lost("witnessed_size", "a witness");
    }

    // Whether the log that ended is still the one that this entry speaks of.
    static void hold_against(Details const& begun, VerifiedLog& before, VerifiedLog& epoch) {
        auto const size = begun.number("old_size");
        auto const root = begun.text("old_root");
        if (root.empty()) {
            epoch.notes.push_back("when it was begun the one before could not be read, so nothing vouches for how that ended");
            return;
        }
        if (size > before.report.size) {
            return damage(before, "it had " + std::to_string(size) + " entries when the next epoch was begun, and has " +
                                      std::to_string(before.report.size), before.report.size);
        }
        auto const reader = tlog::LogReader::open(before.folder);
        if (!reader.ok()) return damage(before, std::string{reader.error().detail()});
        if (encoding::base64_encode(tlog::root_of(size, reader.value()->nodes())) != root) {
            return damage(before, "its first " + std::to_string(size) + " entries are not those that it had when the next epoch was begun");
        }
        if (size < before.report.size) {
            epoch.notes.push_back("the one before went on to " + std::to_string(before.report.size) + " entries after that");
        }
    }

    fs::path const& folder_;
    VerifyEpochs const& options_;
    std::map<std::uint32_t, fs::path> epochs_;
    std::uint32_t last_begun_ = 0;
    std::uint32_t next_ = 1;
    std::string first_origin_;
    std::vector<VerifiedLog> out_;
    std::vector<VerifiedLog> others_;
};

bool has_log(fs::path const& folder) {
    return type_of(folder) == fs::file_type::directory && type_of(folder / "origin") != fs::file_type::not_found;
}

// More than one where somebody put a second, so that it cannot hide the first.
std::vector<fs::path> epochs_folders(fs::path const& folder) {
    std::vector<fs::path> found;
    auto const is_folder = [](fs::path const& path) { return type_of(path) == fs::file_type::directory; };
    if (is_folder(folder / "audit") && is_folder(folder / "audit" / "epochs")) found.push_back(folder / "audit" / "epochs");
    if (is_folder(folder / "epochs")) found.push_back(folder / "epochs");
    if (!found.empty()) return found;
    std::error_code failed;
    for (fs::directory_iterator each{folder, failed}, end; !failed && each != end; each.increment(failed)) {
        if (has_log(each->path())) return {folder};
    }
    return {};
}

}  // namespace

tlog::TrustPolicy trust_for(tlog::TrustPolicy trust, std::string const& origin) {
    auto const named = [&](tlog::NoteKey const& key) { return key.name() == origin; };
    if (std::ranges::any_of(trust.logs, named)) return trust;
    auto const given = trust.logs;
    for (auto const& key : given) {
        auto const later = origin.starts_with(key.name() + "/") ? std::string_view{origin}.substr(key.name().size() + 1) : std::string_view{};
        if (!later.empty() && parse_integer(later)) trust.logs.emplace_back(origin, key.kind(), key.key());
    }
    return trust;
}

std::vector<VerifiedLog> verify_epochs(fs::path const& folder, VerifyEpochs const& options) {
    if (type_of(folder / "origin") != fs::file_type::not_found) return {verify_one(folder, options)};
    std::vector<VerifiedLog> all;
    for (auto const& epochs : epochs_folders(folder)) {
        auto some = EpochsFolder{epochs, options}.verify();
        std::ranges::move(some, std::back_inserter(all));
    }
    return all;
}

}  // namespace zephyr::audit
