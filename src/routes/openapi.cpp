#include "routes/openapi.h"

#include <algorithm>
#include <map>
#include <set>

#include "zephyr/audit/trail.h"
#include "zephyr/foundation/text.h"
#include "zephyr/http/bearer.h"
#include "zephyr/http/csrf_tokens.h"
#include "zephyr/middleware/admission.h"
#include "zephyr/middleware/rate_limit.h"
#include "zephyr/rbac/role.h"
#include "zephyr/routes/routes.h"
#include "zephyr/sessions/session_service.h"
#include "zephyr/signin/errors.h"
#include "zephyr/tokens/token_service.h"

namespace zephyr::routes {

using encoding::Json;
using http::BodySchema;
using http::Demand;
using http::Field;
using http::RouteInfo;

namespace {

using Type = Field::Type;

// --- Bodies as JSON Schema 2020-12, which OpenAPI 3.1 uses.

Json object_schema(std::vector<Field> const& fields);

Json text_schema(Field const& field) {
    auto schema = Json::object({{"type", "string"}});
    if (field.type == Type::time) schema.set("format", "date-time");
    if (field.type == Type::secret) schema.set("format", "password");
    if (field.one_of.empty() && field.type != Type::time) schema.set("maxLength", static_cast<std::int64_t>(field.longest));
    if (!field.one_of.empty()) schema.set("enum", Json::strings(field.one_of));
    return schema;
}

Json list_schema(Field const& field, Json items) {
    return Json::object({{"type", "array"}, {"items", std::move(items)}, {"maxItems", static_cast<std::int64_t>(field.most_items)}});
}

Json value_schema(Field const& field) {
    switch (field.type) {
        case Type::text:
        case Type::secret:
        case Type::time: return text_schema(field);
        case Type::flag: return Json::object({{"type", "boolean"}});
        case Type::integer: {
            auto schema = Json::object({{"type", "integer"}});
            if (field.least != std::numeric_limits<std::int64_t>::min()) schema.set("minimum", field.least);
            if (field.most != std::numeric_limits<std::int64_t>::max()) schema.set("maximum", field.most);
            return schema;
        }
        case Type::list: return list_schema(field, text_schema(field));
        case Type::objects: return list_schema(field, object_schema(field.fields));
        case Type::object: return object_schema(field.fields);
    }
    return Json::object();
}

// What is not needed may be null as well (BodySchema).
Json nullable(Json schema) {
    auto const type = schema.string_at("type").value_or("");
    schema.set("type", Json::strings({type, "null"}));
    if (auto const* allowed = schema.find("enum")) {
        auto with_null = *allowed;
        schema.set("enum", std::move(with_null.push(nullptr)));
    }
    return schema;
}

Json object_schema(std::vector<Field> const& fields) {
    auto properties = Json::object();
    std::vector<std::string> required;
    for (auto const& field : fields) {
        auto schema = value_schema(field);
        if (field.required)
            required.push_back(field.name);
        else
            schema = nullable(std::move(schema));
        if (!field.description.empty()) schema.set("description", field.description);
        properties.set(field.name, std::move(schema));
    }
    auto schema = Json::object({{"type", "object"}, {"properties", std::move(properties)}});
    if (!required.empty()) schema.set("required", Json::strings(required));
    return schema;
}

Json request_body(BodySchema const& body) {
    auto const content = Json::object({{"schema", object_schema(body.fields)}, {"example", body.example()}});
    return Json::object({{"required", !body.optional}, {"content", Json::object({{"application/json", content}})}});
}

// --- What a demand can answer.

struct Asked {
    bool anybody = false;  // open
    bool session = false;  // somebody must be there
    bool whole = false;    // … who has proved every factor
    bool factor = false;   // a second factor, or one proved lately
    bool holding = false;  // a role or a permission
    bool rule = false;     // something of our own
};

void look_at(Demand const& demand, Asked& asked) {
    using What = Demand::What;
    switch (demand.what) {
        case What::all:
        case What::any: break;
        case What::open: asked.anybody = true; break;
        case What::session: asked.session = true; break;
        case What::login: asked.session = asked.whole = true; break;
        case What::mfa:
        case What::factor: asked.session = asked.factor = true; break;
        case What::role:
        case What::permission: asked.session = asked.holding = true; break;
        case What::custom: asked.rule = true; break;
    }
    for (auto const& child : demand.children) look_at(child, asked);
}

using Refusals = std::map<int, std::vector<std::string>>;  // ids by status

void add(Refusals& refusals, std::initializer_list<Failure> failures) {
    for (auto const& failure : failures) {
        auto& ids = refusals[http::status_of(failure.kind)];
        if (std::find(ids.begin(), ids.end(), failure.id) == ids.end()) ids.emplace_back(failure.id);
    }
}

void add_guard_refusals(Refusals& refusals, Asked const& asked) {
    if (asked.session || asked.rule) {
        add(refusals, {sessions::errors::none, sessions::errors::expired, tokens::errors::access_refused,
                       tokens::errors::access_expired, http::errors::bearer_malformed});
    }
    if (asked.whole) add(refusals, {signin::errors::mfa_required, signin::errors::change_required});
    if (asked.factor) add(refusals, {signin::errors::mfa_required, signin::errors::step_up_required});
    if (asked.holding || asked.rule) add(refusals, {rbac::errors::denied});
}

bool changes_state(RouteInfo const& route) {
    return route.method != "GET" && route.method != "HEAD";
}

Refusals refusals_of(RouteInfo const& route, Asked const& asked) {
    Refusals refusals;
    if (route.body) {
        add(refusals,
            {http::errors::json_expected, http::errors::field_missing, http::errors::field_invalid, encoding::errors::json_malformed,
             encoding::errors::json_too_large, encoding::errors::json_too_deep, encoding::errors::json_duplicate_member});
    }
    add_guard_refusals(refusals, asked);
    if (changes_state(route) && route.csrf_exempt_reason.empty()) {
        add(refusals, {http::errors::csrf_cross_site, http::errors::csrf_origin_missing, http::errors::csrf_token_missing,
                       http::errors::csrf_token_wrong});
    }
    for (auto const& failure : route.refusals) add(refusals, {failure});
    add(refusals, {middleware::errors::rate_limited});
    if (route.rate_class == "sign-in" || route.rate_class == "register") add(refusals, {middleware::errors::too_busy});
    if (!route.run_inline) add(refusals, {http::errors::storage_unavailable, audit::errors::audit_unavailable});
    return refusals;
}

Json header(std::string_view description) {
    return Json::object({{"description", description}, {"schema", Json::object({{"type", "string"}})}});
}

Json refusal(int status, std::vector<std::string> const& ids) {
    auto const schema = Json::object(
        {{"allOf",
          Json::array({Json::object({{"$ref", "#/components/schemas/Problem"}}),
                       Json::object({{"properties", Json::object({{"id", Json::object({{"enum", Json::strings(ids)}})}})}})})}});
    auto response = Json::object({{"description", join(ids, ", ")},
                                  {"content", Json::object({{"application/problem+json", Json::object({{"schema", schema}})}})}});
    if (status == 401) response.set("headers", Json::object({{"WWW-Authenticate", header("A challenge (RFC 6750, RFC 9470).")}}));
    if (status == 429 || status == 503) response.set("headers", Json::object({{"Retry-After", header("Seconds to wait.")}}));
    return response;
}

Json success_response(http::Answer const& answer) {
    auto response = Json::object({{"description", answer.description}});
    if (answer.content_type.empty()) return response;
    bool const json = answer.content_type.ends_with("json");
    auto schema = json ? object_schema(answer.fields) : Json::object({{"type", "string"}});
    response.set("content", Json::object({{answer.content_type, Json::object({{"schema", std::move(schema)}})}}));
    return response;
}

Json responses_of(RouteInfo const& route, Asked const& asked) {
    std::map<std::string, Json> by_status;  // in order
    for (auto const& [status, ids] : refusals_of(route, asked)) by_status[std::to_string(status)] = refusal(status, ids);
    // An answer with the status of a refusal (/readyz) is told beside it.
    for (auto const& answer : route.answers) {
        auto const status = std::to_string(answer.status);
        auto told = success_response(answer);
        if (auto const there = by_status.find(status); there != by_status.end()) {
            auto content = *told.find("content");
            for (auto const& [type, media] : *there->second.find("content")->members()) content.set(type, media);
            told.set("content", std::move(content));
            told.set("description", answer.description + " Or: " + there->second.string_at("description").value_or(""));
        }
        by_status[status] = std::move(told);
    }
    auto responses = Json::object();
    for (auto& [status, response] : by_status) responses.set(status, std::move(response));
    responses.set("default", Json::object({{"$ref", "#/components/responses/Problem"}}));
    return responses;
}

// --- The routes.

std::vector<std::string> parameters_of(std::string const& pattern) {
    std::vector<std::string> names;
    for (auto at = pattern.find('{'); at != std::string::npos; at = pattern.find('{', at + 1))
        names.push_back(pattern.substr(at + 1, pattern.find('}', at) - at - 1));
    return names;
}

// "src/routes/mfa_routes.cpp" -> "mfa"
std::string tag_of(RouteInfo const& route) {
    auto const file = route.source.substr(route.source.rfind('/') + 1);
    return file.substr(0, std::min(file.find('_'), file.find('.')));
}

// "POST /auth/mfa/totp/verify" -> "post_auth_mfa_totp_verify"
std::string operation_id(RouteInfo const& route) {
    std::string id = ascii_lower(route.method);
    bool word = false;
    for (char const c : route.pattern) {
        bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter && !word) id += '_';
        if (letter) id += c;
        word = letter;
    }
    return id;
}

Json security_of(Asked const& asked) {
    if (asked.anybody) return Json::array();
    return Json::array({Json::object({{"session", Json::array()}}), Json::object({{"bearer", Json::array()}})});
}

Json operation_of(RouteInfo const& route) {
    Asked asked;
    look_at(route.demand, asked);
    auto operation =
        Json::object({{"operationId", operation_id(route)}, {"tags", Json::strings({tag_of(route)})}, {"summary", route.summary}});
    if (!route.description.empty()) operation.set("description", route.description);
    operation.set("security", security_of(asked));
    auto parameters = Json::array();
    for (auto const& name : parameters_of(route.pattern)) {
        parameters.push(
            Json::object({{"name", name}, {"in", "path"}, {"required", true}, {"schema", Json::object({{"type", "string"}})}}));
    }
    if (!parameters.items()->empty()) operation.set("parameters", std::move(parameters));
    if (route.body) operation.set("requestBody", request_body(*route.body));
    operation.set("responses", responses_of(route, asked));
    operation.set("x-zephyr-demands", route.guard);
    return operation;
}

Json problem_schema() {
    return object_schema(
        {{.name = "type", .required = true, .description = "about:blank: the id says what it is."},
         {.name = "title", .required = true, .description = "The words of the status."},
         {.name = "status", .type = Type::integer, .required = true, .least = 400, .most = 599},
         {.name = "id", .required = true, .description = "Stable; programs decide by it. docs/reference/errors.md lists all."},
         {.name = "detail", .description = "For the person who caused it."},
         {.name = "request_id", .description = "Under which the log has it."}});
}

Json components(OpenApiFacts const& facts) {
    auto const problem = Json::object(
        {{"description", "Any other refusal."},
         {"content", Json::object({{"application/problem+json",
                                    Json::object({{"schema", Json::object({{"$ref", "#/components/schemas/Problem"}})}})}})}});
    auto const session = Json::object({{"type", "apiKey"},
                                       {"in", "cookie"},
                                       {"name", facts.session_cookie},
                                       {"description",
                                        "Set by POST /auth/login. A request that changes something then needs an Origin of ours, or a "
                                        "body of application/json and no Origin at all."}});
    auto const bearer = Json::object({{"type", "http"},
                                      {"scheme", "bearer"},
                                      {"description",
                                       "An access token of POST /auth/token; alone it decides, a cookie beside it is not looked at. "
                                       "GET /metrics takes the operator's token in its place."}});
    return Json::object({{"schemas", Json::object({{"Problem", problem_schema()}})},
                         {"responses", Json::object({{"Problem", problem}})},
                         {"securitySchemes", Json::object({{"session", session}, {"bearer", bearer}})}});
}

}  // namespace

