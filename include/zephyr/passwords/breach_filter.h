// Passwords known from breaches, looked up offline in a file the operator builds from a list of SHA-1 hashes.
//
// File format, version 1 (integers big-endian, so that prefixes sort as bytes do):
//   offset  size  content
//   0       8     "ZEPHYRBF"
//   8       4     version, 1
//   12      4     bytes per entry, 8
//   16      8     number of entries, n
//   24      32    SHA-256 over the SHA-256s of each MiB of entries, in order
//   56      8     first 8 bytes of SHA-256 over bytes 0-55
//   64      8*n   the first 8 bytes of each SHA-1, ascending, no duplicates
// The file stays on disk and is searched by halves: a look-up is about log2(n) small reads and no memory. With a
// thousand million entries a password that is not in the list is refused by mistake once in 10^10.
// SHA-1 is what the public lists are made of; here it is a fingerprint, not a protection.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "zephyr/foundation/bytes.h"
#include "zephyr/foundation/result.h"

namespace zephyr::passwords {

namespace errors {
inline constexpr Failure breach_filter_missing{Kind::not_found, "passwords.breach_filter_missing"};
// Cut short, changed, of another version, or not in order. Such a file is refused when opened, never half trusted.
inline constexpr Failure breach_filter_damaged{Kind::invalid, "passwords.breach_filter_damaged"};
inline constexpr Failure breach_list_malformed{Kind::invalid, "passwords.breach_list_malformed"};
inline constexpr Failure breach_filter_unwritable{Kind::unavailable, "passwords.breach_filter_unwritable"};
}  // namespace errors

class BreachFilter {
public:
    // Reads and checks the whole file once, checksum and order included.
    static Result<BreachFilter> open(std::string const& path);

    BreachFilter(BreachFilter&&) noexcept;
    BreachFilter& operator=(BreachFilter&&) noexcept;
    ~BreachFilter();

    // True when the list holds the SHA-1 of exactly these bytes (up to the chance named above). Throws StorageFault
    // when the file can no longer be read. Safe from many threads.
    bool contains(std::string_view password) const;
    std::uint64_t size() const;

private:
    struct File;
    explicit BreachFilter(std::unique_ptr<File> file);
    std::unique_ptr<File> file_;
};

struct BreachFilterReport {
    std::uint64_t lines = 0;
    std::uint64_t entries = 0;  // without duplicates
};

// Builds the file from lines of 40 hex digits, each optionally followed by ':' and a count. Blank lines are skipped.
// A list of up to 16 million lines may be in any order; a longer one must be ascending (`sort` it first), so that
// memory stays bounded. Written beside the target and renamed, so a crash leaves the old file.
// Errors: breach_list_malformed (detail names the line), breach_filter_unwritable.
Result<BreachFilterReport> build_breach_filter(std::istream& hashes, std::string const& path);

}  // namespace zephyr::passwords
