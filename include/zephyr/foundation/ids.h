// Strong, immutable ids. An id is never reused, never shown to mean anything, and never built from a name.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/random.h"

namespace zephyr {

// A UUIDv7 (RFC 9562 5.7): milliseconds since the epoch, then 74 random bits; 36 characters, lower case.
std::string make_uuid_v7(TimePoint now, Random& random);
// True for the 36-character lower-case form of any UUID.
bool is_uuid(std::string_view text);

template <class Tag>
class Id {
public:
    static Id make(TimePoint now, Random& random) { return Id{make_uuid_v7(now, random)}; }
    // Nothing for text that is not a UUID.
    static std::optional<Id> parse(std::string_view text) {
        if (!is_uuid(text)) return std::nullopt;
        return Id{std::string{text}};
    }
    // For values read back from our own tables.
    static Id trusted(std::string text) { return Id{std::move(text)}; }

    std::string const& str() const { return text_; }
    auto operator<=>(Id const&) const = default;

private:
    explicit Id(std::string text) : text_{std::move(text)} {}
    std::string text_;
};

template <class Tag>
std::ostream& operator<<(std::ostream& out, Id<Tag> const& id) {
    return out << id.str();
}

using UserId = Id<struct UserTag>;
using GroupId = Id<struct GroupTag>;
// Names a session in lists, logs and the audit trail. Not a credential: the cookie holds another, secret value.
using SessionRef = Id<struct SessionTag>;
using FactorId = Id<struct FactorTag>;

}  // namespace zephyr

template <class Tag>
struct std::hash<zephyr::Id<Tag>> {
    std::size_t operator()(zephyr::Id<Tag> const& id) const { return std::hash<std::string>{}(id.str()); }
};
