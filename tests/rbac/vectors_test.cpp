// Cases of other people, translated into users, groups, roles and permissions: see tests/vectors/rbac/SOURCE.
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "rbac/roles_fixture.h"
#include "zephyr/foundation/text.h"

namespace zephyr::rbac {
namespace {

using encoding::Json;

Json read_json(std::string const& name) {
    std::ostringstream text;
    text << std::ifstream{"tests/vectors/rbac/" + name}.rdbuf();
    auto json = encoding::parse_json(text.str(), {.bytes = 1024 * 1024, .depth = 32});
    EXPECT_TRUE(json.ok()) << name;
    return std::move(json).value();
}

std::string text_at(Json const& json, std::string_view name) { return json.string_at(name).value_or(""); }

std::string after_colon(std::string const& text) { return text.substr(text.find(':') + 1); }

class CasbinVectors : public RolesTest {
protected:
    using Line = std::vector<std::string>;

    static std::vector<Line> parse_policy(std::string const& policy) {
        std::vector<Line> out;
        for (auto const line : split(policy, '\n')) {
            if (trim(line).empty()) continue;
            Line fields;
            for (auto const field : split(line, ',')) fields.emplace_back(trim(field));
            out.push_back(std::move(fields));
        }
        return out;
    }
    void ensure_role(std::string const& name) {
        if (!roles.find(name).ok()) role(name);
    }
    users::User person(std::string const& name) {
        auto const found = users.find_by_login(name);
        return found.ok() ? found.value() : add(name);
    }

    // p: what a role may; g: who is in it; g2: what a group of objects stands for. A subject of p that is also a person
    // is a role of its own that the person holds.
    void load(std::string const& suite, std::vector<Line> const& policy) {
        bool const tenants = suite == "TestRBACModelWithDomains";
        std::map<std::string, std::vector<std::string>> objects;
        for (auto const& line : policy) {
            if (line[0] == "g2") objects[line[2]].push_back(line[1]);
        }
        for (auto const& line : policy) {
            if (line[0] != "p") continue;
            auto const name = suite_prefix(suite) + line[1] + (tenants ? "." + line[2] : "");
            ensure_role(name);
            auto const& object = line[tenants ? 3 : 2];
            auto const& action = line[tenants ? 4 : 3];
            auto const expanded = objects.contains(object) ? objects[object] : std::vector<std::string>{object};
            for (auto const& each : expanded) {
                auto const permission = (tenants ? line[2] + "." : "") + each + "." + action;
                ASSERT_TRUE(roles.add_permission(name, permission, by_operator).ok()) << permission;
            }
        }
        for (auto const& line : policy) {
            if (line[0] == "g") give(person(suite_prefix(suite) + line[1]), suite_prefix(suite) + line[2] + (tenants ? "." + line[3] : ""));
        }
        if (suite.find("WithRoot") != suite.npos) give(person(suite_prefix(suite) + "root"), "admin");
        for (auto const& line : policy) {
            auto const own = suite_prefix(suite) + line[1];
            if (line[0] == "p" && !tenants && line[1].find("admin") == std::string::npos) give(person(own), own);
        }
    }
    static std::string suite_prefix(std::string const& suite) { return ascii_lower(suite) + "."; }
};

TEST_F(CasbinVectors, are_answered_as_expected) {
    int checked = 0;
    int unclaimed = 0;
    auto const file = read_json("casbin_enforce_cases.json");
    for (auto const& suite : *file.find("suites")->items()) {
        auto const id = text_at(suite, "id");
        auto const& requests = *suite.find("requests")->items();
        if (id == "TestRBACModelWithDeny") {  // grants and denies at once: not claimed
            unclaimed += static_cast<int>(requests.size());
            continue;
        }
        load(id, parse_policy(text_at(suite, "policy")));
        for (auto const& request : requests) {
            auto const& args = *request.find("args")->items();
            std::string permission;
            for (std::size_t i = 1; i < args.size(); ++i) permission += (i > 1 ? "." : "") + *args[i].string();
            auto const who = person(suite_prefix(id) + *args[0].string());
            EXPECT_EQ(may(who, permission), text_at(request, "expected") == "allow") << id << ": " << who.username << " " << permission;
            ++checked;
        }
    }
    EXPECT_EQ(checked, 48);
    EXPECT_EQ(unclaimed, 8);
}

class OpenFgaVectors : public RolesTest {
protected:
    std::map<std::string, users::User> people;
    std::map<std::string, users::Group> circles;

