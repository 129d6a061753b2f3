// What an HS256 key must be.
#pragma once

#include "zephyr/foundation/result.h"
#include "zephyr/foundation/secret.h"

namespace zephyr::jose {

// Success, or weak_secret with the rule that was broken.
Result<void> check_shared_secret(SecretBytes const& secret);

}  // namespace zephyr::jose
