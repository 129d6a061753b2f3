#include "pages/fill.h"

#include <fmt/format.h>

#include "zephyr/encoding/unicode.h"

namespace zephyr::pages {

namespace {

ctemplate::TemplateString view(std::string_view text) {
    return {text.data(), text.size()};
}

std::string repaired(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (static_cast<unsigned char>(c) < 0x80) {
            out += c;
        } else if (!out.ends_with("\uFFFD")) {
            out += "\uFFFD";
        }
    }
    return out;
}

bool is_forbidden_control(char c) {
    auto const byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

struct Civil {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<std::chrono::milliseconds> clock;
};

Civil civil(TimePoint time) {
    auto const day = std::chrono::floor<std::chrono::days>(time);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss{time - day}};
}

std::string plain(Catalogue const& texts, std::string_view key, Values const& values) {
    // Dates and numbers need no isolates: nobody else wrote them.
    std::string out;
    walk_placeholders(
        texts.raw(key), [&](std::string_view literal) { out += literal; },
        [&](std::string_view name) {
            for (auto const& [known, value] : values)
                if (known == name) out += value;
        });
    return out;
}

Values date_values(Catalogue const& texts, TimePoint time) {
    auto const [date, clock] = civil(time);
    auto const month = fmt::format("time.month.{}", static_cast<unsigned>(date.month()));
    return {{"day", std::to_string(static_cast<unsigned>(date.day()))},
            {"month", texts.raw(month)},
            {"year", std::to_string(static_cast<int>(date.year()))},
            {"clock", fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count())}};
}

}  // namespace

std::string time_text(Catalogue const& texts, TimePoint time) {
    return plain(texts, "time.pattern", date_values(texts, time));
}

std::string day_text(Catalogue const& texts, TimePoint time) {
    return plain(texts, "time.day_pattern", date_values(texts, time));
}

Fill& Fill::set(std::string_view name, std::string_view value) {
    std::string clean = encoding::is_valid_utf8(value) ? std::string{value} : repaired(value);
    std::erase_if(clean, is_forbidden_control);
    dictionary_->SetValue(view(name), view(clean));  // copies
    return *this;
}

Fill& Fill::number(std::string_view name, std::int64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3 && text[at - 4] != '-'; at -= 3)
        text.insert(at - 3, texts_->raw("number.separator"));
    return set(name, text);
}

Fill& Fill::show_if(std::string_view name, bool yes) {
    if (yes) dictionary_->ShowSection(view(name));
    return *this;
}

Fill& Fill::set_if(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    add(name).set(name, value);
    return *this;
}

Fill Fill::add(std::string_view name) {
    return Fill{*dictionary_->AddSectionDictionary(view(name)), *texts_, *inputs_};
}

Fill& Fill::time(std::string_view name, TimePoint value) {
    std::string const base{name};
    set(base + "_ISO", to_rfc3339(value));
    set(base + "_TEXT", time_text(*texts_, value));
    auto const [date, clock] = civil(value);
    return set(base + "_FULL", fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                           clock.hours().count(), clock.minutes().count(), clock.seconds().count()));
}

Fill& Fill::time_if(std::string_view name, std::optional<TimePoint> const& value) {
    if (value) {
        add(name).time(name, *value);
    } else {
        dictionary_->ShowSection("NO_" + std::string{name});
    }
    return *this;
}

std::string Fill::words(Message const& message, std::string_view prefix, std::string_view otherwise) const {
    std::string const key = std::string{prefix} + "." + message.id;
    bool const known = texts_->has(key);
    if (!message.text.empty() && (texts_->language() == "en" || !known)) return message.text;
    return texts_->text(known ? std::string_view{key} : otherwise);
}

Fill& Fill::errors(FormErrors const& errors, std::string_view absent) {
    if (errors.empty()) return *this;
    dictionary_->ShowSection("HAS_ERRORS");
    Fill summary = add("SUMMARY");
    if (errors.summary) summary.add("SUMMARY_LINE").set("TEXT", words(*errors.summary, "errors", "errors.other"));
    for (auto const& [field, message] : errors.fields) {
        std::string const text = words(message, "errors", "errors.other");
        if (field == absent || inputs_->count(field) == 0) {
            summary.add("SUMMARY_LINE").set("TEXT", text);
            continue;
        }
        summary.add("SUMMARY_FIELD").set("TEXT", text).set("HREF", "#" + field);
        add("ERROR_" + field).set("TEXT", text);
    }
    return *this;
}

Fill& Fill::notice(std::string_view name) {
    std::string const key = "notice." + std::string{name};
    if (!name.empty() && texts_->has(key)) add("NOTICE").set("TEXT", texts_->text(key));
    return *this;
}

}  // namespace zephyr::pages
