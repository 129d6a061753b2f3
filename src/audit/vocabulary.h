// What kinds of events there are, in the words of other systems' vocabularies. A row of the table in codes.cpp names one of these.
//
// OCSF classes: 3001 Account Change, 3002 Authentication, 3004 Entity Management, 3005 User Access, 3006 Group Management,
// 3007 User Management, 3008 Role Management, 6002 Application Lifecycle. DICOM: 110100 Application Activity, 110101 Audit Log Used,
// 110106 Export, 110113 Security Alert, 110114 User Authentication; subtypes 110120 Application Start to 110137 User Security Attributes
// Changed (PS3.15 A.5).
#pragma once

#include "zephyr/audit/codes.h"

namespace zephyr::audit::vocabulary {

// {OCSF class, activity, DICOM type, subtype, FHIR action, object}

// Signing in and sessions.
inline constexpr Vocabulary sign_in{3002, 1, 110114, 110122, 'E', ObjectKind::session};
inline constexpr Vocabulary sign_out{3002, 2, 110114, 110123, 'E', ObjectKind::session};
inline constexpr Vocabulary factor_check{3002, 6, 110114, 110122, 'E', ObjectKind::session};
inline constexpr Vocabulary session_other{3002, 99, 110114, 0, 'E', ObjectKind::session};
inline constexpr Vocabulary ticket{3002, 4, 110114, 0, 'E', ObjectKind::session};
inline constexpr Vocabulary token_renew{3002, 5, 110114, 0, 'E', ObjectKind::session};

// Accounts.
inline constexpr Vocabulary account_create{3001, 1, 110113, 110137, 'C', ObjectKind::account};
inline constexpr Vocabulary password_change{3001, 3, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary password_reset{3001, 4, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary account_delete{3001, 6, 110113, 110137, 'D', ObjectKind::account};
inline constexpr Vocabulary factor_on{3001, 10, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary factor_off{3001, 11, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary account_other{3001, 99, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary account_update{3007, 2, 110113, 110137, 'U', ObjectKind::account};
inline constexpr Vocabulary account_read{3004, 2, 110106, 0, 'R', ObjectKind::account};

// Groups and roles.
inline constexpr Vocabulary group_create{3006, 6, 110113, 110137, 'C', ObjectKind::group};
inline constexpr Vocabulary group_update{3006, 9, 110113, 110137, 'U', ObjectKind::group};
inline constexpr Vocabulary group_delete{3006, 5, 110113, 110137, 'D', ObjectKind::group};
inline constexpr Vocabulary group_join{3006, 3, 110113, 110137, 'U', ObjectKind::group};
inline constexpr Vocabulary group_leave{3006, 4, 110113, 110137, 'U', ObjectKind::group};
inline constexpr Vocabulary group_nest{3006, 7, 110113, 110137, 'U', ObjectKind::group};
inline constexpr Vocabulary group_unnest{3006, 8, 110113, 110137, 'U', ObjectKind::group};
inline constexpr Vocabulary role_create{3008, 1, 110113, 110136, 'C', ObjectKind::role};
inline constexpr Vocabulary role_update{3008, 2, 110113, 110136, 'U', ObjectKind::role};
inline constexpr Vocabulary role_delete{3008, 3, 110113, 110136, 'D', ObjectKind::role};
inline constexpr Vocabulary role_grant{3005, 3, 110113, 110136, 'U', ObjectKind::role};
inline constexpr Vocabulary role_revoke{3005, 4, 110113, 110136, 'U', ObjectKind::role};
inline constexpr Vocabulary access_check{3005, 99, 110113, 110132, 'E', ObjectKind::role};

// Keys.
inline constexpr Vocabulary sealing_key_create{3004, 1, 110113, 110129, 'C', ObjectKind::sealing_key};
inline constexpr Vocabulary sealing_key_use{3004, 10, 110113, 110129, 'U', ObjectKind::sealing_key};
inline constexpr Vocabulary sealing_key_update{3004, 3, 110113, 110129, 'U', ObjectKind::sealing_key};
inline constexpr Vocabulary signing_key_create{3004, 1, 110113, 110129, 'C', ObjectKind::signing_key};
inline constexpr Vocabulary signing_key_use{3004, 10, 110113, 110129, 'U', ObjectKind::signing_key};
inline constexpr Vocabulary signing_key_retire{3004, 11, 110113, 110129, 'U', ObjectKind::signing_key};
inline constexpr Vocabulary signing_key_stop{3004, 9, 110113, 110129, 'U', ObjectKind::signing_key};

// The audit log.
inline constexpr Vocabulary log_read{3004, 2, 110101, 0, 'R', ObjectKind::audit_log};
inline constexpr Vocabulary log_export{3004, 2, 110106, 0, 'R', ObjectKind::audit_log};
inline constexpr Vocabulary log_create{3004, 1, 110113, 110134, 'C', ObjectKind::audit_log};
inline constexpr Vocabulary log_update{3004, 3, 110113, 110129, 'U', ObjectKind::audit_log};
inline constexpr Vocabulary log_delete{3004, 4, 110113, 110135, 'D', ObjectKind::audit_log};
inline constexpr Vocabulary log_other{3004, 99, 110113, 110135, 'E', ObjectKind::audit_log};
inline constexpr Vocabulary log_stopped{3004, 99, 110113, 110133, 'E', ObjectKind::audit_log};
inline constexpr Vocabulary hold_create{3004, 1, 110113, 110135, 'C', ObjectKind::legal_hold};
inline constexpr Vocabulary hold_end{3004, 11, 110113, 110135, 'U', ObjectKind::legal_hold};

// The server.
inline constexpr Vocabulary setting_create{3004, 1, 110113, 110129, 'C', ObjectKind::settings};
inline constexpr Vocabulary setting_update{3004, 3, 110113, 110129, 'U', ObjectKind::settings};
inline constexpr Vocabulary server_start{6002, 3, 110100, 110120, 'E', ObjectKind::server};
inline constexpr Vocabulary server_stop{6002, 4, 110100, 110121, 'E', ObjectKind::server};
inline constexpr Vocabulary server_other{6002, 99, 110113, 110128, 'E', ObjectKind::server};
inline constexpr Vocabulary break_glass{6002, 99, 110113, 110127, 'E', ObjectKind::server};

}  // namespace zephyr::audit::vocabulary
