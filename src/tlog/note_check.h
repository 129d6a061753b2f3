// A signature that is missing and one that is wrong are two things: who asks for one of several keys may overlook the first alone.
#pragma once

#include <optional>
#include <string_view>

#include "zephyr/tlog/note.h"

namespace zephyr::tlog {

// Nothing when the note has no signature of this key's name and id; else as verify_note.
std::optional<Result<SignedAt>> check_signature(Note const& note, NoteKey const& key);

// C2SP signed-note: "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus (U+002B) characters."
bool is_key_name(std::string_view name);

}  // namespace zephyr::tlog
