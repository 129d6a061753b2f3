// What is wrong only in the company of another setting.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "zephyr/config/load.h"

namespace zephyr::config {

// Rules over a setting in `skip` (it is wrong already) are left out.
std::vector<Problem> broken_rules(Settings const& settings, Provenance const& provenance,
                                  std::set<std::string> const& skip);

// What is allowed and yet worth saying.
std::vector<std::string> notices(Settings const& settings, Provenance const& provenance);

// Values that follow from others when nobody set them: server.public_url, passwords.hash_workers.
void derive(Settings& settings, unsigned cores);

}  // namespace zephyr::config
