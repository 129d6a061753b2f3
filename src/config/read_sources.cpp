#include "zephyr/config/read_sources.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

namespace zephyr::config {

namespace {

FileText read_bounded(std::string const& path, std::size_t most_bytes) {
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    if (!in) return {std::nullopt, std::strerror(errno != 0 ? errno : ENOENT)};
    std::string text(most_bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    // A folder opens and then refuses to be read.
    if (in.bad() || (in.fail() && !in.eof())) return {std::nullopt, std::strerror(errno != 0 ? errno : EIO)};
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > most_bytes) return {std::nullopt, "larger than " + std::to_string(most_bytes) + " bytes"};
    return {std::move(text), {}};
}

}  // namespace

Result<Sources> read_sources(std::string const& file, std::vector<FlagValue> flags) {
    Sources sources;
    if (!file.empty()) {
        auto read = read_bounded(file, std::size_t{1} << 20);
        if (!read.text) return Error{errors::file_unreadable, file + ": " + read.problem};
        sources.file_name = file;
        sources.file_text = std::move(*read.text);
    }
    for (char** variable = environ; variable && *variable; ++variable) {
        std::string_view const pair{*variable};
        auto const equals = pair.find('=');
        if (equals != std::string_view::npos)
            sources.environment.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    sources.flags = std::move(flags);
    sources.read_file = [](std::string const& path) { return read_bounded(path, 64 * 1024); };
    sources.cores = std::max(std::thread::hardware_concurrency(), 1U);
    return sources;
}

}  // namespace zephyr::config
