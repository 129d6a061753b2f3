// The accounts of an import file: JSON Lines or CSV (RFC 4180), read strictly and with the line of everything that is wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/encoding/json.h"

namespace zephyr::cli {

struct ImportRow {
    std::size_t line = 0;  // where it starts, from 1
    std::string username;
    std::string email = {};          // empty: none
    std::string display_name = {};   // empty: the username
    std::string password_hash = {};  // empty: no password yet
    std::vector<std::string> roles = {};
    std::vector<std::string> groups = {};
    bool disabled = false;
    bool operator==(ImportRow const&) const = default;
};

struct ImportProblem {
    std::size_t line = 0;
    std::string what;
};

struct ImportFile {
    std::vector<ImportRow> rows;  // those without a problem
    std::vector<ImportProblem> problems;
};

enum class ImportFormat { by_content, json_lines, csv };  // by_content: JSON Lines begin with '{'

inline constexpr std::size_t longest_import_record = 16 * 1024;
inline constexpr std::size_t most_import_rows = 1'000'000;

// Members or columns: username, and maybe email, display_name, password_hash, roles, groups, disabled. In CSV roles and groups are
// separated by ';' and `disabled` is true, false or empty. Two rows of one name or address are a problem of the later one.
ImportFile read_import(std::string_view text, ImportFormat format = ImportFormat::by_content);

// As a row travels to the server that writes it.
encoding::Json to_json(ImportRow const& row);
// Nothing for what to_json did not write.
std::optional<ImportRow> import_row(encoding::Json const& json);

}  // namespace zephyr::cli
