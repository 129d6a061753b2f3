// What a writer does before it may write: proves that nothing durable is gone, and removes what a crash tore.
#pragma once

#include <optional>

#include "tlog/checkpoint_file.h"
#include "tlog/hash_files.h"
#include "tlog/segment_writer.h"
#include "zephyr/tlog/log.h"

namespace zephyr::tlog {

struct OpenedLog {
    LogFile lock;
    SegmentWriter segment;
    TreeWriter tree;
    CheckpointFile checkpoints;
    SignedCheckpoint last;
    Recovery recovery;
};

// Fails with log_damaged, log_in_use. Throws StorageFault.
Result<OpenedLog> open_log(LogSettings const& settings, NoteSigner const& signer, Clock const& clock, Log& log);

// The checkpoint of this size and root, signed by each of the signers.
SignedCheckpoint sign_checkpoint(std::string const& origin, std::uint64_t size, Hash const& root,
                                 std::vector<NoteSigner const*> const& signers, TimePoint now);

}  // namespace zephyr::tlog
