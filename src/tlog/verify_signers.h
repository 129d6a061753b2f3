// Whose signature a checkpoint must bear: the keys the caller trusts, and those that the log itself named while one of them signed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

class Signers {
public:
    explicit Signers(std::vector<NoteKey> pinned) : keys_{std::move(pinned)}, pinned_{keys_.size()} {}

    bool any() const { return pinned_ != 0; }
    std::vector<NoteKey> const& keys() const { return keys_; }

    // An entry said that this key comes next. It counts once a checkpoint over that entry is good.
    void announce(std::string vkey) { announced_.push_back(std::move(vkey)); }
    struct Judgement {
        bool authentic = false;            // a key that may sign has signed it: what it says was said
        std::optional<std::string> wrong;  // what is wrong with its signatures
    };
    // Judges the next checkpoint of the history. `covers`: its root is that of the entries, so that what they announced is true if it is
    // signed.
    Judgement judge(SignedCheckpoint const& checkpoint, bool covers);

private:
    bool take_announced(std::string const& origin);
    std::vector<NoteKey> keys_;  // pinned, then announced, oldest first
    std::size_t pinned_;
    std::size_t oldest_ = 0;  // keys before it have been replaced and sign nothing more
    std::vector<std::string> announced_;
};

}  // namespace zephyr::tlog
