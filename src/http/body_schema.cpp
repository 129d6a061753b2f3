#include "zephyr/http/body_schema.h"

#include <algorithm>

#include "zephyr/encoding/unicode.h"

namespace zephyr::http {

namespace {

using encoding::Json;
using Type = Field::Type;

Error invalid(std::string const& where, std::string const& must) {
    return Error{errors::field_invalid}.with_reason("The member \"" + where + "\" must be " + must + ".");
}

Result<void> check_fields(std::vector<Field> const& fields, Json const& object, std::string const& inside);

Result<void> check_text(Field const& field, Json const& value, std::string const& where) {
    auto const* text = value.string();
    if (text == nullptr) return invalid(where, "text");
    if (encoding::code_points(*text) > field.longest)
        return invalid(where, "at most " + std::to_string(field.longest) + " characters long");
    if (!field.one_of.empty() && std::find(field.one_of.begin(), field.one_of.end(), *text) == field.one_of.end())
        return invalid(where, "one of those the description names");
    return success();
}

Result<void> check_items(Field const& field, Json const& value, std::string const& where) {
    auto const* items = value.items();
    if (items == nullptr) return invalid(where, "a list");
    if (items->size() > field.most_items) return invalid(where, "a list of at most " + std::to_string(field.most_items) + " items");
    for (std::size_t i = 0; i < items->size(); ++i) {
        auto const item = where + "[" + std::to_string(i) + "]";
        if (field.type == Type::list) {
            ZEPHYR_CHECK(check_text(field, (*items)[i], item));
        } else {
            if ((*items)[i].members() == nullptr) return invalid(item, "an object");
            ZEPHYR_CHECK(check_fields(field.fields, (*items)[i], item + "."));
        }
    }
    return success();
}

Result<void> check_value(Field const& field, Json const& value, std::string const& where) {
    switch (field.type) {
        case Type::text:
        case Type::secret:
        case Type::time: return check_text(field, value, where);
        case Type::flag:
            if (!value.boolean()) return invalid(where, "true or false");
            return success();
        case Type::integer: {
            auto const number = value.integer();
            if (!number) return invalid(where, "a whole number");
            if (*number < field.least || *number > field.most)
                return invalid(where, "from " + std::to_string(field.least) + " to " + std::to_string(field.most));
            return success();
        }
        case Type::list:
        case Type::objects: return check_items(field, value, where);
        case Type::object:
            if (value.members() == nullptr) return invalid(where, "an object");
            return check_fields(field.fields, value, where + ".");
    }
    return invalid(where, "something else");
}

Result<void> check_fields(std::vector<Field> const& fields, Json const& object, std::string const& inside) {
    for (auto const& field : fields) {
        auto const where = inside + field.name;
        auto const* value = object.find(field.name);
        if (value == nullptr || value->is_null()) {
            if (!field.required) continue;
            return Error{errors::field_missing}.with_reason("The member \"" + where + "\" must be there.");
        }
        ZEPHYR_CHECK(check_value(field, *value, where));
    }
    return success();
}

Json example_of(std::vector<Field> const& fields);

Json example_of(Field const& field) {
    if (!field.example.is_null()) return field.example;
    auto const at_most = [&](std::string_view text) { return text.substr(0, field.longest); };
    switch (field.type) {
        case Type::text: return field.one_of.empty() ? Json{at_most("text")} : Json{field.one_of.front()};
        case Type::secret: return at_most("********");
        case Type::time: return "2026-01-31T12:00:00Z";
        case Type::flag: return false;
        case Type::integer: return std::clamp<std::int64_t>(1, field.least, field.most);
        case Type::list: return Json::array({at_most("text")});
        case Type::objects: return Json::array({example_of(field.fields)});
        case Type::object: return example_of(field.fields);
    }
    return {};
}

Json example_of(std::vector<Field> const& fields) {
    auto object = Json::object();
    for (auto const& field : fields) object.set(field.name, example_of(field));
    return object;
}

}  // namespace

Result<void> BodySchema::check(Json const& body) const {
    if (body.members() == nullptr) return Error{errors::json_expected}.with_reason("Send one JSON object.");
    return check_fields(fields, body, "");
}

Json BodySchema::example() const {
    return example_of(fields);
}

Result<Json> read_body(Request const& request, BodySchema const& schema) {
    if (schema.optional && request.body.empty()) return Json::object();
    if (!request.has_json_body()) return Error{errors::json_expected}.with_reason("Send a body of application/json.");
    ZEPHYR_TRY(auto body, encoding::parse_json(request.body));
    ZEPHYR_CHECK(schema.check(body));
    return body;
}

}  // namespace zephyr::http
