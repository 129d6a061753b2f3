#include "tlog/checkpoint_file.h"

#include <algorithm>
#include <string_view>

#include "zephyr/foundation/text.h"

namespace zephyr::tlog {

namespace {

constexpr std::string_view line_begin = "checkpoint ";
constexpr std::size_t digits = 6;
constexpr std::size_t line_bytes = line_begin.size() + digits + 1;
constexpr std::uint64_t largest_note_bytes = 64u << 10;

struct Whole {
    SignedCheckpoint checkpoint;
    std::size_t size;
};

std::optional<Whole> parse_stored(std::string_view text) {
    if (text.size() < line_bytes || !text.starts_with(line_begin) || text[line_bytes - 1] != '\n') return std::nullopt;
    auto const number = text.substr(line_begin.size(), digits);
    if (!std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    auto const length = static_cast<std::size_t>(*parse_integer(number));
    if (length > text.size() - line_bytes) return std::nullopt;
    auto parsed = SignedCheckpoint::parse(text.substr(line_bytes, length));
    if (!parsed.ok()) return std::nullopt;
    return Whole{std::move(parsed).value(), line_bytes + length};
}

std::string stored_form(SignedCheckpoint const& checkpoint) {
    auto note = checkpoint.note.str();
    if (note.size() > largest_note_bytes) throw StorageFault{"a checkpoint of " + std::to_string(note.size()) + " bytes"};
    auto number = std::to_string(note.size());
    number.insert(0, digits - number.size(), '0');
    return std::string{line_begin} + number + "\n" + note;
}

std::string read_stretch(LogFile const& file, std::uint64_t from, std::uint64_t until) {
    std::string out(static_cast<std::size_t>(until - from), '\0');
    out.resize(file.read(from, std::as_writable_bytes(std::span{out})));
    return out;
}

}  // namespace

std::filesystem::path checkpoints_path(std::filesystem::path const& log) {
    return log / "checkpoints";
}
std::filesystem::path cosigned_path(std::filesystem::path const& log) {
    return log / "cosigned";
}

std::optional<StoredCheckpoint> last_stored_checkpoint(LogFile const& file) {
    auto const size = file.size();
    for (std::uint64_t window = 8u << 10;; window *= 8) {
        auto const from = size > window ? size - window : 0;
        auto const text = read_stretch(file, from, size);
        std::size_t begun = 0;
        for (auto before = text.size(); before > 0;) {
            auto const at = text.rfind(line_begin, before - 1);
            if (at == std::string::npos) break;
            before = at;
            bool const begins_line = at > 0 ? text[at - 1] == '\n' : from == 0;
            if (!begins_line) continue;
            if (auto whole = parse_stored(std::string_view{text}.substr(at)))
                return StoredCheckpoint{std::move(whole->checkpoint), from + at + whole->size, begun};
            ++begun;
        }
        if (from == 0) return std::nullopt;
    }
}

StoredCheckpoints read_checkpoints(LogFile const& file) {
    StoredCheckpoints out;
    auto const size = file.size();
    constexpr std::uint64_t window = 1u << 20;
    while (out.end < size) {
        auto const text = read_stretch(file, out.end, std::min(size, out.end + window));
        std::size_t at = 0;
        // A whole one is shorter than what is left of the window, or the window is read anew from where it begins.
        while (auto whole = parse_stored(std::string_view{text}.substr(at))) {
            at += whole->size;
            out.all.push_back(std::move(whole->checkpoint));
        }
        if (at == 0) break;
        out.end += at;
    }
    return out;
}

CheckpointFile::CheckpointFile(std::filesystem::path const& log, std::uint64_t end)
    : file_{checkpoints_path(log), LogFile::Mode::make_or_write}, end_{end}, suspect_{file_.size() != end} {
    repair();
}

void CheckpointFile::append(SignedCheckpoint const& checkpoint) {
    auto const bytes = stored_form(checkpoint);
    repair();
    suspect_ = true;
    file_.write(end_, as_bytes(bytes));
    file_.sync();
    suspect_ = false;
    end_ += bytes.size();
}

void CheckpointFile::repair() {
    if (!suspect_) return;
    file_.truncate(end_);
    file_.sync();
    suspect_ = false;
}

}  // namespace zephyr::tlog
