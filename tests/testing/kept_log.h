// A log that keeps its lines, for tests that look at them. Safe from many threads.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/foundation/log.h"

namespace zephyr::testing {

// Keeps what was logged, for tests that look at it.
class KeptLog final : public Log {
public:
    struct Line {
        LogLevel level;
        std::string event;
        std::vector<std::pair<std::string, std::string>> fields;

        std::string field(std::string_view name) const {
            for (auto const& [key, value] : fields) {
                if (key == name) return value;
            }
            return {};
        }
    };

    void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override {
        Line line{level, std::string{event}, {}};
        for (auto const& field : fields) line.fields.emplace_back(field.name, field.value);
        std::lock_guard const lock{mutex_};
        lines_.push_back(std::move(line));
    }

    std::vector<Line> lines() const {
        std::lock_guard const lock{mutex_};
        return lines_;
    }

private:
    std::mutex mutable mutex_;
    std::vector<Line> lines_;
};

}  // namespace zephyr::testing
