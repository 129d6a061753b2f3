// Outcomes a caller acts on. A refusal is a Result holding an Error with a stable id; a fault is an exception
// (fault.h). See docs/proposals for why this is not std::expected.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace zephyr {

// What a caller can do about a failure. Closed and short: the edge maps each one to a status once.
enum class Kind {
    invalid,          // the input is wrong; sending it again will not help
    unauthenticated,  // nobody has proved who is asking
    denied,           // we know who is asking, and they may not
    not_found,
    conflict,
    expired,
    limited,      // too many; wait
    unavailable,  // we can't right now; wait
    unsupported,
};

// A named failure, declared once in its room's header under errors::. `id` is stable: clients and tests rely on it.
struct Failure {
    Kind kind;
    std::string_view id;
};

// One occurrence of a failure. `detail` is for the log and the audit trail, never for the client.
class [[nodiscard]] Error {
public:
    Error(Failure failure) : failure_{failure} {}
    Error(Failure failure, std::string detail) : failure_{failure}, detail_{std::move(detail)} {}

    Kind kind() const { return failure_.kind; }
    std::string_view id() const { return failure_.id; }
    std::string_view detail() const { return detail_; }
    // A reason meant for the person who caused it, such as why a password was refused. Empty when there is none.
    std::string_view reason() const { return reason_; }
    Failure failure() const { return failure_; }

    Error with_reason(std::string reason) && {
        reason_ = std::move(reason);
        return std::move(*this);
    }

    bool operator==(Failure const& other) const { return failure_.id == other.id; }

private:
    Failure failure_;
    std::string detail_;
    std::string reason_;
};

inline std::ostream& operator<<(std::ostream& out, Error const& error) {
    return out << error.id() << (error.detail().empty() ? "" : ": ") << error.detail();
}

namespace detail {
[[noreturn]] inline void wrong_side(std::string_view what) {
    std::fprintf(stderr, "zephyr: Result read on its wrong side (%.*s)\n", static_cast<int>(what.size()), what.data());
    std::abort();
}
}  // namespace detail

// A T or an Error. Reading the wrong side stops the process: it never lies.
template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;
    Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
    Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}
    Result(Failure failure) : state_{std::in_place_index<1>, Error{failure}} {}

    bool ok() const { return state_.index() == 0; }

    T& value() & { return check(), std::get<0>(state_); }
    T const& value() const& { return check(), std::get<0>(state_); }
    T&& value() && { return check(), std::get<0>(std::move(state_)); }

    Error const& error() const& {
        if (ok()) detail::wrong_side("error() of a success");
        return std::get<1>(state_);
    }
    Error&& error() && {
        if (ok()) detail::wrong_side("error() of a success");
        return std::get<1>(std::move(state_));
    }

private:
    void check() const {
        if (!ok()) detail::wrong_side(std::get<1>(state_).id());
    }
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;
    Result() = default;
    Result(Error error) : state_{std::move(error)} {}
    Result(Failure failure) : state_{Error{failure}} {}

    bool ok() const { return state_.index() == 0; }
    void value() const {
        if (!ok()) detail::wrong_side(std::get<1>(state_).id());
    }
    Error const& error() const& {
        if (ok()) detail::wrong_side("error() of a success");
        return std::get<1>(state_);
    }
    Error&& error() && {
        if (ok()) detail::wrong_side("error() of a success");
        return std::get<1>(std::move(state_));
    }

private:
    std::variant<std::monostate, Error> state_;
};

inline Result<void> success() { return {}; }

}  // namespace zephyr

#define ZEPHYR_JOIN_INNER(a, b) a##b
#define ZEPHYR_JOIN(a, b) ZEPHYR_JOIN_INNER(a, b)

// ZEPHYR_TRY(auto user, users.find(id));  binds the value, or returns the error to our own caller.
#define ZEPHYR_TRY(declaration, expression) ZEPHYR_TRY_IMPL(ZEPHYR_JOIN(zephyr_try_, __COUNTER__), declaration, expression)
#define ZEPHYR_TRY_IMPL(temporary, declaration, expression)      \
    auto temporary = (expression);                               \
    if (!temporary.ok()) return std::move(temporary).error();    \
    declaration = std::move(temporary).value()

// ZEPHYR_CHECK(limiter.admit(user.id));  the same for Result<void>, or for a value nobody needs.
#define ZEPHYR_CHECK(expression)                                                              \
    do {                                                                                      \
        if (auto zephyr_check_ = (expression); !zephyr_check_.ok())                           \
            return std::move(zephyr_check_).error();                                          \
    } while (false)
