#include "zephyr/foundation/secret.h"

#include <cstring>

namespace zephyr {

void wipe(void* memory, std::size_t size) noexcept {
    if (size > 0) ::explicit_bzero(memory, size);
}

}  // namespace zephyr
