// Structured log lines: an event name and fields, never a sentence with values glued in. Secrets have no way in:
// Secret<T> converts to nothing a Field takes.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace zephyr {

enum class LogLevel { debug, info, warning, error };

struct LogField {
    std::string_view name;
    std::string value;
    LogField(std::string_view field_name, std::string_view text) : name{field_name}, value{text} {}
    LogField(std::string_view field_name, long long number) : name{field_name}, value{std::to_string(number)} {}
};

class Log {
public:
    virtual ~Log() = default;
    virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;

    void debug(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::debug, event, fields); }
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::info, event, fields); }
    void warning(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::warning, event, fields); }
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::error, event, fields); }
};

class NullLog final : public Log {
public:
    void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

enum class LogFormat { json, text };
// One line per event to standard error; control characters in values are escaped, so a value cannot forge a line.
std::unique_ptr<Log> make_stderr_log(LogLevel threshold, LogFormat format);

}  // namespace zephyr
