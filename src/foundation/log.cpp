#include "zephyr/foundation/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace zephyr {

namespace {

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        case LogLevel::error: return "error";
    }
    return "error";
}

// JSON string escapes also serve the text format: a value can then never end its line or its quotes.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (code < 0x20 || code == 0x7f) {
            out += fmt::format("\\u{:04x}", code);
        } else {
            out += c;
        }
    }
    return out + '"';
}

class StderrLog final : public Log {
public:
    StderrLog(LogLevel threshold, LogFormat format)
        : logger_{"zephyr", std::make_shared<spdlog::sinks::stderr_sink_mt>()}, threshold_{threshold}, format_{format} {
        logger_.set_level(spdlog::level::trace);
        logger_.flush_on(spdlog::level::trace);
        logger_.set_pattern(format == LogFormat::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
                            spdlog::pattern_time_type::utc);
    }

    void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
        if (level < threshold_) return;
        std::string line;
        if (format_ == LogFormat::json) {
            line = fmt::format(R"("level":"{}","event":{})", level_name(level), quoted(event));
            for (auto const& field : fields) line += fmt::format(",{}:{}", quoted(field.name), quoted(field.value));
        } else {
            line = fmt::format("{:<7} {}", level_name(level), event);
            for (auto const& field : fields) line += fmt::format(" {}={}", field.name, quoted(field.value));
        }
        logger_.log(spdlog::level::info, spdlog::string_view_t{line});
    }

private:
    spdlog::logger logger_;
    LogLevel threshold_;
    LogFormat format_;
};

}  // namespace

std::unique_ptr<Log> make_stderr_log(LogLevel threshold, LogFormat format) {
    return std::make_unique<StderrLog>(threshold, format);
}

}  // namespace zephyr
