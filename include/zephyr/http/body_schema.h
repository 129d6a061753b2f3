// What a JSON body holds, said once beside the route: App refuses a body that does not fit before the handler runs, and
// /openapi.json prints the same words, so the document cannot promise what is not enforced.
//
// Members that no field names are ignored, as RFC 6749 3.2 has it ("The authorization server MUST ignore unrecognized
// request parameters"): a client may be newer than we are. A member that is null counts as absent.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "zephyr/encoding/json.h"
#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http {

namespace errors {
// A body of application/json is asked for, holding one object.
inline constexpr Failure json_expected{Kind::invalid, "request.json_expected"};
// A member that is needed is absent. The reason names it.
inline constexpr Failure field_missing{Kind::invalid, "request.field_missing"};
// A member has another type than it must have, is too long or out of its range. The reason names it.
inline constexpr Failure field_invalid{Kind::invalid, "request.field_invalid"};
}  // namespace errors

// One member of a JSON object.
struct Field {
    enum class Type {
        text,
        secret,  // text that no log, document or example may hold
        flag,    // true or false
        integer,
        time,  // text: RFC 3339, UTC
        list,  // of text
        object,
        objects  // a list of objects
    };
    std::string name;
    Type type = Type::text;
    bool required = false;
    std::string description = {};
    std::size_t longest = 1024;  // text, secret and each item of a list: code points (as JSON Schema's maxLength)
    std::size_t most_items = 100;
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string> one_of = {};  // text: nothing else is accepted
    encoding::Json example = {};           // null: one is made up from the type
    std::vector<Field> fields = {};        // of object and objects
};

struct BodySchema {
    std::vector<Field> fields;
    bool optional = false;  // an empty body stands for {}

    // Fails with field_missing or field_invalid; the reason names the member ("a.b[2].c").
    Result<void> check(encoding::Json const& body) const;
    // A body that check() accepts, with every member.
    encoding::Json example() const;
};

// What a route answers when it does what it was asked for.
struct Answer {
    int status = 200;
    std::string description;
    std::vector<Field> fields = {};  // of the JSON object
    std::string content_type = "application/json";  // empty: no content
};

// The object in an application/json body, as the schema wants it. Fails with json_expected, json.*, or as check() does.
Result<encoding::Json> read_body(Request const& request, BodySchema const& schema);

}  // namespace zephyr::http
