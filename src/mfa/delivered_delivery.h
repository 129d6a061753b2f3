// One code on its way out: private to DeliveredCodes.
#pragma once

#include <string>
#include <string_view>

#include "zephyr/mfa/delivered_codes.h"

namespace zephyr::mfa {

// Spellings of table mfa_code.
inline constexpr std::string_view purpose_prove = "prove";
inline constexpr std::string_view purpose_enrol = "enrol";

struct DeliveredCodes::Delivery {
    UserId user;
    SessionRef session;
    std::string_view purpose;
    FactorId channel;
    std::string to;
    std::string prefix;
    std::string shown;
    audit::Origin origin;
};

}  // namespace zephyr::mfa
