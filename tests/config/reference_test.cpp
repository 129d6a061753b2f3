#include "zephyr/config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "config/loading.h"
#include "zephyr/foundation/text.h"

namespace zephyr::config {
namespace {

using ::testing::HasSubstr;

// The settings reference is what the table says, word for word. ZEPHYR_UPDATE=1 rewrites the page.
TEST(Reference, the_page_in_docs_is_what_the_table_says) {
    constexpr auto path = "docs/reference/settings.md";
    if (auto const* const update = std::getenv("ZEPHYR_UPDATE"); update && std::string_view{update} == "1") {
        std::ofstream{path, std::ios::binary} << reference_page();
    }
    std::ifstream in{path, std::ios::binary};
    std::string const page{std::istreambuf_iterator<char>{in}, {}};
    EXPECT_EQ(page, reference_page()) << "run config_test with ZEPHYR_UPDATE=1";
}

TEST(Reference, the_page_names_every_setting_and_every_environment_name) {
    auto const page = reference_page();
    EXPECT_GT(all_settings().size(), 80u);
    for (auto const& info : all_settings()) {
        EXPECT_THAT(page, HasSubstr("| `" + info.key + "` |"));
        EXPECT_THAT(page, HasSubstr("`" + info.environment + "`"));
    }
}

TEST(Table, every_setting_is_whole_and_every_name_is_taken_once) {
    std::set<std::string> names;
    for (auto const& info : all_settings()) {
        EXPECT_TRUE(names.insert(info.key).second) << info.key;
        EXPECT_TRUE(names.insert(info.environment).second) << info.environment;
        EXPECT_TRUE(names.insert(info.flag).second) << info.flag;
        if (!info.short_flag.empty()) {
            EXPECT_TRUE(names.insert(info.short_flag).second) << info.short_flag;
        }
        EXPECT_EQ(std::count(info.key.begin(), info.key.end(), '.'), 1) << info.key;
        EXPECT_TRUE(info.help.size() > 5 && info.help.ends_with('.')) << info.key;
        EXPECT_FALSE(info.allowed.empty()) << info.key;
        EXPECT_FALSE(info.secret && !info.default_text.empty()) << info.key;
    }
}

TEST(Table, a_setting_without_its_feature_says_so) {
    std::set<std::string> areas;
    for (auto const& info : all_settings()) {
        EXPECT_EQ(info.later, info.help.find("takes effect when that feature is installed") != std::string::npos)
            << info.key;
        if (info.later) areas.insert(info.key.substr(0, info.key.find('.')));
    }
    EXPECT_EQ(areas, (std::set<std::string>{"compliance", "federation", "ldap", "scanning", "threats", "uma", "webauthn"}));
}

// What `show` prints can be put into a file and means the same.
TEST(Show, every_printed_default_is_accepted_back) {
    auto const loaded = good({});
    auto const json = show_json(loaded);
    std::string file;
    for (auto const& item : *json.find("settings")->items()) {
        if (item.find("secret")) continue;
        file += *item.string_at("key") + " = " + item.find("value")->dump() + "\n";
    }
    auto const again = show_json(good(from_file(file)));
    auto const& before = *json.find("settings")->items();
    auto const& after = *again.find("settings")->items();
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t i = 0; i < before.size(); ++i)
        EXPECT_EQ(*before[i].find("value"), *after[i].find("value")) << *before[i].string_at("key");
}

TEST(Show, prints_each_value_with_its_origin_and_masks_secrets) {
    auto sources = from_file("[server]\nworkers = 32\n");
    sources.environment = {{"MFA_TOTP_ISSUER", "Acme"}, {"ZEPHYR_METRICS_TOKEN", "0123456789abcdef"}};
    sources.flags = {{"--listen", "127.0.0.1:9"}};
    auto const text = show_text(good(sources));
    std::set<std::string> lines;
    for (auto const line : split(text, '\n')) {
        // The column is wide; its blanks say nothing.
        std::string one;
        for (char const c : line) {
            if (c != ' ' || one.empty() || one.back() != ' ') one += c;
        }
        lines.insert(one);
    }
    for (auto const* expected :
         {"server.workers = 32 # zephyr.toml:2", "mfa.totp_issuer = Acme # environment MFA_TOTP_ISSUER",
          "metrics.token = (set) # environment ZEPHYR_METRICS_TOKEN", "server.listen = 127.0.0.1:9 # flag --listen",
          "storage.url = (not set) # default", "sessions.idle = 30m # default", "server.tls_key = (empty) # default",
          "server.public_url = http://127.0.0.1:9 # default"})
        EXPECT_TRUE(lines.contains(expected)) << expected << "\n" << text;
    EXPECT_EQ(lines.size(), all_settings().size() + 1);  // and the empty one behind the last line end
    auto const json = show_json(good(sources)).dump();
    EXPECT_THAT(json, HasSubstr(R"j({"key":"metrics.token","value":"(set)","from":"environment ZEPHYR_METRICS_TOKEN",)j"
                                R"j("secret":true})j"));
    EXPECT_THAT(json, HasSubstr(R"j({"key":"server.workers","value":32,"from":"zephyr.toml:2"})j"));
}

TEST(Check, says_valid_or_lists_every_problem) {
    EXPECT_EQ(check_text(load({})), "The configuration is valid.\n");
    EXPECT_EQ(check_text(load(from_environment({{"UMA_ENABLED", "true"}}))),
              "The configuration is valid.\n  Note: uma.enabled (environment UMA_ENABLED): its feature is not "
              "installed; the setting has no effect yet.\n");
    auto const bad = load(from_file("server.workers = 0\nx = 1\n"));
    EXPECT_EQ(check_text(bad),
              "2 problems:\n  server.workers (zephyr.toml:1): is too small. Allowed: 1 to 1024.\n  x (zephyr.toml:2): "
              "is no setting.\n");
    EXPECT_EQ(
        check_json(bad).dump(),
        R"({"valid":false,"problems":[{"key":"server.workers","where":"zephyr.toml:1","what":"is too small","allowed":"1 to 1024"},)"
        R"({"key":"x","where":"zephyr.toml:2","what":"is no setting","allowed":""}],"notices":[]})");
    EXPECT_EQ(check_json(load({})).dump(), R"({"valid":true,"problems":[],"notices":[]})");
}

TEST(Schema, has_a_closed_object_per_area_and_a_property_per_setting) {
    auto const json = schema();
    EXPECT_EQ(json.string_at("$schema"), "https://json-schema.org/draft/2020-12/schema");
    EXPECT_EQ(json.find("additionalProperties")->boolean(), false);
    std::size_t properties = 0, secrets = 0;
    for (auto const& [name, area] : *json.find("properties")->members()) {
        EXPECT_EQ(area.find("additionalProperties")->boolean(), false) << name;
        properties += area.find("properties")->members()->size();
    }
    for (auto const& info : all_settings()) {
        auto const dot = info.key.find('.');
        auto const* const property =
            json.find("properties")->find(info.key.substr(0, dot))->find("properties")->find(info.key.substr(dot + 1));
        ASSERT_NE(property, nullptr) << info.key;
        EXPECT_EQ(property->string_at("description"), info.help);
        EXPECT_EQ(property->find("default") == nullptr, info.secret) << info.key;
        secrets += info.secret ? 1 : 0;
    }
    EXPECT_EQ(properties, all_settings().size() + secrets);  // and `<key>_file` for each secret
}

}  // namespace
}  // namespace zephyr::config
