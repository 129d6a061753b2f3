// Reads Project Wycheproof's files (tests/vectors/wycheproof).
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "zephyr/encoding/hex.h"
#include "zephyr/encoding/json.h"

namespace zephyr::crypto::wycheproof {

inline encoding::Json read_vectors(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    EXPECT_TRUE(file.good()) << path << " (tests run with the repository's root as working directory)";
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    constexpr std::size_t largest = 4 * 1024 * 1024;
    return encoding::parse_json(text, {.bytes = largest, .depth = 32}).value();
}

inline encoding::Json load(std::string_view name) {
    return read_vectors("tests/vectors/wycheproof/" + std::string{name} + "_test.json");
}

inline Bytes hex_at(encoding::Json const& object, std::string_view name) {
    return encoding::hex_decode(object.string_at(name).value()).value();
}

// Verdicts against ours. `acceptable` is neither a hit nor a miss: it is counted apart.
struct Tally {
    int valid_accepted = 0;
    int valid_refused = 0;
    int invalid_refused = 0;
    int invalid_accepted = 0;
    int acceptable = 0;
    std::string misses;

    void add(encoding::Json const& test, bool accepted) {
        auto const result = test.string_at("result").value();
        if (result == "acceptable") {
            ++acceptable;
            return;
        }
        bool const valid = result == "valid";
        ++(valid ? (accepted ? valid_accepted : valid_refused) : (accepted ? invalid_accepted : invalid_refused));
        if (valid != accepted)
            misses +=
                std::to_string(test.find("tcId")->integer().value()) + " (" + test.string_at("comment").value() + ") ";
    }
};

inline bool operator==(Tally const& a, Tally const& b) {
    return a.valid_accepted == b.valid_accepted && a.valid_refused == b.valid_refused &&
           a.invalid_refused == b.invalid_refused && a.invalid_accepted == b.invalid_accepted &&
           a.acceptable == b.acceptable;
}
inline std::ostream& operator<<(std::ostream& out, Tally const& t) {
    return out << "valid " << t.valid_accepted << "+" << t.valid_refused << " missed, invalid " << t.invalid_refused
               << "+" << t.invalid_accepted << " missed, acceptable " << t.acceptable << "; misses: " << t.misses;
}
// What a run without misses looks like. Exact, so that an empty or shortened file can't pass.
inline Tally clean(int valid, int invalid, int acceptable = 0) {
    Tally tally;
    tally.valid_accepted = valid;
    tally.invalid_refused = invalid;
    tally.acceptable = acceptable;
    return tally;
}

// Calls judge(group, test) for each test.
template <class Judge>
void for_each_test(encoding::Json const& vectors, Judge judge) {
    for (auto const& group : *vectors.find("testGroups")->items())
        for (auto const& test : *group.find("tests")->items()) judge(group, test);
}

}  // namespace zephyr::crypto::wycheproof
