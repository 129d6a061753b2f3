// The codes of audit events: Z, an area of four or five letters, two digits, and I (information), W (warning) or E
// (error). A code is never reused and never changes its meaning. What each one says is in src/audit/codes.cpp;
// docs/reference/audit-events.md is written from that table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zephyr::audit {

namespace codes {
// Signing in and out.
inline constexpr std::string_view auth_signed_in = "ZAUTH01I";
inline constexpr std::string_view auth_refused = "ZAUTH02W";
inline constexpr std::string_view auth_signed_out = "ZAUTH03I";
inline constexpr std::string_view auth_registered = "ZAUTH04I";
inline constexpr std::string_view auth_pending = "ZAUTH05I";
inline constexpr std::string_view auth_step_up = "ZAUTH06I";
inline constexpr std::string_view auth_step_up_refused = "ZAUTH07W";
inline constexpr std::string_view auth_registration_refused = "ZAUTH08W";
inline constexpr std::string_view auth_throttled = "ZAUTH09W";
inline constexpr std::string_view auth_notices_seen = "ZAUTH10I";
// Mail flows and recovery.
inline constexpr std::string_view auth_address_link_sent = "ZAUTH11I";
inline constexpr std::string_view auth_address_verified = "ZAUTH12I";
inline constexpr std::string_view auth_address_change_asked = "ZAUTH13I";
inline constexpr std::string_view auth_address_changed = "ZAUTH14W";
inline constexpr std::string_view auth_reset_asked = "ZAUTH15I";
inline constexpr std::string_view auth_reset_done = "ZAUTH16W";
inline constexpr std::string_view auth_link_refused = "ZAUTH17W";
inline constexpr std::string_view recovery_asked = "ZAUTH18W";
inline constexpr std::string_view recovery_approved = "ZAUTH19W";
inline constexpr std::string_view recovery_cancelled = "ZAUTH20I";
inline constexpr std::string_view recovery_done = "ZAUTH21W";
inline constexpr std::string_view recovery_refused = "ZAUTH22W";
inline constexpr std::string_view recovery_link_asked = "ZAUTH23I";
inline constexpr std::string_view recovery_begun = "ZAUTH24W";

// Second factors.
inline constexpr std::string_view mfa_enrolment_begun = "ZMFAC01I";
inline constexpr std::string_view mfa_enrolled = "ZMFAC02I";
inline constexpr std::string_view mfa_verified = "ZMFAC03I";
inline constexpr std::string_view mfa_refused = "ZMFAC04W";
inline constexpr std::string_view mfa_code_reused = "ZMFAC05W";
inline constexpr std::string_view mfa_removed = "ZMFAC06W";
inline constexpr std::string_view mfa_reset = "ZMFAC07W";
inline constexpr std::string_view mfa_throttled = "ZMFAC08W";
inline constexpr std::string_view mfa_enrolment_refused = "ZMFAC09W";
inline constexpr std::string_view mfa_renamed = "ZMFAC10I";
inline constexpr std::string_view mfa_code_sent = "ZMFAC15I";
inline constexpr std::string_view mfa_sending_refused = "ZMFAC16W";
inline constexpr std::string_view mfa_sending_capped = "ZMFAC17E";
inline constexpr std::string_view mfa_backup_codes_made = "ZMFAC20I";
inline constexpr std::string_view mfa_backup_code_used = "ZMFAC21W";
inline constexpr std::string_view mfa_backup_codes_low = "ZMFAC22W";
inline constexpr std::string_view mfa_device_trusted = "ZMFAC23I";
inline constexpr std::string_view mfa_device_forgotten = "ZMFAC24I";
inline constexpr std::string_view mfa_trust_ended = "ZMFAC25I";

// Messages to people.
inline constexpr std::string_view message_sent = "ZMSGS01I";
inline constexpr std::string_view message_dead = "ZMSGS02W";

// Passwords.
inline constexpr std::string_view password_set = "ZPASS01I";
inline constexpr std::string_view password_changed = "ZPASS02I";
inline constexpr std::string_view password_refused_by_policy = "ZPASS03W";
inline constexpr std::string_view password_rehashed = "ZPASS04I";
inline constexpr std::string_view password_must_change = "ZPASS05W";
inline constexpr std::string_view password_throttled = "ZPASS06W";
inline constexpr std::string_view password_busy = "ZPASS07E";
inline constexpr std::string_view password_wrong = "ZPASS08W";
inline constexpr std::string_view password_removed = "ZPASS09W";

// Sessions.
inline constexpr std::string_view session_started = "ZSESS01I";
inline constexpr std::string_view session_rotated = "ZSESS02I";
inline constexpr std::string_view session_ended = "ZSESS03I";
inline constexpr std::string_view sessions_ended_all = "ZSESS04I";
inline constexpr std::string_view session_evicted = "ZSESS05W";
inline constexpr std::string_view session_expired = "ZSESS06I";
inline constexpr std::string_view session_refused = "ZSESS07W";

// Users.
inline constexpr std::string_view user_created = "ZUSER01I";
inline constexpr std::string_view user_updated = "ZUSER02I";
inline constexpr std::string_view user_state_changed = "ZUSER03W";
inline constexpr std::string_view user_deleted = "ZUSER04W";
inline constexpr std::string_view user_exported = "ZUSER05I";
inline constexpr std::string_view user_change_refused = "ZUSER06W";

// Groups.
inline constexpr std::string_view group_created = "ZGROUP01I";
inline constexpr std::string_view group_renamed = "ZGROUP02I";
inline constexpr std::string_view group_deleted = "ZGROUP03W";
inline constexpr std::string_view group_member_added = "ZGROUP04I";
inline constexpr std::string_view group_member_removed = "ZGROUP05I";
inline constexpr std::string_view group_nested = "ZGROUP06I";
inline constexpr std::string_view group_unnested = "ZGROUP07I";
inline constexpr std::string_view group_change_refused = "ZGROUP08W";

// Roles and access.
inline constexpr std::string_view role_created = "ZRBAC01I";
inline constexpr std::string_view role_changed = "ZRBAC02W";
inline constexpr std::string_view role_deleted = "ZRBAC03W";
inline constexpr std::string_view role_granted = "ZRBAC04I";
inline constexpr std::string_view role_revoked = "ZRBAC05I";
inline constexpr std::string_view role_change_refused = "ZRBAC06W";
inline constexpr std::string_view access_refused = "ZRBAC07W";

// First set-up.
inline constexpr std::string_view setup_link_issued = "ZSETUP01I";
inline constexpr std::string_view setup_admin_created = "ZSETUP02W";
inline constexpr std::string_view setup_link_refused = "ZSETUP03W";

// Keys that seal data at rest.
inline constexpr std::string_view key_created = "ZKEYS01I";
inline constexpr std::string_view key_rotated = "ZKEYS02W";
inline constexpr std::string_view key_resealed = "ZKEYS03I";

// Tokens, and the keys that sign them.
inline constexpr std::string_view signing_key_created = "ZTOKEN01I";
inline constexpr std::string_view signing_key_activated = "ZTOKEN02I";
inline constexpr std::string_view signing_key_retired = "ZTOKEN03I";
inline constexpr std::string_view signing_key_revoked = "ZTOKEN04W";
inline constexpr std::string_view refresh_reuse_detected = "ZTOKEN05W";
inline constexpr std::string_view refresh_rotated = "ZTOKEN06I";

// Protected hosts that other applications serve (forward-auth).
inline constexpr std::string_view forward_ticket_issued = "ZFORW01I";
inline constexpr std::string_view forward_signed_in = "ZFORW02I";
inline constexpr std::string_view forward_refused = "ZFORW03W";

// The audit log itself.
inline constexpr std::string_view audit_read = "ZAUDIT01I";
inline constexpr std::string_view audit_exported = "ZAUDIT02I";
inline constexpr std::string_view audit_hold_placed = "ZAUDIT03W";
inline constexpr std::string_view audit_hold_released = "ZAUDIT04W";
inline constexpr std::string_view audit_segments_deleted = "ZAUDIT05W";
inline constexpr std::string_view audit_key_changed = "ZAUDIT06W";
inline constexpr std::string_view audit_gap = "ZAUDIT07E";
inline constexpr std::string_view audit_clock_stepped = "ZAUDIT08W";
inline constexpr std::string_view audit_recovered = "ZAUDIT09W";
inline constexpr std::string_view audit_epoch_begun = "ZAUDIT10W";
inline constexpr std::string_view audit_subject_erased = "ZAUDIT11W";
inline constexpr std::string_view audit_interrupted = "ZAUDIT12E";
inline constexpr std::string_view audit_rows_adopted = "ZAUDIT13W";
inline constexpr std::string_view audit_too_large = "ZAUDIT14E";
inline constexpr std::string_view audit_witness_refused = "ZAUDIT15E";

// The server and its settings.
inline constexpr std::string_view server_started = "ZCONF01I";
inline constexpr std::string_view server_stopped = "ZCONF02I";
inline constexpr std::string_view setting_changed = "ZCONF03W";
inline constexpr std::string_view schema_migrated = "ZCONF04I";

// What an operator did past the ordinary doors.
inline constexpr std::string_view break_glass_used = "ZBREAK01W";
}  // namespace codes

