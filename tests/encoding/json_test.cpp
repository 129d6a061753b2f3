#include "zephyr/encoding/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "testing/scripted_random.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/encoding/unicode.h"

namespace zephyr::encoding {
namespace {

Json file(std::string const& path) {
    std::ifstream in{path, std::ios::binary};
    std::string const text{std::istreambuf_iterator<char>{in}, {}};
    return parse_json(text, {.bytes = 4 << 20, .depth = 32}).value();
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

TEST(ParseJson, reads_each_type_and_only_that_type) {
    auto const json = parse_json(R"({"s":"1","i":1,"d":1.0,"t":true,"n":null,"a":[1],"o":{}})").value();
    EXPECT_EQ(json.string_at("s"), "1");
    EXPECT_EQ(json.find("s")->integer(), std::nullopt);
    EXPECT_EQ(json.find("i")->integer(), 1);
    EXPECT_EQ(json.find("i")->number(), 1.0);
    EXPECT_EQ(json.find("i")->boolean(), std::nullopt);
    EXPECT_EQ(json.string_at("i"), std::nullopt);
    EXPECT_EQ(json.find("d")->integer(), std::nullopt);
    EXPECT_EQ(json.find("d")->number(), 1.0);
    EXPECT_EQ(json.find("t")->boolean(), true);
    EXPECT_EQ(json.find("t")->integer(), std::nullopt);
    EXPECT_TRUE(json.find("n")->is_null());
    EXPECT_EQ(json.find("a")->items()->size(), 1u);
    EXPECT_TRUE(json.find("o")->members()->empty());
    EXPECT_EQ(json.find("missing"), nullptr);
    EXPECT_EQ(Json{1}.find("s"), nullptr);
}

TEST(ParseJson, keeps_the_order_of_members) {
    EXPECT_EQ(parse_json(R"({"b":1,"a":{"z":0,"y":0}})").value().dump(), R"({"b":1,"a":{"z":0,"y":0}})");
}

TEST(ParseJson, accepts_the_last_allowed_byte_and_level_and_refuses_the_next) {
    EXPECT_TRUE(parse_json("[12]", {.bytes = 4}).ok());
    EXPECT_EQ(parse_json("[123]", {.bytes = 4}).error(), errors::json_too_large);
    EXPECT_TRUE(parse_json(nested(32)).ok());
    EXPECT_EQ(parse_json(nested(33)).error(), errors::json_too_deep);
    EXPECT_EQ(parse_json(R"({"a":{"a":[]}})", {.depth = 2}).error(), errors::json_too_deep);
    EXPECT_TRUE(parse_json("1", {.depth = 0}).ok());
}

TEST(ParseJson, bounds_the_work_of_many_tiny_values_by_the_size_that_is_allowed) {
    auto const elements = [](std::size_t count) {
        std::string text = "[0";
        while (--count > 0) text += ",0";
        return text + "]";
    };
    auto const members = [](std::size_t count) {
        std::string text = "{";
        for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
        return text + "}";
    };
    EXPECT_TRUE(parse_json(elements(8191)).ok());  // and the array itself
    EXPECT_EQ(parse_json(elements(8192)).error(), errors::json_too_large);
    EXPECT_TRUE(parse_json(members(2047)).ok());
    EXPECT_EQ(parse_json(members(2048)).error(), errors::json_too_large);
    EXPECT_TRUE(parse_json(members(8000), {.bytes = 256 * 1024}).ok());
    EXPECT_TRUE(parse_json(elements(200), {.bytes = 1000}).ok());
}

TEST(ParseJson, refuses_a_million_opening_brackets_without_recursion) {
    EXPECT_EQ(parse_json(std::string(1'000'000, '['), {.bytes = 2'000'000}).error(), errors::json_too_deep);
}

// RFC 8259 4: "When the names within an object are not unique, the behavior of software that receives such an object is
// unpredictable."
TEST(ParseJson, refuses_duplicate_members_at_every_level_and_spelling) {
    EXPECT_EQ(parse_json(R"({"a":1,"a":1})").error(), errors::json_duplicate_member);
    EXPECT_EQ(parse_json(R"([{"x":{"a":1,"b":2,"a":3}}])").error(), errors::json_duplicate_member);
    EXPECT_EQ(parse_json(R"({"a":1,"\u0061":2})").error(), errors::json_duplicate_member);
    EXPECT_EQ(parse_json(R"({"":1,"":2})").error(), errors::json_duplicate_member);
    EXPECT_TRUE(parse_json(R"({"a":{"a":{"a":1}},"A":2})").ok());
}

TEST(ParseJson, finds_a_duplicate_in_a_large_object) {
    for (std::size_t const size : {15u, 16u, 17u, 18u, 500u}) {
        Json json = Json::object();
        for (std::size_t i = 0; i < size; ++i) json.set("k" + std::to_string(i), static_cast<int>(i));
        auto text = json.dump();
        EXPECT_EQ(parse_json(text).value(), json);
        text.insert(text.size() - 1, R"(,"k0":0)");
        EXPECT_EQ(parse_json(text).error(), errors::json_duplicate_member) << size;
        auto last = json.dump();
        last.insert(last.size() - 1, ",\"k" + std::to_string(size - 1) + "\":0");
        EXPECT_EQ(parse_json(last).error(), errors::json_duplicate_member) << size;
    }
}

TEST(ParseJson, refuses_a_second_value_comments_and_a_byte_order_mark) {
    for (auto const* text : {"",    " ",     "1 2", "{} x",     "[1,]", "{\"a\":1,}", "// c\n1", "/* c */ 1",
                             "'a'", "{a:1}", "NaN", "Infinity", "-",    "01",         "+1",      "1.",
                             ".5",  "1e",    "0x1", "tru",      "TRUE", "[1",         "\"\n\"",  "\xEF\xBB\xBF{}"})
        EXPECT_EQ(parse_json(text).error(), errors::json_malformed) << text;
}

TEST(ParseJson, refuses_a_nul_byte_instead_of_ending_there) {
    EXPECT_EQ(parse_json(std::string_view{"1\0", 2}).error(), errors::json_malformed);
    EXPECT_EQ(parse_json(std::string_view{"{}\0{\"admin\":true}", 17}).error(), errors::json_malformed);
    EXPECT_EQ(*parse_json("\"\\u0000\"").value().string(), std::string(1, '\0'));
}

TEST(ParseJson, refuses_invalid_utf8_and_lone_surrogates) {
    for (auto const* text : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", R"("\ud800")",
                             R"("\udc00")", R"("\ud800\u0041")"})
        EXPECT_EQ(parse_json(text).error(), errors::json_malformed) << text;
    EXPECT_EQ(*parse_json(R"("\ud83d\ude00")").value().string(), "\U0001F600");
}

TEST(ParseJson, never_turns_a_number_into_another) {
    EXPECT_EQ(parse_json("9223372036854775807").value().integer(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(parse_json("-9223372036854775808").value().integer(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(parse_json("9223372036854775808").value().integer(), std::nullopt);
    EXPECT_EQ(parse_json("18446744073709551616").value().integer(), std::nullopt);
    EXPECT_EQ(parse_json("1e3").value().integer(), std::nullopt);
    EXPECT_EQ(parse_json("1e400").error(), errors::json_malformed);
}

TEST(ParseJson, says_where_but_never_quotes_the_text) {
    auto const outcome = parse_json(R"({"password":"hunter2-canary" oops})");
    ASSERT_EQ(outcome.error(), errors::json_malformed);
    EXPECT_EQ(outcome.error().detail(), "at byte 30");
}

TEST(ParseJson, agrees_with_json_test_suite) {
    auto const suite = file("tests/vectors/http/json_parsing.json");
    std::map<std::string, int> seen;
    for (auto const& test : *suite.find("cases")->items()) {
        auto const expected = *test.string_at("expected");
        auto const text = to_text(base64_decode(*test.string_at("b64")).value());
        auto const outcome = parse_json(text, {.bytes = 1 << 20, .depth = 600});
        ++seen[expected];
        auto const id = *test.string_at("id");
        if (expected == "reject") {
            EXPECT_FALSE(outcome.ok()) << id;
        } else if (expected == "accept") {
            // The suite accepts repeated names, which RFC 8259 leaves undefined and we refuse.
            if (id.starts_with("y_object_duplicated_key")) {
                EXPECT_EQ(outcome.error(), errors::json_duplicate_member) << id;
            } else {
                EXPECT_TRUE(outcome.ok()) << id;
            }
        } else if (outcome.ok()) {
            EXPECT_TRUE(is_valid_utf8(outcome.value().dump())) << id;
        }
    }
    EXPECT_EQ(seen["accept"] + seen["reject"] + seen["either"], 158);
    EXPECT_GT(seen["accept"], 40);
    EXPECT_GT(seen["reject"], 80);
}

TEST(Json, dumps_compactly_and_prettily) {
    auto const json = Json::object({{"a", Json::array({1, 2.5, true, nullptr})},
                                    {"b", Json::object()},
                                    {"c", "x\"\\\n\x01"},
                                    {"d", Json::array()}});
    EXPECT_EQ(json.dump(), R"({"a":[1,2.5,true,null],"b":{},"c":"x\"\\\n\u0001","d":[]})");
    EXPECT_EQ(json.dump_pretty(),
              "{\n  \"a\": [\n    1,\n    2.5,\n    true,\n    null\n  ],\n  \"b\": {},\n"
              "  \"c\": \"x\\\"\\\\\\n\\u0001\",\n  \"d\": []\n}");
}

TEST(Json, dump_replaces_invalid_utf8_and_has_no_word_for_nan) {
    EXPECT_EQ(Json{"a\xff"
                   "b"}
                  .dump(),
              "\"a\xEF\xBF\xBD"
              "b\"");
    EXPECT_EQ(Json{std::nan("")}.dump(), "null");
    EXPECT_EQ(Json{std::numeric_limits<double>::infinity()}.dump(), "null");
    EXPECT_EQ(Json{1.0}.dump(), "1.0");
    EXPECT_EQ(Json{1e22}.dump(), "1e+22");
}

TEST(Json, set_replaces_and_push_appends) {
    Json json;
    json.set("a", 1).set("b", 2).set("a", 3);
    EXPECT_EQ(json.dump(), R"({"a":3,"b":2})");
    Json list;
    list.push(1).push("x");
    EXPECT_EQ(list.dump(), R"([1,"x"])");
    EXPECT_EQ(Json::strings({"a", "b"}).dump(), R"(["a","b"])");
}

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_{seed} {}

    Json value(int depth = 0) {
        switch (below(depth < 5 ? 8 : 6)) {
            case 0: return nullptr;
            case 1: return below(2) == 0;
            case 2: return static_cast<std::int64_t>(wide());
            case 3: return number();
            case 4:
            case 5: return text();
            case 6: {
                Json array = Json::array();
                for (auto n = below(5); n > 0; --n) array.push(value(depth + 1));
                return array;
            }
            default: {
                Json object = Json::object();
                for (auto n = below(5); n > 0; --n) object.set(text(), value(depth + 1));
                return object;
            }
        }
    }

private:
    std::uint64_t wide() {
        std::uint64_t out = 0;
        for (auto const byte : random_.bytes(8)) out = (out << 8) | std::to_integer<std::uint64_t>(byte);
        return out;
    }
    std::uint64_t below(std::uint64_t limit) { return wide() % limit; }
    double number() {
        double const value = std::bit_cast<double>(wide());
        return std::isfinite(value) ? value : 0.5;
    }
    std::string text() {
        static constexpr std::string_view pieces[] = {"a", "\"", "\\",         "\n", "\x01",      "\x7f",
                                                      "é", "漢", "\U0001F600", "/",  "</script>", "\u2028"};
        std::string out;
        for (auto n = below(6); n > 0; --n) out += pieces[below(std::size(pieces))];
        return out;
    }
    testing::ScriptedRandom random_;
};

TEST(Json, what_is_written_is_read_back_equal) {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        auto const json = Generator{seed}.value();
        JsonLimits const limits{.bytes = 1 << 20, .depth = 64};
        ASSERT_EQ(parse_json(json.dump(), limits).value(), json) << json.dump();
        ASSERT_EQ(parse_json(json.dump_pretty(), limits).value(), json) << json.dump();
    }
}

TEST(Json, naughty_strings_survive_the_round_trip) {
    auto const strings = file("tests/vectors/http/naughty_strings.json");
    ASSERT_EQ(strings.items()->size(), 258u);
    for (auto const& text : *strings.items()) {
        auto const object = Json::object({{*text.string(), text}});
        EXPECT_EQ(parse_json(object.dump()).value(), object);
    }
}

}  // namespace
}  // namespace zephyr::encoding
