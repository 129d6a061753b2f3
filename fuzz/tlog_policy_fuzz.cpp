// A policy that reads never asks for more witnesses than it names, names no key twice, and says the same when it is written anew.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "zephyr/tlog/checkpoint.h"

namespace {

using namespace zephyr;

void require(bool fine) {
    if (!fine) std::abort();
}

std::string written(tlog::TrustPolicy const& policy) {
    std::string text, members;
    for (auto const& log : policy.logs) text += "log " + log.vkey() + "\n";
    for (std::size_t i = 0; i < policy.witnesses.size(); ++i) {
        // Wide enough that the order of the names is the order of the witnesses.
        auto const name = "w" + std::to_string(1000 + i);
        text += "witness " + name + " " + policy.witnesses[i].vkey() + "\n";
        members += " " + name;
    }
    if (policy.witnesses.empty()) return text + "quorum none\n";
    return text + "group g " + std::to_string(policy.quorum) + members + "\nquorum g\n";
}

void distinct(std::vector<tlog::NoteKey> const& keys, tlog::KeyKind kind) {
    std::set<Bytes> points;
    for (auto const& key : keys) require(key.kind() == kind && points.insert(key.key().ed25519_point()).second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text{reinterpret_cast<char const*>(data), size};
    auto const policy = tlog::TrustPolicy::parse(text);
    if (!policy.ok()) {
        require(!policy.error().detail().empty());
        return 0;
    }
    distinct(policy.value().logs, tlog::KeyKind::ed25519);
    distinct(policy.value().witnesses, tlog::KeyKind::cosignature);
    require(policy.value().quorum <= policy.value().witnesses.size());
    require((policy.value().quorum == 0) == policy.value().witnesses.empty());
    auto const again = tlog::TrustPolicy::parse(written(policy.value()));
    // Names and addresses are gone, so it cannot have become too long; but a hundred witnesses of long names can be.
    require(again.ok() || text.size() > 32 * 1024);
    if (again.ok()) require(written(again.value()) == written(policy.value()));
    return 0;
}
