// zephyr audit export, zephyr audit tail.
//
// Both ask the stack (our own or the running server's) for pages of bounded size, so a log of any length passes the control socket, and
// nobody else's command waits long.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <variant>

#include "cli/audit_commands.h"
#include "zephyr/audit/export.h"
#include "zephyr/audit/times.h"
#include "zephyr/encoding/url.h"
#include "zephyr/foundation/text.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

constexpr std::size_t bytes_in_part = 2u << 20;
constexpr std::size_t events_in_part = 500;
constexpr std::size_t most_answer_bytes = 8u << 20;
constexpr char const* part_command = "export-part";

struct ExportOptions {
    std::string format = "ocsf";
    std::string from, until;
    std::string out;
    bool personal = false;
};

// --- One part, over the stack.

struct PartOptions {
    ExportOptions what;
    std::int64_t after = 0;
    std::optional<std::int64_t> newest = std::nullopt;  // instead: the last so many
    bool record = false;                                // the first part of an export records that somebody exports
    bool record_read = false;                           // and that of a tail that somebody reads
};

std::string host_of(Stack const& stack) {
    auto const origin = encoding::parse_origin(stack.settings.server.public_url);
    return origin.ok() ? origin.value().host : "localhost";
}

void record_export(Stack& stack, ExportOptions const& options) {
    audit::Event event{.code = audit::codes::audit_exported, .actor = audit::Actor::operator_cli()};
    event.details = {{"format", options.format}, {"personal", options.personal ? "yes" : "no"}};
    if (!options.from.empty()) event.details.emplace_back("from", options.from);
    if (!options.until.empty()) event.details.emplace_back("until", options.until);
    stack.audit.append(event);
}

// Where to begin so that the newest `count` events follow.
std::int64_t before_newest(Stack& stack, std::int64_t count) {
    auto const events = stack.audit.query({.limit = static_cast<std::size_t>(std::clamp<std::int64_t>(count, 1, 1000))});
    if (events.empty()) return 0;
    return count <= 0 ? events.front().sequence : events.back().sequence - 1;
}

int export_part(Stack& stack, Console& console, PartOptions const& part) {
    auto const format = audit::parse_export_format(part.what.format);
    auto const from = audit::parse_time_bound(part.what.from, false);
    auto const until = audit::parse_time_bound(part.what.until, true);
    if (!format) return exit_code::usage;
    if (part.record) record_export(stack, part.what);

    std::string text;
    audit::Exporter exporter{*format,
                             {.host = host_of(stack), .version = ZEPHYR_VERSION, .personal = part.what.personal},
                             [&](std::string_view line) { text += line; }};
    if (part.record) exporter.begin();
    audit::Query query{.from = from, .until = until, .limit = events_in_part};
    query.after_sequence = part.newest ? before_newest(stack, *part.newest) : part.after;
    auto const events = stack.audit.query(query);
    if (part.record_read) record_reading(stack, {{"filter", "tail"}, {"records", std::to_string(events.size())}});
    bool more = events.size() == events_in_part;
    std::int64_t after = *query.after_sequence;
    for (auto const& event : events) {
        after = event.sequence;
        exporter.write(event);
        if (text.size() > bytes_in_part) {
            more = true;
            break;
        }
    }
    console.out << Json::object({{"after", after}, {"more", more}, {"text", text}}).dump();
    return exit_code::done;
}

// --- All of it, in front of them.

struct Part {
    std::int64_t after = 0;
    bool more = false;
    std::string text;
};

// For its owner alone, whatever the umask says: personal fields may come into it. One that is there keeps its mode.
bool make_private(std::string const& path) {
    int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return file >= 0 && ::close(file) == 0;
}

// The part, or the exit code when there is none.
std::variant<Part, int> ask(RunPart const& run, std::vector<std::string> arguments, Console& console) {
    arguments.insert(arguments.begin(), {"audit", part_command});
    auto const answer = run({std::move(arguments), {}});
    if (!answer) {
        console.err << "zephyr: the server does not answer on its control socket.\n";
        return exit_code::unavailable;
    }
    auto const said = encoding::parse_json(answer->output, {.bytes = most_answer_bytes, .depth = 4});
    auto const* after = said.ok() ? said.value().find("after") : nullptr;
    if (answer->exit_code != exit_code::done || after == nullptr) {
        console.err << answer->errors;
        return answer->exit_code == exit_code::done ? exit_code::fault : answer->exit_code;
    }
    auto const* more = said.value().find("more");
    return Part{after->integer().value_or(0), more != nullptr && more->boolean().value_or(false), said.value().string_at("text").value_or("")};
}

std::vector<std::string> words_of(ExportOptions const& options) {
    std::vector<std::string> words{"--format", options.format};
    if (!options.from.empty()) words.insert(words.end(), {"--from", options.from});
    if (!options.until.empty()) words.insert(words.end(), {"--to", options.until});
    if (options.personal) words.emplace_back("--personal");
    return words;
}

