// What witnesses say of a log's newest checkpoints: their signatures are put to it, and the newest one that has any is kept in a file.
#pragma once

#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

// Safe from many threads.
class CosignedFile {
public:
    // Throws StorageFault.
    explicit CosignedFile(std::filesystem::path const& log);
    void signed_now(SignedCheckpoint const& checkpoint);
    // Nothing when that checkpoint is unknown, or older than one that has witnesses. Throws StorageFault.
    std::optional<SignedCheckpoint> add(Checkpoint const& to, std::vector<NoteSignature> const& cosignatures);

private:
    std::filesystem::path log_;
    std::mutex mutex_;  // guards recent_, and is never held while the file is written: signing waits for it
    std::deque<SignedCheckpoint> recent_;  // witnesses answer while newer ones are signed
    std::mutex file_mutex_;  // guards the file and newest_, and is taken first
    std::optional<SignedCheckpoint> newest_;
};

// Nothing when no witness has signed yet. Throws StorageFault.
std::optional<SignedCheckpoint> read_cosigned(std::filesystem::path const& log);
// The log's own newest checkpoint with what the cosigned one bears besides, when that is of the same text. After a change of keys the
// log's has a signature that the other lacks.
SignedCheckpoint with_cosignatures(SignedCheckpoint newest, std::optional<SignedCheckpoint> const& cosigned);

}  // namespace zephyr::tlog