enum class Severity { information, warning, error };
// How long an event must be kept is decided by its class, not by its code.
enum class RetentionClass { auth, admin, phi, http };

// What kind of thing an event is about, for exports: the words of OCSF managed_entity.type, and FHIR entity.role.
enum class ObjectKind { account, group, role, session, sealing_key, signing_key, audit_log, legal_hold, settings, server };

// How other systems' vocabularies name an event. Values come from here alone, never from what somebody typed.
struct Vocabulary {
    int ocsf_class = 0;     // OCSF 1.9 class_uid, such as 3002 Authentication
    int ocsf_activity = 0;  // activity_id of that class; 99 (Other) goes with the event's name as activity_name
    int dicom_type = 0;     // FHIR AuditEvent.type, from DICOM PS3.16 CID 400
    int dicom_subtype = 0;  // FHIR AuditEvent.subtype, from CID 403; 0 for none
    char fhir_action = 'E'; // C, R, U, D or E
    ObjectKind object = ObjectKind::server;
};

struct CodeInfo {
    std::string_view code;
    std::string_view name;  // "auth.signed_in": stable too
    Severity severity;      // agrees with the last letter of the code
    RetentionClass retention;
    int cef_severity;  // 0 to 10; CEF: 0-3 low, 4-6 medium, 7-8 high, 9-10 very high
    Vocabulary as;
    std::string_view meaning;  // one sentence
};

// The table, in the order of the reference page.
std::vector<CodeInfo> const& all_codes();
// Nothing for a code that is not in the table.
CodeInfo const* find_code(std::string_view code);
// The words of docs/reference/audit-events.md.
std::string audit_events_reference();

std::string_view severity_name(Severity severity);          // "information"
std::string_view retention_name(RetentionClass retention);  // "auth"
std::string_view object_name(ObjectKind object);            // "signing key"

}  // namespace zephyr::audit
