// What a witness remembers of one log, in a file: a line "zephyr-witness-v1 SHA-256 of the rest in hex", then the signed checkpoint.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

// By origin. Throws Fault for a file that is damaged or stands under another log's name: a witness that forgot would sign a fork.
std::map<std::string, SignedCheckpoint> read_witness_state(std::filesystem::path const& folder);

// Durable once it returns. Throws StorageFault.
void write_witness_state(std::filesystem::path const& folder, SignedCheckpoint const& last);

}  // namespace zephyr::tlog
