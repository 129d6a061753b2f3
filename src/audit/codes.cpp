#include "zephyr/audit/codes.h"

#include <unordered_map>

#include "audit/vocabulary.h"

namespace zephyr::audit {

namespace {

constexpr auto information = Severity::information;
constexpr auto warning = Severity::warning;
constexpr auto error = Severity::error;
constexpr auto auth = RetentionClass::auth;
constexpr auto admin = RetentionClass::admin;
using namespace vocabulary;

// Code, name, severity, retention class, CEF severity, how other vocabularies call it, meaning.
std::vector<CodeInfo> const table{
    {codes::auth_signed_in, "auth.signed_in", information, auth, 3, sign_in,
     "Somebody signed in; every demanded factor was proved."},
    {codes::auth_refused, "auth.sign_in_refused", warning, auth, 5, sign_in,
     "A sign-in was refused; the reason tells why, the client was told less."},
    {codes::auth_signed_out, "auth.signed_out", information, auth, 2, sign_out, "Somebody signed out."},
    {codes::auth_registered, "auth.registered", information, auth, 3, account_create,
     "Somebody made an account for themselves."},
    {codes::auth_pending, "auth.sign_in_pending", information, auth, 2, factor_check,
     "The password was right; a second factor or a new password is still owed."},
    {codes::auth_step_up, "auth.stepped_up", information, auth, 3, session_other,
     "A factor was proved again in a running session."},
    {codes::auth_step_up_refused, "auth.step_up_refused", warning, auth, 5, session_other,
     "Proving a factor again in a running session failed."},
    {codes::auth_registration_refused, "auth.registration_refused", warning, auth, 4, account_create,
     "A registration was refused."},
    {codes::auth_throttled, "auth.throttled", warning, auth, 7, sign_in,
     "Too many sign-ins were tried; further ones wait."},
    {codes::auth_notices_seen, "auth.notices_seen", information, auth, 1, account_other,
     "Somebody put away the notices about changes to their account."},
    {codes::auth_address_link_sent, "auth.address_link_sent", information, auth, 2, account_other,
     "A link was sent to an account's e-mail address, to show that it is theirs."},
    {codes::auth_address_verified, "auth.address_verified", information, auth, 3, account_other,
     "An account's e-mail address was shown to be theirs."},
    {codes::auth_address_change_asked, "auth.address_change_asked", information, auth, 3, account_other,
     "Somebody wants another e-mail address; a link was sent there and nothing changed yet."},
    {codes::auth_address_changed, "auth.address_changed", warning, auth, 5, account_other,
     "The link was followed: the account has another e-mail address, and the old one was told."},
    {codes::auth_reset_asked, "auth.password_reset_asked", information, auth, 3, account_other,
     "Somebody said that they forgot a password; without success, no mail was sent and the client was told the same."},
    {codes::auth_reset_done, "auth.password_reset", warning, auth, 5, password_reset,
     "A password was set through a mailed link; every session ended."},
    {codes::auth_link_refused, "auth.link_refused", warning, auth, 5, account_other,
     "A mailed link did nothing: used, too old, replaced, or what came with it was refused."},
    {codes::recovery_asked, "auth.recovery_asked", warning, admin, 6, factor_off,
     "An administrator asked for somebody's second factors to be removed; it takes effect after a delay or a second approval."},
    {codes::recovery_approved, "auth.recovery_approved", warning, admin, 7, factor_off,
     "A second administrator approved that somebody's second factors are removed."},
    {codes::recovery_cancelled, "auth.recovery_cancelled", information, auth, 4, factor_off,
     "A recovery came to nothing; the reason tells why."},
    {codes::recovery_done, "auth.recovery_done", warning, auth, 7, factor_off,
     "A recovery took effect: the second factors are removed, and the password is asked for as ever."},
    {codes::recovery_refused, "auth.recovery_refused", warning, auth, 5, factor_off, "A step of a recovery was refused."},
    {codes::recovery_link_asked, "auth.recovery_link_asked", information, auth, 4, factor_off,
     "Somebody whose password was right said that they lost their second factor; without success, no mail was sent."},
    {codes::recovery_begun, "auth.recovery_begun", warning, auth, 6, factor_off,
     "The wait of a recovery by mail began; any session of the person can cancel it."},

    {codes::mfa_enrolment_begun, "mfa.enrolment_begun", information, auth, 2, account_other,
     "A new second factor was shown and waits for its first code."},
    {codes::mfa_enrolled, "mfa.enrolled", information, auth, 4, factor_on,
     "A second factor was confirmed and counts from now on."},
    {codes::mfa_verified, "mfa.verified", information, auth, 2, factor_check, "A second factor was proved."},
    {codes::mfa_refused, "mfa.refused", warning, auth, 5, factor_check, "A second factor was not proved."},
    {codes::mfa_code_reused, "mfa.code_reused", warning, auth, 7, factor_check,
     "A code that had been accepted before was presented again."},
    {codes::mfa_removed, "mfa.removed", warning, auth, 6, factor_off, "A second factor was removed."},
    {codes::mfa_reset, "mfa.reset_by_operator", warning, admin, 7, factor_off,
     "All second factors of an account were removed by somebody else."},
    {codes::mfa_throttled, "mfa.throttled", warning, auth, 7, factor_check, "Too many wrong codes; further ones wait."},
    {codes::mfa_enrolment_refused, "mfa.enrolment_refused", warning, auth, 4, factor_on,
     "A new second factor was not confirmed."},
    {codes::mfa_renamed, "mfa.renamed", information, auth, 1, account_other, "A second factor was given another name."},
    {codes::mfa_code_sent, "mfa.code_sent", information, auth, 2, factor_check, "A code was sent by SMS or e-mail."},
    {codes::mfa_sending_refused, "mfa.sending_refused", warning, auth, 4, factor_check,
     "A code was not sent; the reason tells why, and the cap which limit was reached."},
    {codes::mfa_sending_capped, "mfa.sending_capped", error, auth, 8, factor_check,
     "So many codes went to one country, or in total, that no more are sent for now: somebody may be running up the bill."},
    {codes::mfa_backup_codes_made, "mfa.backup_codes_made", information, auth, 4, factor_on,
     "New backup codes were made; older ones ended with them."},
    {codes::mfa_backup_code_used, "mfa.backup_code_used", warning, auth, 4, factor_check,
     "A backup code stood in for another second factor and is used up."},
    {codes::mfa_backup_codes_low, "mfa.backup_codes_low", warning, auth, 3, account_other,
     "Few backup codes are left, or none."},
    {codes::mfa_device_trusted, "mfa.device_trusted", information, auth, 4, account_other,
     "A browser was trusted: for a while the password is enough in it."},
    {codes::mfa_device_forgotten, "mfa.device_forgotten", information, auth, 2, account_other,
     "A browser is no longer known to an account."},
    {codes::mfa_trust_ended, "mfa.trust_ended", information, auth, 3, account_other,
     "No browser of an account is trusted any more; the reason tells why."},

    {codes::message_sent, "messages.sent", information, auth, 1, account_other,
     "A message to somebody was taken by the mail server or the SMS provider."},
    {codes::message_dead, "messages.dead", warning, auth, 4, account_other,
     "A message to somebody was given up; the reason tells why."},

    {codes::password_set, "passwords.set", information, auth, 5, password_reset,
     "An account got its first password, or one from an operator."},
    {codes::password_changed, "passwords.changed", information, auth, 3, password_change,
     "Somebody changed their password."},
    {codes::password_refused_by_policy, "passwords.refused_by_policy", warning, auth, 3, password_change,
     "A new password was refused by the policy."},
    {codes::password_rehashed, "passwords.rehashed", information, auth, 1, account_other,
     "A password was hashed again with the present parameters."},
    {codes::password_must_change, "passwords.must_change", warning, auth, 4, account_other,
     "An account must change its password at the next sign-in."},
    {codes::password_throttled, "passwords.throttled", warning, auth, 7, sign_in,
     "Too many wrong passwords for one account; further ones wait."},
    {codes::password_busy, "passwords.busy", error, auth, 6, sign_in,
     "Password verification was over capacity and turned a request away."},
    {codes::password_wrong, "passwords.wrong", warning, auth, 5, sign_in, "A password was wrong."},
    {codes::password_removed, "passwords.removed", warning, auth, 6, account_other,
     "The password of an account was removed."},

    {codes::session_started, "sessions.started", information, auth, 1, session_other, "A session began."},
    {codes::session_rotated, "sessions.rotated", information, auth, 1, session_other,
     "A session got a new token; the old one is dead."},
    {codes::session_ended, "sessions.ended", information, auth, 2, sign_out, "A session was ended."},
    {codes::sessions_ended_all, "sessions.ended_all", information, auth, 4, sign_out,
     "Sessions of an account were ended together."},
    {codes::session_evicted, "sessions.evicted", warning, auth, 3, sign_out,
     "The oldest session made room for a new one."},
    {codes::session_expired, "sessions.expired", information, auth, 1, sign_out, "A session ran out."},
    {codes::session_refused, "sessions.refused", warning, auth, 4, sign_in,
     "A session was not started, because the account has too many."},

    {codes::user_created, "users.created", information, admin, 4, account_create, "An account was created."},
    {codes::user_updated, "users.updated", information, admin, 3, account_update,
     "Names or end date of an account changed."},
    {codes::user_state_changed, "users.state_changed", warning, admin, 6, account_other,
     "An account was activated, disabled, locked or set to expire."},
    {codes::user_deleted, "users.deleted", warning, admin, 6, account_delete,
     "An account was erased with all personal data."},
    {codes::user_exported, "users.exported", information, admin, 5, account_read,
     "The personal data of an account was exported."},
    {codes::user_change_refused, "users.change_refused", warning, admin, 4, account_update,
     "A change to an account was refused."},

    {codes::group_created, "groups.created", information, admin, 3, group_create, "A group was created."},
    {codes::group_renamed, "groups.renamed", information, admin, 3, group_update, "A group was given another name."},
    {codes::group_deleted, "groups.deleted", warning, admin, 5, group_delete, "A group was deleted."},
    {codes::group_member_added, "groups.member_added", information, admin, 5, group_join, "Somebody joined a group."},
    {codes::group_member_removed, "groups.member_removed", information, admin, 4, group_leave,
     "Somebody left a group."},
    {codes::group_nested, "groups.nested", information, admin, 5, group_nest, "A group was put into another."},
    {codes::group_unnested, "groups.unnested", information, admin, 4, group_unnest,
     "A group was taken out of another."},
    {codes::group_change_refused, "groups.change_refused", warning, admin, 4, group_update,
     "A change to a group was refused."},

    {codes::role_created, "rbac.role_created", information, admin, 4, role_create, "A role was created."},
    {codes::role_changed, "rbac.role_changed", warning, admin, 6, role_update,
     "Permissions, included roles or description of a role changed."},
    {codes::role_deleted, "rbac.role_deleted", warning, admin, 6, role_delete,
     "A role was deleted; nobody holds it any more."},
    {codes::role_granted, "rbac.granted", information, admin, 5, role_grant,
     "A person or group was given a role, or another end date for it."},
    {codes::role_revoked, "rbac.revoked", information, admin, 4, role_revoke,
     "A role was taken from a person or group."},
    {codes::role_change_refused, "rbac.change_refused", warning, admin, 5, role_update,
     "A change to roles or to who holds them was refused."},
    {codes::access_refused, "rbac.access_refused", warning, auth, 5, access_check, "A guard turned a request away."},

    {codes::setup_link_issued, "setup.link_issued", information, admin, 5, setting_create,
     "A one-time link for the first set-up was printed."},
    {codes::setup_admin_created, "setup.admin_created", warning, admin, 7, account_create,
     "The first administrator was created."},
    {codes::setup_link_refused, "setup.link_refused", warning, admin, 6, account_create,
     "A set-up link was used up, out of date or wrong."},

    {codes::key_created, "keys.created", information, admin, 5, sealing_key_create, "A master key was created."},
    {codes::key_rotated, "keys.rotated", warning, admin, 5, sealing_key_use, "Another master key seals from now on."},
    {codes::key_resealed, "keys.resealed", information, admin, 3, sealing_key_update,
     "Stored secrets were sealed again under the active key."},

    {codes::signing_key_created, "tokens.key_created", information, admin, 4, signing_key_create,
     "A key that will sign tokens was created and published."},
    {codes::signing_key_activated, "tokens.key_activated", information, admin, 4, signing_key_use,
     "A key signs tokens from now on."},
    {codes::signing_key_retired, "tokens.key_retired", information, admin, 3, signing_key_retire,
     "A key signs no more; what it signed is accepted until it ends."},
    {codes::signing_key_revoked, "tokens.key_revoked", warning, admin, 7, signing_key_stop,
     "A signing key was revoked; nothing it signed is accepted any more."},
    {codes::refresh_reuse_detected, "tokens.reuse_detected", warning, auth, 8, token_renew,
     "A refresh token was used again long after it was replaced; its session ended."},
    {codes::refresh_rotated, "tokens.refreshed", information, auth, 1, token_renew,
     "A refresh token was used and replaced by the next one."},

    {codes::forward_ticket_issued, "forward.ticket_issued", information, auth, 2, ticket,
     "A one-time ticket was made that carries a sign-in to a protected host."},
    {codes::forward_signed_in, "forward.signed_in", information, auth, 3, sign_in,
     "Somebody signed in at a protected host with such a ticket."},
    {codes::forward_refused, "forward.refused", warning, auth, 4, ticket,
     "A request to a protected host, or a ticket brought there, was refused."},

    {codes::audit_read, "audit.read", information, admin, 3, log_read, "Somebody read events of the audit log."},
    {codes::audit_exported, "audit.exported", information, admin, 5, log_export,
     "Events of the audit log were exported."},
    {codes::audit_hold_placed, "audit.hold_placed", warning, admin, 5, hold_create,
     "A legal hold was placed: nothing it covers may be erased or deleted."},
    {codes::audit_hold_released, "audit.hold_released", warning, admin, 6, hold_end, "A legal hold was released."},
    {codes::audit_segments_deleted, "audit.segments_deleted", warning, admin, 5, log_delete,
     "Events whose time is over were deleted; their hashes stay."},
    {codes::audit_key_changed, "audit.key_changed", warning, admin, 6, log_update,
     "The log is signed with another key from here on."},
    {codes::audit_gap, "audit.gap", error, admin, 9, log_stopped,
     "Events could not be recorded, and the operator had chosen to go on; how many, and when."},
    {codes::audit_clock_stepped, "audit.clock_stepped", warning, admin, 6, server_other,
     "The clock of this node jumped."},
    {codes::audit_recovered, "audit.recovered", warning, admin, 7, log_other,
     "After a crash, unfinished bytes behind the last durable event were cut off."},
    {codes::audit_epoch_begun, "audit.epoch_begun", warning, admin, 8, log_create,
     "A new log began, because the one before was lost or restored from a backup."},
    {codes::audit_subject_erased, "audit.subject_erased", warning, admin, 6, log_delete,
     "The key to a person's fields in this log was destroyed."},
    {codes::audit_interrupted, "audit.interrupted", error, admin, 9, log_stopped,
     "The log could not be written for a while; what happened meanwhile follows."},
    {codes::audit_rows_adopted, "audit.rows_adopted", warning, admin, 6, log_update,
     "This node took over events that a dead node had not written to its log."},
    {codes::audit_too_large, "audit.too_large", error, admin, 6, log_other,
     "An event had more bytes than the log takes; this stands for it."},
    {codes::audit_witness_refused, "audit.witness_refused", error, admin, 10, log_other,
     "A witness refused to sign: it has seen another history of this log."},

    {codes::server_started, "server.started", information, admin, 3, server_start, "The server started."},
    {codes::server_stopped, "server.stopped", information, admin, 3, server_stop,
     "The server stopped in an orderly way."},
    {codes::setting_changed, "server.setting_changed", warning, admin, 5, setting_update,
     "A setting differs from the one at the last start."},
    {codes::schema_migrated, "server.schema_migrated", information, admin, 3, setting_update,
     "The database schema was brought up to date."},

    {codes::break_glass_used, "cli.break_glass", warning, admin, 9, break_glass,
     "An operator used a command that goes past the ordinary checks."},
};

}  // namespace

std::vector<CodeInfo> const& all_codes() { return table; }

CodeInfo const* find_code(std::string_view code) {
    static auto const index = [] {
        std::unordered_map<std::string_view, CodeInfo const*> out;
        for (auto const& info : table) out.emplace(info.code, &info);
        return out;
    }();
    auto const found = index.find(code);
    return found == index.end() ? nullptr : found->second;
}

std::string_view severity_name(Severity severity) {
    switch (severity) {
        case Severity::information: return "information";
        case Severity::warning: return "warning";
        case Severity::error: return "error";
    }
    return "error";
}

std::string_view retention_name(RetentionClass retention) {
    switch (retention) {
        case RetentionClass::auth: return "auth";
        case RetentionClass::admin: return "admin";
        case RetentionClass::phi: return "phi";
        case RetentionClass::http: return "http";
    }
    return "admin";
}

std::string_view object_name(ObjectKind object) {
    switch (object) {
        case ObjectKind::account: return "account";
        case ObjectKind::group: return "group";
        case ObjectKind::role: return "role";
        case ObjectKind::session: return "session";
        case ObjectKind::sealing_key: return "sealing key";
        case ObjectKind::signing_key: return "signing key";
        case ObjectKind::audit_log: return "audit log";
        case ObjectKind::legal_hold: return "legal hold";
        case ObjectKind::settings: return "settings";
        case ObjectKind::server: return "server";
    }
    return "server";
}

std::string audit_events_reference() {
    std::string out =
        "# Audit events\n"
        "\n"
        "Every event has one of these codes: Z, an area, two digits, and I (information), W (warning) or E (error).\n"
        "Codes and names are stable: they are never reused and never change their meaning.\n"
        "\n"
        "This page is written from the table in `src/audit/codes.cpp`; to change it, change the table and run the tests\n"
        "of room audit with `ZEPHYR_UPDATE=1`.\n"
        "\n"
        "Exports name the event in other vocabularies: OCSF 1.9 as `class_uid / activity_id`, FHIR AuditEvent as DICOM type / subtype and\n"
        "action, CEF by a severity from 0 to 10.\n"
        "\n"
        "| Code | Name | Severity | Class | OCSF | FHIR | CEF | Meaning |\n"
        "|---|---|---|---|---|---|---|---|\n";
    for (auto const& info : table) {
        out.append("| `").append(info.code).append("` | `").append(info.name).append("` | ");
        out.append(severity_name(info.severity)).append(" | ").append(retention_name(info.retention)).append(" | ");
        auto const& as = info.as;
        out.append(std::to_string(as.ocsf_class)).append(" / ").append(std::to_string(as.ocsf_activity)).append(" | ");
        out.append(std::to_string(as.dicom_type));
        if (as.dicom_subtype != 0) out.append(" / ").append(std::to_string(as.dicom_subtype));
        out.append(" ").append(1, as.fhir_action).append(" | ").append(std::to_string(info.cef_severity)).append(" | ");
        out.append(info.meaning).append(" |\n");
    }
    return out;
}

}  // namespace zephyr::audit