Json openapi_document(std::vector<RouteInfo> const& table, OpenApiFacts const& facts) {
    std::map<std::string, Json> paths;
    std::set<std::string> tags;
    for (auto const& route : table) {
        if (route.summary.empty()) continue;
        paths[route.pattern].set(ascii_lower(route.method), operation_of(route));
        tags.insert(tag_of(route));
    }
    auto all_paths = Json::object();
    for (auto& [pattern, operations] : paths) all_paths.set(pattern, std::move(operations));
    auto tag_list = Json::array();
    for (auto const& tag : tags) tag_list.push(Json::object({{"name", tag}}));
    auto const info = Json::object({{"title", "Zephyr"},
                                    {"version", ZEPHYR_VERSION},
                                    {"description",
                                     "The routes for programs. Members of a body that are not named here are ignored. "
                                     "The pages for people are not part of this."}});
    return Json::object({{"openapi", "3.1.0"},
                         {"info", info},
                         {"servers", Json::array({Json::object({{"url", facts.public_url}})})},
                         {"tags", std::move(tag_list)},
                         {"paths", std::move(all_paths)},
                         {"components", components(facts)}});
}

void mount_openapi_route(http::App& app, Web const& web, std::string const& public_url) {
    // Filled when the table is whole, this route included.
    auto const document = std::make_shared<std::string>();
    app.get("/openapi.json", http::open_to_all("says how to talk to this server; the source code tells the same"),
            [document](http::Request const&) {
                auto response = http::Response::text(200, *document);
                response.headers.set("Content-Type", "application/json");
                return response;
            },
            {.run_inline = true,
             .summary = "This document",
             .answers = {{.description = "OpenAPI 3.1.",
                          .fields = {{.name = "openapi", .required = true},
                                     {.name = "info", .type = Type::object, .required = true},
                                     {.name = "servers", .type = Type::objects, .required = true},
                                     {.name = "tags", .type = Type::objects, .required = true},
                                     {.name = "paths", .type = Type::object, .required = true},
                                     {.name = "components", .type = Type::object, .required = true}}}}});
    *document = openapi_document(app.table(), {.public_url = public_url, .session_cookie = web.settings().session_cookie}).dump();
}

}  // namespace zephyr::routes
