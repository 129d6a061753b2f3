#include "tlog/witness_state.h"

#include "tlog/lines.h"
#include "zephyr/crypto/hash.h"
#include "zephyr/encoding/hex.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/foundation/fault.h"

namespace zephyr::tlog {

namespace {

constexpr std::string_view head = "zephyr-witness-v1 ";
constexpr std::string_view suffix = ".last";
constexpr std::size_t largest_state = 128 * 1024;  // a note has 64 KiB at most

// Origins are free text, so the file's name is their hash.
std::string file_name(std::string_view origin) {
    return encoding::hex_encode(crypto::sha256(as_bytes(origin))) + std::string{suffix};
}

[[noreturn]] void damaged(std::filesystem::path const& file, std::string const& why) {
    throw Fault{"the witness's memory " + file.string() + " is damaged (" + why + "); put back its backup, or begin under another key"};
}

SignedCheckpoint read_one(std::filesystem::path const& file) {
    auto const content = read_small_file(file, largest_state);
    if (!content) damaged(file, "it went away");
    auto rest = as_text(*content);
    auto const first = take_line(rest);
    if (!first || *first != std::string{head} + encoding::hex_encode(crypto::sha256(as_bytes(rest)))) damaged(file, "its checksum");
    auto parsed = SignedCheckpoint::parse(rest);
    if (!parsed.ok()) damaged(file, "no checkpoint");
    if (file.filename() != file_name(parsed.value().checkpoint.origin)) damaged(file, "another log's");
    return std::move(parsed).value();
}

}  // namespace

std::map<std::string, SignedCheckpoint> read_witness_state(std::filesystem::path const& folder) {
    std::map<std::string, SignedCheckpoint> state;
    std::error_code failed;
    std::filesystem::directory_iterator files{folder, failed};
    if (failed) throw StorageFault{folder.string() + ": " + failed.message()};
    for (auto const& file : files) {
        if (!file.path().filename().string().ends_with(suffix)) continue;  // what a crash left half written has another name
        auto last = read_one(file.path());
        auto origin = last.checkpoint.origin;
        state.emplace(std::move(origin), std::move(last));
    }
    return state;
}

void write_witness_state(std::filesystem::path const& folder, SignedCheckpoint const& last) {
    auto const note = last.note.str();
    auto const text = std::string{head} + encoding::hex_encode(crypto::sha256(as_bytes(note))) + "\n" + note;
    replace_file(folder / file_name(last.checkpoint.origin), as_bytes(text));
}

}  // namespace zephyr::tlog
