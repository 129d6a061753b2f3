// How easy a password is to guess, and why, in words for the person who chose it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zephyr::passwords {

struct Guessability {
    double entropy_bits = 0;
    std::string reason;  // what makes it easy; a whole sentence
};

// The estimator's cost grows faster than the length, so it sees no more than this many code points.
inline constexpr std::size_t longest_estimated_code_points = 100;

// zxcvbn's estimate for normalised UTF-8 without NUL, with words an attacker would try first for this person and for
// this product. Both lists in lower case.
Guessability estimate_guessability(std::string_view password, std::vector<std::string> const& personal_words,
                                   std::vector<std::string> const& product_words);

// The words in names and addresses worth trying: "Alice.Doe@acme.test" gives "alice.doe@acme.test", "alice.doe",
// "alice", "doe", "acme", "test". Lower case (ASCII), at least three bytes, without repeats, at most 32.
std::vector<std::string> words_of(std::vector<std::string> const& texts);

// The first `count` code points of valid UTF-8.
std::string_view first_code_points(std::string_view text, std::size_t count);

// The length in code points of the shortest unit the whole text repeats ("abcabcab": 3), or 0 when it repeats none at
// least twice. zxcvbn sees this for ASCII only.
std::size_t repeated_unit(std::string_view text);

}  // namespace zephyr::passwords
