// An import file, JSON Lines or CSV: the first byte says as what it is read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/import_file.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace zephyr::cli;
    if (size == 0) return 0;
    auto const format = static_cast<ImportFormat>(data[0] % 3);
    auto const file = read_import({reinterpret_cast<char const*>(data) + 1, size - 1}, format);
    for (auto const& row : file.rows) {
        if (row.line == 0 || row.username.size() > longest_import_record) std::abort();
        // What goes to the server that writes it comes back the same.
        auto const again = import_row(to_json(row));
        if (!again || !(*again == row)) std::abort();
    }
    for (auto const& problem : file.problems) {
        if (problem.what.empty()) std::abort();
    }
    return 0;
}
