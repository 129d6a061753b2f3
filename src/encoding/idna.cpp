#include "zephyr/encoding/idna.h"

#include <unicode/uidna.h>

#include <array>
#include <memory>

#include "zephyr/foundation/fault.h"

namespace zephyr::encoding {

namespace {

struct Close {
    void operator()(UIDNA* idna) const { uidna_close(idna); }
};
using Idna = std::unique_ptr<UIDNA, Close>;

constexpr std::size_t longest_name_bytes = 253;

Idna open_idna() {
    UErrorCode status = U_ZERO_ERROR;
    Idna idna{uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII, &status)};
    if (U_FAILURE(status)) throw Fault{"ICU has no IDNA data"};
    return idna;
}

}  // namespace

std::optional<std::string> ascii_domain(std::string_view name) {
    if (name.empty() || name.size() > 4 * longest_name_bytes) return std::nullopt;
    static Idna const idna = open_idna();
    std::array<char, longest_name_bytes + 1> buffer{};
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode status = U_ZERO_ERROR;
    auto const length = uidna_nameToASCII_UTF8(idna.get(), name.data(), static_cast<std::int32_t>(name.size()), buffer.data(),
                                               static_cast<std::int32_t>(buffer.size()), &info, &status);
    if (U_FAILURE(status) || info.errors != 0 || length <= 0) return std::nullopt;
    return std::string{buffer.data(), static_cast<std::size_t>(length)};
}

}  // namespace zephyr::encoding
