// What the audit log hears of a message: never its words, never where it went.
#pragma once

#include <string_view>

#include "messages/message_table.h"
#include "zephyr/audit/audit_log.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::messages {

namespace reasons {
inline constexpr std::string_view too_late = "too_late";    // its time was over before anybody took it
inline constexpr std::string_view refused = "refused";      // the other side will never take it
inline constexpr std::string_view uncertain = "uncertain";  // it may have been taken, and a second one must not be
}  // namespace reasons

std::string_view name_of(ports::SendOutcome::What what);
void record_sent(storage::Transaction& tx, audit::AuditLog& audit, message_table::Row const& row, std::string_view provider,
                 std::string_view reference);
void record_death(storage::Transaction& tx, audit::AuditLog& audit, message_table::Row const& row, std::string_view provider,
                  std::string_view reason);

}  // namespace zephyr::messages
