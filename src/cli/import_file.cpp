#include "cli/import_file.h"

#include <algorithm>
#include <map>

#include "zephyr/encoding/unicode.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/body_schema.h"

namespace zephyr::cli {

using encoding::Json;

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::vector<std::string> const& names() {
    static std::vector<std::string> const all{"username", "email", "display_name", "password_hash", "roles", "groups", "disabled"};
    return all;
}

std::string unknown(std::string_view kind, std::string const& name) {
    auto const meant = nearest(name, names());
    return "unknown " + std::string{kind} + " \"" + name + "\"" + (meant ? ", did you mean \"" + *meant + "\"?" : "");
}

std::vector<std::string> strings_of(Json const& object, std::string_view name) {
    std::vector<std::string> out;
    auto const* list = object.find(name);
    if (list == nullptr || list->items() == nullptr) return out;
    for (auto const& item : *list->items()) {
        if (auto const* text = item.string()) out.push_back(*text);
    }
    return out;
}

// Lengths are the rooms' business; these only keep nonsense away from them.
http::BodySchema const& schema() {
    using enum http::Field::Type;
    static http::BodySchema const schema{.fields = {{.name = "username", .type = text, .required = true},
                                                    {.name = "email", .type = text},
                                                    {.name = "display_name", .type = text},
                                                    {.name = "password_hash", .type = text},
                                                    {.name = "roles", .type = list},
                                                    {.name = "groups", .type = list},
                                                    {.name = "disabled", .type = flag}}};
    return schema;
}

ImportRow row_of(Json const& object, std::size_t line) {
    auto const* disabled = object.find("disabled");
    return {.line = line,
            .username = object.string_at("username").value_or(""),
            .email = object.string_at("email").value_or(""),
            .display_name = object.string_at("display_name").value_or(""),
            .password_hash = object.string_at("password_hash").value_or(""),
            .roles = strings_of(object, "roles"),
            .groups = strings_of(object, "groups"),
            .disabled = disabled != nullptr && disabled->boolean().value_or(false)};
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_{text} {}

    ImportFile read_json_lines() {
        for (std::size_t line = 1; !text_.empty() && room_for(line); ++line) {
            auto const end = std::min(text_.find('\n'), text_.size());
            auto const content = trim(text_.substr(0, end));
            text_.remove_prefix(std::min(end + 1, text_.size()));
            if (!content.empty()) read_object(content, line);
        }
        return finish();
    }

    ImportFile read_csv() {
        Record record;
        if (!next(record) || !read_header(record)) return finish();
        while (next(record) && room_for(record.line)) read_record(record);
        return finish();
    }

private:
    struct Record {
        std::size_t line = 0;
        std::vector<std::string> fields;
    };

    void problem(std::size_t line, std::string what) { file_.problems.push_back({line, std::move(what)}); }

    bool room_for(std::size_t line) {
        if (file_.rows.size() < most_import_rows) return true;
        problem(line, "more than " + std::to_string(most_import_rows) + " accounts: split the file");
        return false;
    }

    void read_object(std::string_view content, std::size_t line) {
        auto const object = encoding::parse_json(content, {.bytes = longest_import_record, .depth = 4});
        if (!object.ok()) {
            problem(line, object.error() == encoding::errors::json_too_large
                              ? "too long"
                              : "not a JSON object (" + std::string{object.error().id()} + ")");
            return;
        }
        if (auto const fits = schema().check(object.value()); !fits.ok()) {
            problem(line, std::string{fits.error().reason()});
            return;
        }
        for (auto const& [name, value] : *object.value().members()) {
            if (std::find(names().begin(), names().end(), name) == names().end()) {
                problem(line, unknown("member", name));
                return;
            }
        }
        file_.rows.push_back(row_of(object.value(), line));
    }

    // RFC 4180: fields in double quotes may hold commas, line breaks, and quotes written twice. False at the end, or where
    // nothing behind can be trusted.
    bool next(Record& record) {
        while (!text_.empty() && (text_.front() == '\n' || text_.starts_with("\r\n"))) {  // an empty line
            text_.remove_prefix(text_.front() == '\n' ? 1 : 2);
            ++line_;
        }
        if (text_.empty()) return false;
        record = {line_, {}};
        std::size_t size = 0;
        for (;;) {
            std::string field;
            bool const read = text_.starts_with('"') ? quoted(record.line, field) : plain(field);
            if (!read) return false;
            size += field.size();
            if (size > longest_import_record) {
                problem(record.line, "too long");
                return false;
            }
            record.fields.push_back(std::move(field));
            if (text_.starts_with(',')) {
                text_.remove_prefix(1);
                continue;
            }
            if (text_.starts_with("\r\n")) text_.remove_prefix(1);
            if (text_.empty()) return true;
            if (text_.front() != '\n') {
                problem(record.line, "a closing quote must be followed by a comma or the end of the line");
                return false;
            }
            text_.remove_prefix(1);
            ++line_;
            return true;
        }
    }

    bool plain(std::string& field) {
        auto const end = std::min(text_.find_first_of(",\n"), text_.size());
        field = text_.substr(0, end);
        text_.remove_prefix(end);
        if (field.ends_with('\r') && (text_.empty() || text_.starts_with('\n'))) field.pop_back();
        return true;
    }

    bool quoted(std::size_t record_line, std::string& field) {
        text_.remove_prefix(1);
        for (;;) {
            auto const end = text_.find('"');
            if (end == std::string_view::npos || field.size() + end > longest_import_record) {
                problem(record_line, end == std::string_view::npos ? "a quote is never closed" : "too long");
                return false;
            }
            line_ += static_cast<std::size_t>(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
            field += text_.substr(0, end);
            text_.remove_prefix(end + 1);
            if (!text_.starts_with('"')) return true;
            field += '"';
            text_.remove_prefix(1);
        }
    }

    bool read_header(Record const& record) {
        for (auto const& name : record.fields) {
            if (std::find(names().begin(), names().end(), name) == names().end())
                problem(record.line, unknown("column", name));
            else if (std::count(columns_.begin(), columns_.end(), name) > 0)
                problem(record.line, "two columns are named \"" + name + "\"");
            columns_.push_back(name);
        }
        if (std::find(columns_.begin(), columns_.end(), "username") == columns_.end())
            problem(record.line, "there is no column \"username\"");
        return file_.problems.empty();
    }

    void read_record(Record const& record) {
        if (record.fields.size() != columns_.size()) {
            problem(record.line,
                    std::to_string(record.fields.size()) + " fields, and the header has " + std::to_string(columns_.size()));
            return;
        }
        auto object = Json::object();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            auto const& field = record.fields[i];
            if (field.empty()) continue;
            if (columns_[i] == "roles" || columns_[i] == "groups") {
                Json list = Json::array();
                for (auto const part : split(field, ';')) {
                    if (!trim(part).empty()) list.push(std::string{trim(part)});
                }
                object.set(columns_[i], std::move(list));
            } else if (columns_[i] == "disabled") {
                if (field != "true" && field != "false") {
                    problem(record.line, "\"disabled\" is true, false or empty");
                    return;
                }
                object.set(columns_[i], field == "true");
            } else {
                object.set(columns_[i], field);
            }
        }
        if (auto const fits = schema().check(object); !fits.ok()) {
            problem(record.line, std::string{fits.error().reason()});
            return;
        }
        file_.rows.push_back(row_of(object, record.line));
    }

    ImportFile finish() {
        refuse_repetitions();
        std::stable_sort(file_.problems.begin(), file_.problems.end(), [](auto const& a, auto const& b) { return a.line < b.line; });
        return std::move(file_);
    }

    void refuse_repetitions() {
        std::map<std::string, std::size_t> usernames, emails;
        std::erase_if(file_.rows, [&](ImportRow const& row) {
            auto const repeats = [&](std::map<std::string, std::size_t>& seen, std::string const& text, std::string const& what) {
                auto const canonical = encoding::canonical_name(text);  // what is no name is refused by room users
                if (!canonical) return false;
                auto const [first, fresh] = seen.emplace(*canonical, row.line);
                if (!fresh) problem(row.line, "the same " + what + " as in line " + std::to_string(first->second));
                return !fresh;
            };
            return repeats(usernames, row.username, "username") || repeats(emails, row.email, "e-mail");
        });
    }

    std::string_view text_;
    std::size_t line_ = 1;
    std::vector<std::string> columns_;
    ImportFile file_;
};

}  // namespace

ImportFile read_import(std::string_view text, ImportFormat format) {
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (!encoding::is_valid_utf8(text)) return {.rows = {}, .problems = {{0, "the file is not UTF-8"}}};
    if (format == ImportFormat::by_content)
        format = trim(text.substr(0, 64)).starts_with('{') ? ImportFormat::json_lines : ImportFormat::csv;
    Reader reader{text};
    return format == ImportFormat::json_lines ? reader.read_json_lines() : reader.read_csv();
}

Json to_json(ImportRow const& row) {
    return Json::object({{"line", static_cast<std::int64_t>(row.line)},
                         {"username", row.username},
                         {"email", row.email},
                         {"display_name", row.display_name},
                         {"password_hash", row.password_hash},
                         {"roles", Json::strings(row.roles)},
                         {"groups", Json::strings(row.groups)},
                         {"disabled", row.disabled}});
}

std::optional<ImportRow> import_row(Json const& json) {
    auto const* line = json.find("line");
    if (line == nullptr || line->integer().value_or(-1) < 0 || !schema().check(json).ok()) return std::nullopt;
    return row_of(json, static_cast<std::size_t>(*line->integer()));
}

}  // namespace zephyr::cli
