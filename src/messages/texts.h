// The words of all templates, one file a language. {name} stands for a word or for {service}, {when}.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace zephyr::messages {

struct Text {
    std::string_view what;
    std::string_view needs;    // the one word it cannot do without; empty: none
    std::string_view subject;
    std::string_view sms;      // empty: never by SMS (a link in an SMS teaches people to follow links in SMS)
    // Paragraphs. One that uses a word which is absent is left out.
    std::array<std::string_view, 5> paragraphs;
    std::string_view button;   // what the link says; empty: no link
};

struct FactorName {
    std::string_view kind;
    std::string_view name;
};

struct Language {
    std::string_view code;
    std::string_view greeting;
    std::string_view closing;      // an e-mail's last line
    std::string_view by_hand;      // over an address to copy
    std::string_view another_factor;
    std::array<std::string_view, 12> months;
    std::string_view date;         // of {day}, {month}, {year}, {time}
    std::span<FactorName const> factors;
    std::span<Text const> texts;
};

Language const& english();
Language const& german();

}  // namespace zephyr::messages
