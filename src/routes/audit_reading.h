// What the audit routes and pages have in common: filters, sealed cursors, and the record of who read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zephyr/audit/audit_log.h"
#include "zephyr/audit/codes.h"
#include "zephyr/crypto/keyring.h"
#include "zephyr/http/principal.h"
#include "zephyr/http/request.h"

namespace zephyr::routes {

namespace errors {
// A cursor that was made for another filter or another person, or made up.
inline constexpr Failure cursor_wrong{Kind::invalid, "audit.cursor_wrong"};
// A filter's value that can't be read. The reason names it.
inline constexpr Failure filter_invalid{Kind::invalid, "audit.filter_invalid"};
}  // namespace errors

// As it stands in the query of a request; empty: any.
struct AuditFilter {
    std::string code;     // a code, or an event's name
    std::string subject;  // ids of people
    std::string actor;
    std::string outcome;  // success, failure, denied; refused: either of the last two
    std::string from;     // RFC 3339, or a day: from its beginning
    std::string until;    // RFC 3339, or a day: to its end

    bool empty() const { return (code + subject + actor + outcome + from + until).empty(); }
    // Fails with filter_invalid.
    Result<audit::Query> query() const;
    // The fields that say something, with their names.
    std::vector<std::pair<std::string, std::string>> fields() const;
};

// `subject` is the name of the query's field about people: "subject" for programs, "user" for pages.
AuditFilter audit_filter(http::Request const& request, std::string_view subject = "subject");

// 32 hex digits: who an erased person is in the log.
bool is_pseudonym(std::string_view text);
// Something personal was sealed into the event, and can't be opened any more.
bool is_erased(audit::StoredEvent const& event);

// A place in a listing, sealed, and bound to the filter and to who asked: it opens for nobody else and nothing else.
std::string seal_cursor(crypto::Sealer const& sealer, AuditFilter const& filter, UserId const& reader, std::int64_t before_sequence);
// Fails with cursor_wrong.
Result<std::int64_t> open_cursor(crypto::Sealer const& sealer, AuditFilter const& filter, UserId const& reader, std::string_view cursor);

// Records that somebody read. `what` says more: {"event", id}, {"records", "100"}.
void record_reading(audit::AuditLog& log, http::Request const& request, http::Principal const& who, AuditFilter const& filter,
                    std::vector<std::pair<std::string, std::string>> what, std::string_view code = audit::codes::audit_read);

}  // namespace zephyr::routes
