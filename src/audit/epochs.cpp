#include "zephyr/audit/epochs.h"

#include <algorithm>

#include <fmt/format.h>

#include "zephyr/audit/codes.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/json.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"
#include "zephyr/tlog/log.h"

namespace zephyr::audit {

namespace fs = std::filesystem;
using encoding::Json;

namespace {

constexpr std::size_t largest_file = 64 * 1024;
constexpr std::size_t name_digits = 4;
constexpr std::string_view begun_suffix = ".begun";

fs::path epochs_folder(fs::path const& audit_folder) { return audit_folder / "epochs"; }
fs::path folder_of(fs::path const& audit_folder, std::uint32_t number) {
    return epochs_folder(audit_folder) / fmt::format("{:04}", number);
}
fs::path begun_file(Epoch const& epoch) { return epoch.folder.string() + std::string{begun_suffix}; }

// "0002" or "0002.begun" as a number; nothing for other names.
std::optional<std::uint32_t> number_of(std::string name) {
    if (name.ends_with(begun_suffix)) name.resize(name.size() - begun_suffix.size());
    if (name.size() != name_digits || !std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    auto const number = static_cast<std::uint32_t>(std::stoul(name));
    return number == 0 ? std::nullopt : std::optional{number};
}

std::uint32_t last_number(fs::path const& audit_folder) {
    std::uint32_t last = 0;
    std::error_code failed;
    fs::directory_iterator files{epochs_folder(audit_folder), failed};
    if (failed && failed != std::errc::no_such_file_or_directory) {
        throw StorageFault{epochs_folder(audit_folder).string() + ": " + failed.message()};
    }
    for (auto const& file : files) last = std::max(last, number_of(file.path().filename().string()).value_or(0));
    return last;
}

std::optional<std::string> stored_origin(fs::path const& log_folder) {
    auto const content = read_small_file(log_folder / "origin", largest_file);
    if (!content) return std::nullopt;
    auto const text = as_text(*content);
    return std::string{text.substr(0, text.find('\n'))};
}

Epoch epoch_at(fs::path const& audit_folder, std::string const& base_origin, std::uint32_t number) {
    auto const first = stored_origin(folder_of(audit_folder, 1)).value_or(base_origin);
    auto folder = folder_of(audit_folder, number);
    auto const derived = number == 1 ? first : first + "/" + std::to_string(number);
    auto origin = stored_origin(folder).value_or(derived);
    return {number, std::move(folder), std::move(origin)};
}

std::string root_text(tlog::Checkpoint const& checkpoint) { return encoding::base64_encode(checkpoint.root); }

EndedLog describe(Epoch const& ending, BeginEpoch const& begin) {
    EndedLog ended{.origin = ending.origin, .indexed = begin.indexed, .reason = begin.reason};
    if (auto const reader = tlog::LogReader::open(ending.folder); reader.ok()) {
        if (auto const last = reader.value()->last_checkpoint(); last.ok()) {
            ended.folder_size = last.value().checkpoint.size;
            ended.folder_root = root_text(last.value().checkpoint);
        }
    }
    if (begin.witnessed) {
        ended.witnessed_size = begin.witnessed->checkpoint.size;
        ended.witnessed_root = root_text(begin.witnessed->checkpoint);
    }
    return ended;
}

Json as_json(EndedLog const& ended) {
    return Json::object({{"origin", ended.origin},
                         {"folder_size", static_cast<std::int64_t>(ended.folder_size)},
                         {"folder_root", ended.folder_root},
                         {"indexed", static_cast<std::int64_t>(ended.indexed)},
                         {"witnessed_size", static_cast<std::int64_t>(ended.witnessed_size)},
                         {"witnessed_root", ended.witnessed_root},
                         {"reason", ended.reason}});
}

// A hint to people and programs, no protection: the signed checkpoints are that.
void make_read_only(fs::path const& log_folder) {
    std::error_code ignored;
    for (auto const& file : fs::recursive_directory_iterator{log_folder, ignored}) {
        if (!file.is_regular_file(ignored)) continue;
        fs::permissions(file.path(), fs::perms::owner_read, ignored);
    }
}

}  // namespace

std::string log_origin(std::string_view public_url, std::string_view node) {
    auto const scheme_end = public_url.find("://");
    auto const scheme = scheme_end == std::string_view::npos ? std::string_view{} : public_url.substr(0, scheme_end);
    auto host = scheme_end == std::string_view::npos ? public_url : public_url.substr(scheme_end + 3);
    host = host.substr(0, host.find('/'));
    for (auto const& [name, port] : {std::pair<std::string_view, std::string_view>{"https", ":443"}, {"http", ":80"}}) {
        if (scheme == name && host.ends_with(port)) host.remove_suffix(port.size());
    }
    return std::string{host} + "/audit/" + std::string{node};
}

Epoch current_epoch(fs::path const& audit_folder, std::string const& base_origin) {
    return epoch_at(audit_folder, base_origin, std::max(1u, last_number(audit_folder)));
}

std::vector<Epoch> all_epochs(fs::path const& audit_folder, std::string const& base_origin) {
    std::vector<Epoch> epochs;
    for (std::uint32_t number = 1, last = std::max(1u, last_number(audit_folder)); number <= last; ++number) {
        epochs.push_back(epoch_at(audit_folder, base_origin, number));
    }
    return epochs;
}

Result<Epoch> begin_next_epoch(fs::path const& audit_folder, std::string const& base_origin, BeginEpoch const& begin) {
    auto const last = std::max(last_number(audit_folder), begin.known);
    if (last == 0) return errors::epoch_none;
    auto const ending = epoch_at(audit_folder, base_origin, last);
    auto next = epoch_at(audit_folder, base_origin, last + 1);
    if (next.folder.filename().string().size() != name_digits) throw Fault{"audit: 9999 epochs are enough"};
    if (fs::create_directories(epochs_folder(audit_folder))) fs::permissions(epochs_folder(audit_folder), fs::perms::owner_all);
    auto const text = as_json(describe(ending, begin)).dump() + "\n";
    replace_file(begun_file(next), as_bytes(text));
    make_read_only(ending.folder);
    return next;
}

std::optional<EndedLog> ended_before(Epoch const& epoch) {
    auto const content = read_small_file(begun_file(epoch), largest_file);
    if (!content) return std::nullopt;
    auto const parsed = encoding::parse_json(as_text(*content), {.bytes = largest_file, .depth = 4});
    if (!parsed.ok()) throw StorageFault{begun_file(epoch).string() + ": damaged"};
    auto const& json = parsed.value();
    auto const text = [&](char const* name) { return json.string_at(name).value_or(""); };
    auto const number = [&](char const* name) {
        auto const* value = json.find(name);
        return static_cast<std::uint64_t>(value == nullptr ? 0 : value->integer().value_or(0));
    };
    return EndedLog{text("origin"),           number("folder_size"),    text("folder_root"), number("indexed"),
                    number("witnessed_size"), text("witnessed_root"), text("reason")};
}

std::optional<Event> epoch_begun(Epoch const& epoch) {
    auto const ended = ended_before(epoch);
    if (!ended) return std::nullopt;
    Event event{.code = codes::audit_epoch_begun, .actor = Actor::operator_cli(), .reason = ended->reason};
    event.details = {{"old_origin", ended->origin},
                     {"old_size", std::to_string(ended->folder_size)},
                     {"old_root", ended->folder_root},
                     {"indexed", std::to_string(ended->indexed)}};
    if (!ended->witnessed_root.empty()) {
        event.details.emplace_back("witnessed_size", std::to_string(ended->witnessed_size));
        event.details.emplace_back("witnessed_root", ended->witnessed_root);
    }
    return event;
}

}  // namespace zephyr::audit
