// What a visitor does: steps to get ready once, and steps that are repeated and measured. Flows are scripted here, in C++.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zbench/http.h"

namespace zbench {

struct Visitor {
    std::size_t number = 0;
    CookieJar cookies;
    std::string access_token;
    std::string refresh_token;
    bool ready = false;  // the steps of `setup` are done
};

struct Step {
    std::string name;
    std::function<Outgoing(Visitor&)> request;
    int status = 200;          // any other is an error
    std::string expect = {};   // the body must hold this
    // Takes from the answer what later steps need; false: it is not there, an error.
    std::function<bool(Visitor&, Incoming const&)> learn = {};
};

struct Flow {
    std::vector<Step> setup;  // once for each visitor, and again after an error
    std::vector<Step> steps;
};

struct FlowOptions {
    std::string path = "/";  // of the URL: what `get` asks for
    std::string host = "localhost";  // of the URL, perhaps with a port: what `forward-auth` says it was asked for
    std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
    std::string user_prefix = "u";
    std::size_t users = 100;
    std::string password = "correct horse battery staple";
    int status = 200;     // `get` alone
    std::string expect;   // `get` alone
};

struct FlowName {
    std::string_view name;
    std::string_view help;
};
std::vector<FlowName> flow_names();
std::optional<Flow> make_flow(std::string_view name, FlowOptions const& options);

}  // namespace zbench
