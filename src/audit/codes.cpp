#include "zephyr/audit/codes.h"

#include <unordered_map>

namespace zephyr::audit {

namespace {

constexpr auto information = Severity::information;
constexpr auto warning = Severity::warning;
constexpr auto error = Severity::error;
constexpr auto auth = RetentionClass::auth;
constexpr auto admin = RetentionClass::admin;

std::vector<CodeInfo> const table{
    {codes::auth_signed_in, "auth.signed_in", "Somebody signed in; every demanded factor was proved.", information, auth},
    {codes::auth_refused, "auth.sign_in_refused", "A sign-in was refused; the reason tells why, the client was told less.", warning, auth},
    {codes::auth_signed_out, "auth.signed_out", "Somebody signed out.", information, auth},
    {codes::auth_registered, "auth.registered", "Somebody made an account for themselves.", information, auth},
    {codes::auth_pending, "auth.sign_in_pending", "The password was right; a second factor or a new password is still owed.", information, auth},
    {codes::auth_step_up, "auth.stepped_up", "A factor was proved again in a running session.", information, auth},
    {codes::auth_step_up_refused, "auth.step_up_refused", "Proving a factor again in a running session failed.", warning, auth},
    {codes::auth_registration_refused, "auth.registration_refused", "A registration was refused.", warning, auth},
    {codes::auth_throttled, "auth.throttled", "Too many sign-ins were tried; further ones wait.", warning, auth},

    {codes::mfa_enrolment_begun, "mfa.enrolment_begun", "A new second factor was shown and waits for its first code.", information, auth},
    {codes::mfa_enrolled, "mfa.enrolled", "A second factor was confirmed and counts from now on.", information, auth},
    {codes::mfa_verified, "mfa.verified", "A second factor was proved.", information, auth},
    {codes::mfa_refused, "mfa.refused", "A second factor was not proved.", warning, auth},
    {codes::mfa_code_reused, "mfa.code_reused", "A code that had been accepted before was presented again.", warning, auth},
    {codes::mfa_removed, "mfa.removed", "A second factor was removed.", warning, auth},
    {codes::mfa_reset, "mfa.reset_by_operator", "All second factors of an account were removed by somebody else.", warning, admin},
    {codes::mfa_throttled, "mfa.throttled", "Too many wrong codes; further ones wait.", warning, auth},
    {codes::mfa_enrolment_refused, "mfa.enrolment_refused", "A new second factor was not confirmed.", warning, auth},
    {codes::mfa_renamed, "mfa.renamed", "A second factor was given another name.", information, auth},

    {codes::password_set, "passwords.set", "An account got its first password, or one from an operator.", information, auth},
    {codes::password_changed, "passwords.changed", "Somebody changed their password.", information, auth},
    {codes::password_refused_by_policy, "passwords.refused_by_policy", "A new password was refused by the policy.", warning, auth},
    {codes::password_rehashed, "passwords.rehashed", "A password was hashed again with the present parameters.", information, auth},
    {codes::password_must_change, "passwords.must_change", "An account must change its password at the next sign-in.", warning, auth},
    {codes::password_throttled, "passwords.throttled", "Too many wrong passwords for one account; further ones wait.", warning, auth},
    {codes::password_busy, "passwords.busy", "Password verification was over capacity and turned a request away.", error, auth},
    {codes::password_wrong, "passwords.wrong", "A password was wrong.", warning, auth},
    {codes::password_removed, "passwords.removed", "The password of an account was removed.", warning, auth},

    {codes::session_started, "sessions.started", "A session began.", information, auth},
    {codes::session_rotated, "sessions.rotated", "A session got a new token; the old one is dead.", information, auth},
    {codes::session_ended, "sessions.ended", "A session was ended.", information, auth},
    {codes::sessions_ended_all, "sessions.ended_all", "Sessions of an account were ended together.", information, auth},
    {codes::session_evicted, "sessions.evicted", "The oldest session made room for a new one.", warning, auth},
    {codes::session_expired, "sessions.expired", "A session ran out.", information, auth},
    {codes::session_refused, "sessions.refused", "A session was not started, because the account has too many.", warning, auth},

    {codes::user_created, "users.created", "An account was created.", information, admin},
    {codes::user_updated, "users.updated", "Names or end date of an account changed.", information, admin},
    {codes::user_state_changed, "users.state_changed", "An account was activated, disabled, locked or set to expire.", warning, admin},
    {codes::user_deleted, "users.deleted", "An account was erased with all personal data.", warning, admin},
    {codes::user_exported, "users.exported", "The personal data of an account was exported.", information, admin},
    {codes::user_change_refused, "users.change_refused", "A change to an account was refused.", warning, admin},

    {codes::group_created, "groups.created", "A group was created.", information, admin},
    {codes::group_renamed, "groups.renamed", "A group was given another name.", information, admin},
    {codes::group_deleted, "groups.deleted", "A group was deleted.", warning, admin},
    {codes::group_member_added, "groups.member_added", "Somebody joined a group.", information, admin},
    {codes::group_member_removed, "groups.member_removed", "Somebody left a group.", information, admin},
    {codes::group_nested, "groups.nested", "A group was put into another.", information, admin},
    {codes::group_unnested, "groups.unnested", "A group was taken out of another.", information, admin},
    {codes::group_change_refused, "groups.change_refused", "A change to a group was refused.", warning, admin},

    {codes::role_created, "rbac.role_created", "A role was created.", information, admin},
    {codes::role_changed, "rbac.role_changed", "Permissions, included roles or description of a role changed.", warning, admin},
    {codes::role_deleted, "rbac.role_deleted", "A role was deleted; nobody holds it any more.", warning, admin},
    {codes::role_granted, "rbac.granted", "A person or group was given a role, or another end date for it.", information, admin},
    {codes::role_revoked, "rbac.revoked", "A role was taken from a person or group.", information, admin},
    {codes::role_change_refused, "rbac.change_refused", "A change to roles or to who holds them was refused.", warning, admin},
    {codes::access_refused, "rbac.access_refused", "A guard turned a request away.", warning, auth},

    {codes::setup_link_issued, "setup.link_issued", "A one-time link for the first set-up was printed.", information, admin},
    {codes::setup_admin_created, "setup.admin_created", "The first administrator was created.", warning, admin},
    {codes::setup_link_refused, "setup.link_refused", "A set-up link was used up, out of date or wrong.", warning, admin},

    {codes::key_created, "keys.created", "A master key was created.", information, admin},
    {codes::key_rotated, "keys.rotated", "Another master key seals from now on.", warning, admin},
    {codes::key_resealed, "keys.resealed", "Stored secrets were sealed again under the active key.", information, admin},

    {codes::signing_key_created, "tokens.key_created", "A key that will sign tokens was created and published.", information, admin},
    {codes::signing_key_activated, "tokens.key_activated", "A key signs tokens from now on.", information, admin},
    {codes::signing_key_retired, "tokens.key_retired", "A key signs no more; what it signed is accepted until it ends.", information, admin},
    {codes::signing_key_revoked, "tokens.key_revoked", "A signing key was revoked; nothing it signed is accepted any more.", warning, admin},
    {codes::refresh_reuse_detected, "tokens.reuse_detected", "A refresh token was used again long after it was replaced; its session ended.", warning, auth},

    {codes::forward_ticket_issued, "forward.ticket_issued", "A one-time ticket was made that carries a sign-in to a protected host.", information, auth},
    {codes::forward_signed_in, "forward.signed_in", "Somebody signed in at a protected host with such a ticket.", information, auth},
    {codes::forward_refused, "forward.refused", "A request to a protected host, or a ticket brought there, was refused.", warning, auth},

    {codes::server_started, "server.started", "The server started.", information, admin},
    {codes::server_stopped, "server.stopped", "The server stopped in an orderly way.", information, admin},
    {codes::setting_changed, "server.setting_changed", "A setting differs from the one at the last start.", warning, admin},
    {codes::schema_migrated, "server.schema_migrated", "The database schema was brought up to date.", information, admin},

    {codes::break_glass_used, "cli.break_glass", "An operator used a command that goes past the ordinary checks.", warning, admin},
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
    }
    return "admin";
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
        "| Code | Name | Severity | Class | Meaning |\n"
        "|---|---|---|---|---|\n";
    for (auto const& info : table) {
        out.append("| `").append(info.code).append("` | `").append(info.name).append("` | ");
        out.append(severity_name(info.severity)).append(" | ").append(retention_name(info.retention)).append(" | ");
        out.append(info.meaning).append(" |\n");
    }
    return out;
}

}  // namespace zephyr::audit
