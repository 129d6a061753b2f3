// The witnesses of the settings, while a server runs.
#pragma once

#include <memory>

#include "zephyr/audit/witnesses.h"
#include "zephyr/stack.h"

namespace zephyr::server {

class Witnesses {
public:
    // Null without witnesses in the settings, or without a log. Fails with audit.witness_malformed and a reason.
    static Result<std::unique_ptr<Witnesses>> begin(Stack& stack);
    // At the end of a server: signs what is there, and gives witnesses their deadline to sign it too.
    void finish();

private:
    Witnesses(Stack& stack, std::unique_ptr<ports::HttpClient> http, audit::WitnessSettings settings);
    Stack& stack_;
    std::unique_ptr<ports::HttpClient> http_;
    audit::WitnessSettings settings_;
    std::shared_ptr<audit::WitnessClients> clients_;
};

}  // namespace zephyr::server