    users::User const& person(std::string const& name) {
        auto const found = people.find(name);
        return found != people.end() ? found->second : people.emplace(name, add(name)).first->second;
    }
    users::Group const& circle(std::string const& name) {
        auto const found = circles.find(name);
        return found != circles.end() ? found->second : circles.emplace(name, add_group(name)).first->second;
    }
};

TEST_F(OpenFgaVectors, nested_groups_and_roles_of_a_tenant_are_answered_as_expected) {
    // The model's predefined roles of an organization, and what each may.
    role("document_viewer", {"acme.can_view"});
    role("document_manager", {"acme.can_view", "acme.can_edit", "acme.can_delete", "acme.can_create_document"});
    role("billing_manager", {"acme.can_edit_billing"});
    role("user_manager", {"acme.can_invite_user", "acme.can_delete_user"});
    role("organization-admin", {}, {"document_viewer", "document_manager", "billing_manager", "user_manager"});
    auto const predefined = [](std::string const& relation) { return relation == "admin" ? "organization-admin" : relation; };

    auto const store = read_json("openfga_multitenant_rbac_store.json");
    for (auto const& tuple : *store.find("tuples")->items()) {
        auto const who = text_at(tuple, "user");
        auto const relation = text_at(tuple, "relation");
        auto const object = text_at(tuple, "object");
        auto const name = after_colon(who.substr(0, who.find('#')));
        if (relation == "organization") continue;  // there is one organization here
        if (relation == "assignee" && !roles.find(after_colon(object)).ok()) role(after_colon(object));
        if (object.starts_with("group:")) {
            if (who.starts_with("group:")) nest(circle(after_colon(object)), circle(name));
            else join(circle(after_colon(object)), person(name));
        } else if (object.starts_with("role:")) {
            give(circle(name), after_colon(object));
        } else if (who.starts_with("role:")) {
            ASSERT_TRUE(roles.include(name, predefined(relation), by_operator).ok());
        } else {
            give(person(name), predefined(relation));
        }
    }
    int checked = 0;
    for (auto const& test : *store.find("tests")->items()) {
        if (auto const* checks = test.find("check")) {
            for (auto const& check : *checks->items()) {
                for (auto const& [relation, expected] : *check.find("assertions")->members()) {
                    auto const& who = person(after_colon(text_at(check, "user")));
                    EXPECT_EQ(may(who, "acme." + relation), *expected.boolean()) << who.username << " " << relation;
                    ++checked;
                }
            }
        }
        if (auto const* lists = test.find("list_users")) {
            std::set<std::string> expected;
            for (auto const& user : *(*lists->items())[0].find("assertions")->find("can_view")->find("users")->items()) {
                expected.insert(after_colon(*user.string()));
            }
            std::set<std::string> allowed;
            for (auto const& [name, user] : people) {
                if (may(user, "acme.can_view")) allowed.insert(name);
            }
            EXPECT_EQ(allowed, expected);
        }
    }
    EXPECT_EQ(checked, 12);
}

TEST_F(OpenFgaVectors, access_for_a_time_ends_as_expected) {
    // "2023-01-01T00:00:00Z"; the store has one time of granting.
    auto const granted = from_millis(1'672'531'200'000);
    auto const at = [&](std::string const& text) {
        std::map<std::string, std::chrono::milliseconds> const times{
            {"", 0s}, {"2023-01-01T00:10:00Z", 10min}, {"2023-01-01T02:00:00Z", 2h}, {"2023-01-01T00:00:09Z", 9s}};
        return granted + times.at(text);
    };
    std::map<std::string, std::chrono::milliseconds> const durations{{"1h", 1h}, {"5s", 5s}};

    clock.jump_to(granted);
    auto const store = read_json("openfga_temporal_access_store.json");
    for (auto const& tuple : *store.find("tuples")->items()) {
        auto const document = "viewer-" + after_colon(text_at(tuple, "object"));
        if (!roles.find(document).ok()) role(document);
        std::optional<TimePoint> end;
        if (auto const* condition = tuple.find("condition")) {
            auto const* context = condition->find("context");
            end = granted + durations.at(text_at(*context, "grant_duration"));
        }
        give(person(after_colon(text_at(tuple, "user"))), document, end);
    }
    int checked = 0;
    for (auto const& check : *(*store.find("tests")->items())[0].find("check")->items()) {
        auto const* context = check.find("context");
        clock.jump_to(at(context == nullptr ? "" : text_at(*context, "current_time")));
        auto const& who = person(after_colon(text_at(check, "user")));
        EXPECT_EQ(is(who, "viewer-" + after_colon(text_at(check, "object"))),
                  *check.find("assertions")->find("viewer")->boolean());
        ++checked;
    }
    EXPECT_EQ(checked, 4);
}

}  // namespace
}  // namespace zephyr::rbac
