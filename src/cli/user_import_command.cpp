// zephyr user import: accounts with their password hashes from another system.
//
// The file is read here, wherever that is, and goes to the stack (our own or the running server's) in parts: first every part to be
// checked, then, if nothing at all is wrong, every part to be written, each in one transaction. So a file of any size passes the
// control socket, nobody else waits long for the writer, and a run that was cut off is taken up again with --skip-existing.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "cli/command.h"
#include "cli/import_file.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::cli {

using audit::Actor;
using encoding::Json;

namespace {

constexpr std::size_t rows_in_part = 200;
constexpr std::size_t bytes_in_part = 1024 * 1024;
constexpr std::size_t most_bytes = 256 * 1024 * 1024;
constexpr char const* part_command = "import-part";

struct ImportOptions {
    std::string file;
    std::string format = "auto";
    bool dry_run = false;
    bool skip_existing = false;
};

// --- One part, over the stack.

struct Outcome {
    std::int64_t added = 0;
    std::int64_t there = 0;  // skipped
    std::vector<ImportProblem> problems = {};
    bool conflicts_only = true;

    void fail(std::size_t line, Error const& error) {
        auto what = std::string{error.id()};
        if (!error.reason().empty()) what += ": " + std::string{error.reason()};
        problems.push_back({line, std::move(what)});
        conflicts_only = conflicts_only && error.kind() == Kind::conflict;
    }
};

struct Names {
    std::set<std::string> roles;
    std::map<std::string, GroupId> groups;
};

// Names of roles and groups, each looked up once.
Result<void> find_names(Stack& stack, ImportRow const& row, Names& names) {
    for (auto const& role : row.roles) {
        if (names.roles.contains(role)) continue;
        if (auto const found = stack.roles.find(role); !found.ok())
            return Error{found.error().failure()}.with_reason("There is no role \"" + role + "\".");
        names.roles.insert(role);
    }
    for (auto const& group : row.groups) {
        if (names.groups.contains(group)) continue;
        auto const found = stack.groups.find_by_name(group);
        if (!found.ok()) return Error{found.error().failure()}.with_reason("There is no group \"" + group + "\".");
        names.groups.emplace(group, found.value().id);
    }
    return success();
}

users::NewUser account_of(ImportRow const& row) {
    users::NewUser account{.username = row.username, .display_name = row.display_name};
    if (!row.email.empty()) account.email = row.email;
    if (row.disabled) account.state = users::UserState::disabled;
    return account;
}

bool is_there(Stack& stack, ImportRow const& row) {
    auto const found = stack.users.find_by_login(row.username);
    // A name with '@' is looked for among the addresses: one of an account that has another username is not this one.
    return found.ok() && found.value().canonical_username == encoding::canonical_name(row.username);
}

// What creating the account would say, without creating it.
Result<void> check_row(Stack& stack, ImportRow const& row, Names& names) {
    ZEPHYR_CHECK(users::check_new(account_of(row)));
    if (!row.password_hash.empty()) ZEPHYR_CHECK(stack.passwords.prepare_import(row.password_hash));
    ZEPHYR_CHECK(find_names(stack, row, names));
    if (!row.email.empty() && stack.users.find_by_login(row.email).ok()) return users::errors::email_taken;
    return success();
}

Outcome check_part(Stack& stack, std::vector<ImportRow> const& rows, bool skip_existing) {
    return stack.database->read([&](storage::Transaction&) {
        Outcome outcome;
        Names names;
        for (auto const& row : rows) {
            if (is_there(stack, row)) {
                if (skip_existing)
                    ++outcome.there;
                else
                    outcome.fail(row.line, users::errors::name_taken);
            } else if (auto const fits = check_row(stack, row, names); !fits.ok()) {
                outcome.fail(row.line, fits.error());
            } else {
                ++outcome.added;
            }
        }
        return outcome;
    });
}

Result<void> write_row(Stack& stack, storage::Transaction& tx, ImportRow const& row, Names& names) {
    ZEPHYR_CHECK(find_names(stack, row, names));
    ZEPHYR_TRY(auto const user, stack.users.create(tx, account_of(row), Actor::operator_cli()));
    if (!row.password_hash.empty()) {
        ZEPHYR_TRY(auto const prepared, stack.passwords.prepare_import(row.password_hash));
        stack.passwords.store(tx, user.id, prepared, passwords::MustChange::no, Actor::operator_cli());
    }
    for (auto const& role : row.roles) ZEPHYR_CHECK(stack.roles.grant(rbac::Subject::user(user.id), role, Actor::operator_cli()));
    for (auto const& group : row.groups) ZEPHYR_CHECK(stack.groups.add_member(names.groups.at(group), user.id, Actor::operator_cli()));
    return success();
}

// All of the part or nothing of it.
Outcome write_part(Stack& stack, std::vector<ImportRow> const& rows, bool skip_existing) {
    Outcome outcome;
    auto const written = stack.database->write([&](storage::Transaction& tx) -> Result<void> {
        outcome = {};
        Names names;
        audit::SubjectKeys::Batch people{stack.subject_keys, *stack.database};
        for (auto const& row : rows) {
            if (skip_existing && is_there(stack, row)) {
                ++outcome.there;
                continue;
            }
            if (auto done = write_row(stack, tx, row, names); !done.ok()) {
                outcome.fail(row.line, done.error());
                return std::move(done).error();
            }
            ++outcome.added;
        }
        people.write();
        return success();
    });
    if (!written.ok()) outcome.added = 0;
    return outcome;
}

int run_part(Stack& stack, Console& console, bool check_only, bool skip_existing) {
    std::string const input{std::istreambuf_iterator<char>{console.in}, {}};
    auto const message = encoding::parse_json(input, {.bytes = 4 * bytes_in_part, .depth = 8});
    auto const* list = message.ok() ? message.value().find("rows") : nullptr;
    std::vector<ImportRow> rows;
    if (list != nullptr && list->items() != nullptr) {
        for (auto const& item : *list->items()) {
            if (auto row = import_row(item)) rows.push_back(*std::move(row));
        }
    }
    if (rows.empty() || rows.size() != list->items()->size()) {
        console.err << "zephyr: this is a part of `zephyr user import`, not a command to use by itself.\n";
        return exit_code::usage;
    }
    auto const outcome = check_only ? check_part(stack, rows, skip_existing) : write_part(stack, rows, skip_existing);
    Json problems = Json::array();
    for (auto const& problem : outcome.problems)
        problems.push(Json::object({{"line", static_cast<std::int64_t>(problem.line)}, {"what", problem.what}}));
    console.out << Json::object({{"added", outcome.added},
                                 {"there", outcome.there},
                                 {"conflicts_only", outcome.conflicts_only},
                                 {"problems", problems}})
                       .dump();
    return exit_code::done;
}

// --- The whole file, in front of them.

std::optional<std::string> read_file(std::string const& name, Console& console) {
    std::ifstream file;
    if (name != "-") file.open(name, std::ios::binary);
    std::istream& in = name == "-" ? console.in : file;
    std::string text;
    std::array<char, 64 * 1024> buffer{};
    while (in.read(buffer.data(), buffer.size()), in.gcount() > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
        if (text.size() > most_bytes) {
            console.err << "zephyr: the file is larger than " << most_bytes / (1024 * 1024) << " MiB: split it.\n";
            return std::nullopt;
        }
    }
    if (!in.eof()) {
        console.err << "zephyr: cannot read " << name << "\n";
        return std::nullopt;
    }
    return text;
}

// The parts as messages, each within the bounds.
std::vector<std::string> parts_of(std::vector<ImportRow> const& rows) {
    std::vector<std::string> parts;
    std::string part;
    std::size_t count = 0;
    auto const close = [&] {
        if (count > 0) parts.push_back("{\"rows\":[" + part + "]}");
        part.clear();
        count = 0;
    };
    for (auto const& row : rows) {
        auto const text = to_json(row).dump();
        if (count == rows_in_part || part.size() + text.size() > bytes_in_part) close();
        part += (count == 0 ? "" : ",") + text;
        ++count;
    }
    close();
    return parts;
}

struct Total {
    std::int64_t added = 0;
    std::int64_t there = 0;
    std::vector<ImportProblem> problems = {};
    bool conflicts_only = true;
};

// An exit code when the part could not be run at all.
std::optional<int> add_part(RunPart const& run, std::string const& part, ImportOptions const& options, bool check_only, Total& total,
                            Console& console) {
    server::ControlRequest request{{"user", part_command}, part};
    if (check_only) request.arguments.emplace_back("--check");
    if (options.skip_existing) request.arguments.emplace_back("--skip-existing");
    auto const answer = run(request);
    if (!answer) {
        console.err << "zephyr: the server does not answer on its control socket.\n";
        return exit_code::unavailable;
    }
    auto const said = encoding::parse_json(answer->output, {.bytes = 4 * bytes_in_part, .depth = 8});
    if (answer->exit_code != exit_code::done || !said.ok()) {
        console.err << answer->errors;
        return answer->exit_code == exit_code::done ? exit_code::fault : answer->exit_code;
    }
    auto const number = [&](Json const& object, std::string_view name) {
        auto const* value = object.find(name);
        return value == nullptr ? std::int64_t{0} : value->integer().value_or(0);
    };
    total.added += number(said.value(), "added");
    total.there += number(said.value(), "there");
    auto const* conflicts = said.value().find("conflicts_only");
    total.conflicts_only = total.conflicts_only && conflicts != nullptr && conflicts->boolean().value_or(false);
    if (auto const* problems = said.value().find("problems"); problems != nullptr && problems->items() != nullptr) {
        for (auto const& problem : *problems->items())
            total.problems.push_back({static_cast<std::size_t>(number(problem, "line")), problem.string_at("what").value_or("")});
    }
    return std::nullopt;
}

std::string counted(std::size_t number, std::string const& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

int report(std::vector<ImportProblem> problems, bool conflicts_only, Console& console) {
    std::stable_sort(problems.begin(), problems.end(), [](auto const& a, auto const& b) { return a.line < b.line; });
    for (auto const& problem : problems) console.err << "line " << problem.line << ": " << problem.what << "\n";
    return conflicts_only ? exit_code::conflict : exit_code::usage;
}

int import(RunPart const& run, Console& console, ImportOptions const& options) {
    auto const text = read_file(options.file, console);
    if (!text) return exit_code::usage;
    auto const format = options.format == "csv"     ? ImportFormat::csv
                        : options.format == "jsonl" ? ImportFormat::json_lines
                                                    : ImportFormat::by_content;
    auto file = read_import(*text, format);
    auto const parts = parts_of(file.rows);

    Total checked{.problems = file.problems, .conflicts_only = file.problems.empty()};
    for (auto const& part : parts) {
        if (auto const code = add_part(run, part, options, true, checked, console)) return *code;
    }
    if (!checked.problems.empty()) {
        auto const code = report(checked.problems, checked.conflicts_only, console);
        console.err << "zephyr: " << counted(checked.problems.size(), "problem") << "; nothing was imported.\n";
        return code;
    }
    auto const skipped = [&](Total const& total) {
        return options.skip_existing ? ", " + std::to_string(total.there) + " were there" : std::string{};
    };
    if (options.dry_run) {
        console.out << "would import " << counted(static_cast<std::size_t>(checked.added), "account") << skipped(checked) << "\n";
        return exit_code::done;
    }
    Total written;
    for (auto const& part : parts) {
        auto const code = add_part(run, part, options, false, written, console);
        if (!code && written.problems.empty()) continue;
        // Somebody else took a name since it was checked, or the store went away.
        auto const exit = code ? *code : report(written.problems, written.conflicts_only, console);
        console.err << "zephyr: " << written.added << " accounts are in; mend this and run it again with --skip-existing.\n";
        return exit;
    }
    console.out << "imported " << counted(static_cast<std::size_t>(written.added), "account") << skipped(written) << "\n";
    return exit_code::done;
}

}  // namespace

void add_user_import_command(CLI::App& user, Context& context) {
    auto const options = std::make_shared<ImportOptions>();
    auto* imported = add_command(user, context, "import", "Take over accounts with password hashes made elsewhere");
    imported->add_option("file", options->file, "JSON Lines, or CSV with a header; - for standard input")->required();
    imported->add_option("--format", options->format, "auto, jsonl or csv")->check(CLI::IsMember({"auto", "jsonl", "csv"}));
    imported->add_flag("--dry-run", options->dry_run, "Check every line and change nothing");
    imported->add_flag("--skip-existing", options->skip_existing, "Pass over usernames that are there already");
    imported->callback([&context, options] {
        context.choice.in_parts = [options](RunPart const& run, Console& console) { return import(run, console, *options); };
    });

    auto const check_only = std::make_shared<bool>(false);
    auto* part = user.add_subcommand(part_command, "A part of an import")->group("");  // not for people: no help, no completion
    part->add_flag("--check", *check_only);
    part->add_flag("--skip-existing", options->skip_existing);
    part->callback([&context, options, check_only] {
        context.choice.on_stack = [=](Stack& stack, Console& console) {
            return run_part(stack, console, *check_only, options->skip_existing);
        };
    });
}

}  // namespace zephyr::cli
