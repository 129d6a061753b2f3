#include "cli/command.h"

#include <algorithm>

#include "zephyr/config/read_sources.h"
#include "zephyr/config/reference.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

constexpr Failure no_input{Kind::invalid, "cli.no_input"};

int code_of(Kind kind) {
    switch (kind) {
        case Kind::invalid: return exit_code::usage;
        case Kind::not_found: return exit_code::not_found;
        case Kind::conflict: return exit_code::conflict;
        case Kind::unavailable: return exit_code::unavailable;
        default: return exit_code::refused;
    }
}

std::string cell(Json const& value) {
    if (value.is_null()) return "-";
    if (auto const* text = value.string()) return text->empty() ? "-" : *text;
    if (auto const flag = value.boolean()) return *flag ? "yes" : "no";
    if (auto const* items = value.items()) {
        std::string joined;
        for (auto const& item : *items) joined += (joined.empty() ? "" : ",") + cell(item);
        return joined.empty() ? "-" : joined;
    }
    return value.dump();
}

// What a terminal obeys or reorders: C0 and C1 controls, DEL, line and paragraph separators, marks of direction.
bool is_shown(char32_t c) {
    return c >= 0x20 && (c < 0x7f || c > 0x9f) && c != 0x61c && c != 0x200e && c != 0x200f && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
    auto const valid = encoding::to_valid_utf8(text);
    std::string out;
    for (std::size_t at = 0; at < valid.size();) {
        auto const lead = static_cast<unsigned char>(valid[at]);
        std::size_t const bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        char32_t point = bytes == 1 ? lead : lead & (0xffu >> (bytes + 1));
        for (std::size_t i = 1; i < bytes; ++i) point = point << 6 | (static_cast<unsigned char>(valid[at + i]) & 0x3f);
        if (is_shown(point)) out.append(valid, at, bytes);
        else out += '?';
        at += bytes;
    }
    return out;
}

CLI::App* add_command(CLI::App& parent, Context& context, std::string const& name, std::string const& help, Prints prints) {
    auto* command = parent.add_subcommand(name, help);
    command->add_option("--data", context.common.data, "The data folder");
    command->add_option("--config", context.common.config, "The settings file (TOML)");
    if (prints == Prints::listing) command->add_flag("--json", context.common.json, "Print JSON");
    return command;
}

config::LoadOutcome load_outcome(Common const& common) {
    auto flags = common.flags;
    if (!common.data.empty()) flags.push_back({"--data", common.data});
    auto sources = config::read_sources(common.config, std::move(flags));
    if (!sources.ok()) return std::vector<config::Problem>{{common.config, "flag --config", std::string{sources.error().detail()}, {}}};
    return config::load(sources.value());
}

std::optional<config::Loaded> load(Common const& common, Console& console) {
    auto outcome = load_outcome(common);
    if (outcome.ok()) return std::move(outcome).loaded();
    console.err << config::check_text(outcome);
    return std::nullopt;
}

int refuse(Console& console, Error const& error) {
    console.err << "zephyr: ";
    if (!error.reason().empty()) console.err << printable(error.reason()) << " (" << error.id() << ")\n";
    else console.err << error.id() << (error.detail().empty() ? "" : ": ") << printable(error.detail()) << "\n";
    return code_of(error.kind());
}

void print_table(std::ostream& out, std::vector<std::string> const& head, std::vector<std::vector<std::string>> const& rows) {
    std::vector<std::size_t> widths;
    for (auto const& name : head) widths.push_back(name.size());
    for (auto const& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], encoding::code_points(row[i]));
    }
    auto const line = [&](std::vector<std::string> const& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
            out << cells[i];
            if (i + 1 < cells.size()) out << std::string(widths[i] - encoding::code_points(cells[i]) + 2, ' ');
        }
        out << '\n';
    };
    line(head);
    for (auto const& row : rows) line(row);
}

void print_listing(Console& console, bool json, std::vector<std::string> const& head, std::vector<std::vector<Json>> const& rows) {
    if (json) {
        Json list = Json::array();
        for (auto const& row : rows) {
            Json object = Json::object();
            for (std::size_t i = 0; i < head.size(); ++i) object.set(head[i], row[i]);
            list.push(std::move(object));
        }
        console.out << list.dump_pretty() << '\n';
        return;
    }
    std::vector<std::vector<std::string>> cells;
    for (auto const& row : rows) {
        auto& out = cells.emplace_back();
        for (auto const& value : row) out.push_back(printable(cell(value)));
    }
    print_table(console.out, head, cells);
}

Result<users::User> find_user(Stack& stack, std::string const& who) {
    if (auto const id = UserId::parse(who)) return stack.users.find(*id);
    return stack.users.find_by_login(who);
}

Result<SecretText> read_secret_line(Console& console) {
    std::string line;
    if (!std::getline(console.in, line) || line.empty()) {
        return Error{no_input}.with_reason("Standard input holds no password: give it as the first line.");
    }
    if (line.back() == '\r') line.pop_back();
    return SecretText{std::move(line)};
}

}  // namespace zephyr::cli
