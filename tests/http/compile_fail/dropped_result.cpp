// refused: nodiscard
#include "zephyr/foundation/result.h"

zephyr::Result<int> redeem();

void forget() {
    redeem();
}
