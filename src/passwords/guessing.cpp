#include "passwords/guessing.h"

#include <zxcvbn.h>

#include <algorithm>
#include <array>
#include <memory>

#include "zephyr/foundation/secret.h"
#include "zephyr/foundation/text.h"

namespace zephyr::passwords {

namespace {

constexpr std::size_t most_words = 32;
constexpr std::size_t shortest_word = 3;

bool starts_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
}

std::vector<std::string_view> split_code_points(std::string_view text) {
    std::vector<std::string_view> out;
    for (std::size_t start = 0; start < text.size();) {
        std::size_t end = start + 1;
        while (end < text.size() && !starts_code_point(text[end])) ++end;
        out.push_back(text.substr(start, end - start));
        start = end;
    }
    return out;
}

enum class Weakness { none, product, person, repeats, keyboard, sequence, date, words };

std::string sentence(Weakness weakness) {
    switch (weakness) {
        case Weakness::product: return "It leans on the name of this service.";
        case Weakness::person: return "It contains your name or part of your e-mail address.";
        case Weakness::repeats: return "It repeats the same characters.";
        case Weakness::keyboard: return "It is a keyboard walk like qwerty.";
        case Weakness::sequence: return "It contains a sequence like abcd or 1234.";
        case Weakness::date: return "It is built around a date or a year.";
        case Weakness::words: return "It is made of very common words, names or passwords.";
        case Weakness::none: break;
    }
    return "It has too little that is unpredictable.";
}

struct FreeMatches {
    void operator()(ZxcMatch_t* matches) const { ZxcvbnFreeInfo(matches); }
};

bool is_one_of(std::string_view part, std::vector<std::string> const& words) {
    auto const lower = ascii_lower(part);
    return std::any_of(words.begin(), words.end(),
                       [&](std::string const& word) { return lower.find(word) != std::string::npos; });
}

// The seven letters and more of one row, forwards or backwards: zxcvbn finds many of these in its dictionary and calls
// them words, which tells nobody anything.
bool is_keyboard_walk(std::string_view part) {
    static constexpr std::array<std::string_view, 8> rows = {
        "qwertyuiop",           "asdfghjkl", "zxcvbnm", "poiuytrewq", "lkjhgfdsa", "mnbvcxz", "1q2w3e4r5t6y7u8i9o0p",
        "qazwsxedcrfvtgbyhnujm"};
    auto const lower = ascii_lower(part);
    return lower.size() >= 5 && std::any_of(rows.begin(), rows.end(), [&](std::string_view row) {
               return row.find(lower) != std::string_view::npos;
           });
}

Weakness weakness_of(ZxcMatch_t const& match, std::string_view part, std::vector<std::string> const& product_words) {
    int const type = match.Type;
    if (type >= MULTIPLE_MATCH) return Weakness::repeats;
    switch (type) {
        case USER_MATCH:
        case USER_LEET_MATCH: return is_one_of(part, product_words) ? Weakness::product : Weakness::person;
        case DICTIONARY_MATCH:
        case DICT_LEET_MATCH: return is_keyboard_walk(part) ? Weakness::keyboard : Weakness::words;
        case REPEATS_MATCH: return Weakness::repeats;
        case SEQUENCE_MATCH: return Weakness::sequence;
        case SPATIAL_MATCH: return Weakness::keyboard;
        case DATE_MATCH:
        case YEAR_MATCH: return Weakness::date;
        default: return Weakness::none;
    }
}

}  // namespace

Guessability estimate_guessability(std::string_view password, std::vector<std::string> const& personal_words,
                                   std::vector<std::string> const& product_words) {
    // A copy that ends in NUL, wiped afterwards.
    SecretText const text{std::string{first_code_points(password, longest_estimated_code_points)}};
    std::vector<char const*> words;
    for (auto const& word : personal_words) words.push_back(word.c_str());
    for (auto const& word : product_words) words.push_back(word.c_str());
    words.push_back(nullptr);

    ZxcMatch_t* found = nullptr;
    Guessability out;
    out.entropy_bits = ZxcvbnMatch(text.reveal().c_str(), words.data(), &found);
    std::unique_ptr<ZxcMatch_t, FreeMatches> const matches{found};

    // The weakness that covers most of it.
    std::array<int, 8> covered{};
    for (auto const* match = matches.get(); match != nullptr; match = match->Next) {
        auto const part = std::string_view{text.reveal()}.substr(static_cast<std::size_t>(match->Begin),
                                                                 static_cast<std::size_t>(match->Length));
        auto const weakness = weakness_of(*match, part, product_words);
        if (weakness != Weakness::none) covered[static_cast<std::size_t>(weakness)] += match->Length;
    }
    auto const most = std::max_element(covered.begin(), covered.end());
    out.reason = sentence(*most == 0 ? Weakness::none : static_cast<Weakness>(most - covered.begin()));
    return out;
}

std::vector<std::string> words_of(std::vector<std::string> const& texts) {
    std::vector<std::string> out;
    auto const add = [&](std::string_view word) {
        if (word.size() < shortest_word || out.size() >= most_words) return;
        auto lower = ascii_lower(first_code_points(word, longest_estimated_code_points));
        // zxcvbn takes C strings.
        if (lower.find('\0') == std::string::npos && std::find(out.begin(), out.end(), lower) == out.end())
            out.push_back(std::move(lower));
    };
    for (auto const& text : texts) {
        add(text);
        if (auto const at = text.find('@'); at != std::string::npos) add(std::string_view{text}.substr(0, at));
        std::size_t start = 0;
        for (std::size_t i = 0; i <= text.size(); ++i) {
            bool const in_word =
                i < text.size() && (static_cast<unsigned char>(text[i]) >= 0x80 || (text[i] >= '0' && text[i] <= '9') ||
                                    (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'));
            if (in_word) continue;
            add(std::string_view{text}.substr(start, i - start));
            start = i + 1;
        }
    }
    return out;
}

std::string_view first_code_points(std::string_view text, std::size_t count) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!starts_code_point(text[i])) continue;
        if (count == 0) return text.substr(0, i);
        --count;
    }
    return text;
}

std::size_t repeated_unit(std::string_view text) {
    auto const points = split_code_points(first_code_points(text, longest_estimated_code_points));
    for (std::size_t unit = 1; unit * 2 <= points.size(); ++unit) {
        if (std::equal(points.begin() + static_cast<std::ptrdiff_t>(unit), points.end(), points.begin())) return unit;
    }
    return 0;
}

}  // namespace zephyr::passwords
