// The pieces of `zephyr audit`, one file each.
#pragma once

#include "cli/command.h"

namespace zephyr::cli {

void add_audit_verify_commands(CLI::App& audit, Context&);  // verify, verify-proof: need the files alone
void add_audit_export_commands(CLI::App& audit, Context&);  // export, tail
void add_audit_hold_commands(CLI::App& audit, Context&);    // hold add, release, list
void add_audit_key_commands(CLI::App& audit, Context&);     // key show, rotate
void add_audit_adopt_command(CLI::App& audit, Context&);
void add_audit_epoch_command(CLI::App& audit, Context&);    // begin-epoch

// By id, username or e-mail; somebody who was erased, by the id they had or by their pseudonym in the log.
Result<UserId> find_person(Stack& stack, std::string const& who);
// Records that an operator read, once a command, as reading over HTTP is. Ids of people go into `subject`, never into `details`.
void record_reading(Stack& stack, std::vector<std::pair<std::string, std::string>> details, std::optional<UserId> const& subject = std::nullopt);
// For an option or argument that narrows something down: an empty one (from an unset variable, say) would mean everything.
std::string refuse_empty(std::string const& text);

}  // namespace zephyr::cli
