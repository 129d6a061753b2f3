// The folder of `zephyr witness`: a witness's key, the logs it trusts and what it remembers of them. No database.
//
//   key     Ed25519, PKCS #8 in PEM, 0600: back it up apart from the rest; whoever has it can sign as this witness
//   name    the witness's name, as it stands in its signatures
//   logs    one verifier key a line, '#' begins a comment
//   state/  the last checkpoint signed of each log: never put an older one back
//   lock    one process at a time
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/clock.h"
#include "zephyr/foundation/result.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::server {

namespace errors {
// Another process runs this witness.
inline constexpr Failure witness_in_use{Kind::conflict, "server.witness_in_use"};
// A file of the folder is not what it must be; the reason says which and why.
inline constexpr Failure witness_folder_damaged{Kind::invalid, "server.witness_folder_damaged"};
// A first start without a name, or a name that is none.
inline constexpr Failure witness_name_missing{Kind::invalid, "server.witness_name_missing"};
}  // namespace errors

class WitnessFolder {
public:
    // Makes folder and key when there are none; `name` is needed then, and must be the same later. witness_in_use is told by lock().
    static Result<WitnessFolder> open(std::filesystem::path const& folder, std::string const& name);
    WitnessFolder(WitnessFolder&& other) noexcept;
    WitnessFolder& operator=(WitnessFolder&&) = delete;
    ~WitnessFolder();

    Result<void> lock();  // for as long as this lives
    tlog::NoteSigner const& signer() const { return signer_; }
    Result<std::vector<tlog::NoteKey>> logs() const;
    // True when it was not there yet. Fails with vkey_malformed; throws StorageFault.
    Result<bool> add_log(std::string_view vkey) const;
    std::filesystem::path state() const { return folder_ / "state"; }

private:
    WitnessFolder(std::filesystem::path folder, tlog::NoteSigner signer) : folder_{std::move(folder)}, signer_{std::move(signer)} {}
    std::filesystem::path folder_;
    tlog::NoteSigner signer_;
    int lock_ = -1;
};

}  // namespace zephyr::server
