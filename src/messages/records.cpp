#include "messages/records.h"

#include <algorithm>

#include "zephyr/audit/codes.h"

namespace zephyr::messages {

std::string_view name_of(ports::SendOutcome::What what) {
    switch (what) {
        case ports::SendOutcome::What::accepted: return "accepted";
        case ports::SendOutcome::What::later: return "later";
        case ports::SendOutcome::What::never: return "never";
        case ports::SendOutcome::What::uncertain: return "uncertain";
    }
    return "uncertain";
}

namespace {

audit::Event event(std::string_view code, message_table::Row const& row, std::string_view provider) {
    audit::Event out{.code = code, .actor = audit::Actor::system(), .subject = row.user};
    out.details = {{"channel", std::string{to_string(row.channel)}}, {"what", row.what}, {"tries", std::to_string(row.attempts)}};
    if (!provider.empty()) out.details.emplace_back("provider", provider);
    return out;
}

// An id as providers make them. An answer that says more might say to whom.
bool is_reference(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    });
}

}  // namespace

void record_sent(storage::Transaction& tx, audit::AuditLog& audit, message_table::Row const& row, std::string_view provider,
                 std::string_view reference) {
    auto sent = event(audit::codes::message_sent, row, provider);
    if (is_reference(reference)) sent.details.emplace_back("reference", reference);
    audit.append(tx, sent);
}

void record_death(storage::Transaction& tx, audit::AuditLog& audit, message_table::Row const& row, std::string_view provider,
                  std::string_view reason) {
    auto dead = event(audit::codes::message_dead, row, provider);
    dead.outcome = audit::Outcome::failure;
    dead.reason = std::string{reason};
    audit.append(tx, dead);
}

}  // namespace zephyr::messages