int export_all(RunPart const& run, Console& console, ExportOptions const& options) {
    std::ofstream file;
    std::ostream& out = options.out.empty() ? console.out : file;
    auto words = words_of(options);
    words.emplace_back("--record");
    for (;;) {
        auto answer = ask(run, words, console);
        if (auto const* code = std::get_if<int>(&answer)) return *code;
        auto const& part = std::get<Part>(answer);
        // Not before there is something: a refused export leaves the file of the last one as it is.
        if (!options.out.empty() && !file.is_open() && make_private(options.out)) file.open(options.out, std::ios::binary | std::ios::trunc);
        if (options.out.empty() || file.is_open()) out << part.text;
        else file.setstate(std::ios::failbit);
        if (!out.flush()) {
            console.err << "zephyr: cannot write " << (options.out.empty() ? "the output" : options.out) << "\n";
            return exit_code::fault;
        }
        if (!part.more) return exit_code::done;
        words = words_of(options);
        words.insert(words.end(), {"--after", std::to_string(part.after)});
    }
}

struct TailOptions {
    std::size_t lines = 10;
    bool follow = false;
    std::string format = "cef";
};

// A second, or less when whoever reads our output goes away: then false.
bool wait_for_more() {
    pollfd output{STDOUT_FILENO, 0, 0};
    return ::poll(&output, 1, 1000) <= 0;
}

int tail(RunPart const& run, Console& console, TailOptions const& options) {
    ExportOptions const what{.format = options.format};
    auto words = words_of(what);
    words.insert(words.end(), {"--newest", std::to_string(options.lines), "--record-read"});
    for (;;) {
        auto answer = ask(run, words, console);
        if (auto const* code = std::get_if<int>(&answer)) return *code;
        auto const& part = std::get<Part>(answer);
        if (!(console.out << part.text).flush()) return exit_code::done;  // nobody reads any more
        if (!part.more && !options.follow) return exit_code::done;
        if (!part.more && !wait_for_more()) return exit_code::done;
        words = words_of(what);
        words.insert(words.end(), {"--after", std::to_string(part.after)});
    }
}

void add_format_option(CLI::App& command, std::string& format) {
    command.add_option("--format", format, "ocsf, jsonl, cef, syslog5424, fhir-balp or csv")->check(CLI::IsMember(audit::export_format_names()));
}

std::string check_time(std::string const& text) {
    return audit::parse_time_bound(text, false) ? std::string{} : "\"" + text + "\" is no day (2026-11-24) and no time of RFC 3339";
}

void add_range_options(CLI::App& command, ExportOptions& options) {
    add_format_option(command, options.format);
    command.add_option("--from", options.from, "From this day or time (RFC 3339, UTC)")->check(check_time);
    command.add_option("--to", options.until, "To the end of this day, or before this time")->check(check_time);
    command.add_flag("--personal", options.personal, "With addresses, browsers and names, as far as they were not erased");
}

void add_part_command(CLI::App& group, Context& context) {
    auto const part = std::make_shared<PartOptions>();
    auto* command = group.add_subcommand(part_command, "A part of an export")->group("");  // not for people: no help, no completion
    add_range_options(*command, part->what);
    command->add_option("--after", part->after);
    command->add_option("--newest", part->newest);
    command->add_flag("--record", part->record);
    command->add_flag("--record-read", part->record_read);
    command->callback([&context, part] {
        context.choice.on_stack = [part](Stack& stack, Console& console) { return export_part(stack, console, *part); };
    });
}

}  // namespace

void add_audit_export_commands(CLI::App& audit, Context& context) {
    auto const options = std::make_shared<ExportOptions>();
    auto* exported = add_command(audit, context, "export", "Write events for other systems, oldest first; that is itself recorded");
    add_range_options(*exported, *options);
    exported->add_option("--out", options->out, "Into this file, instead of standard output")->check(refuse_empty);
    exported->callback([&context, options] {
        context.choice.in_parts = [options](RunPart const& run, Console& console) { return export_all(run, console, *options); };
    });

    auto const tailing = std::make_shared<TailOptions>();
    auto* tailed = add_command(audit, context, "tail", "Print the newest events, and with --follow those that come");
    tailed->add_option("--lines", tailing->lines, "So many to begin with")->check(CLI::Range(0, 1000));
    tailed->add_flag("--follow,-f", tailing->follow, "Go on until interrupted");
    add_format_option(*tailed, tailing->format);
    tailed->callback([&context, tailing] {
        context.choice.in_parts = [tailing](RunPart const& run, Console& console) { return tail(run, console, *tailing); };
    });

    add_part_command(audit, context);
}

}  // namespace zephyr::cli
