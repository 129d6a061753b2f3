// An event as it stands in the log: the bytes that are hashed, never to change again.
//
// RFC 8785 (JCS) JSON with these members, absent ones left out: id, time (RFC 3339, milliseconds), mono (microseconds of a clock that
// never jumps), code, actor {type, ref}, subject, outcome, reason, request_id, session_ref, details {…}, class, sealed [{ref, data}].
//
// Nobody is named in it: `subject` and the ref of an actor of type user are pseudonyms from SubjectKeys, and personal fields are sealed
// under the key of the person they are about. Destroying that key erases them here without changing a byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "zephyr/audit/codes.h"
#include "zephyr/audit/event.h"
#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::audit {

namespace errors {
// Not the bytes of an event, or not in canonical form.
inline constexpr Failure record_malformed{Kind::invalid, "audit.record_malformed"};
// More than Record::max_bytes.
inline constexpr Failure record_too_large{Kind::invalid, "audit.too_large"};
}  // namespace errors

// Ciphertext of personal fields: {"address", "user_agent", "personal": {…}} about one person.
struct SealedPart {
    std::string ref;  // whose key opens it
    Bytes data;
    bool operator==(SealedPart const&) const = default;
};

struct Record {
    static constexpr std::size_t max_bytes = 65535;  // as tlog::LogSettings::max_entry_bytes

    std::string id;  // UUIDv7
    TimePoint time;
    std::int64_t monotonic_us = 0;
    std::string code;
    Actor::Type actor_type = Actor::Type::anonymous;
    std::string actor_ref;               // a pseudonym when the actor is a user
    std::optional<std::string> subject;  // a pseudonym
    Outcome outcome = Outcome::success;
    std::string reason;
    std::string request_id;
    std::string session_ref;
    std::vector<std::pair<std::string, std::string>> details;
    RetentionClass retention = RetentionClass::auth;
    std::vector<SealedPart> sealed;

    Result<Bytes> encode() const;                  // record_too_large
    static Result<Record> parse(ByteView stored);  // record_malformed: also for JSON that encode() would write otherwise
    bool operator==(Record const&) const = default;
};

}  // namespace zephyr::audit
