#include "tlog/verify_signers.h"

#include <algorithm>

#include "tlog/note_check.h"

namespace zephyr::tlog {

Signers::Judgement Signers::judge(SignedCheckpoint const& checkpoint, bool covers) {
    auto const& origin = checkpoint.checkpoint.origin;
    std::vector<bool> signs(keys_.size());  // what a signature is worth is found out once: nothing here takes longer
    for (std::size_t i = oldest_; i < keys_.size(); ++i) {
        if (keys_[i].name() != origin || keys_[i].kind() != KeyKind::ed25519) continue;
        auto const checked = check_signature(checkpoint.note, keys_[i]);
        if (checked && !checked->ok()) return {false, "a signature on it is wrong"};
        signs[i] = checked.has_value();
    }
    if (std::ranges::find(signs, true) == signs.end()) return {false, "no key that was known by then has signed it"};
    if (!covers) return {true, std::nullopt};
    if (!take_announced(origin)) return {true, "the entries before it name a key that is none"};
    signs.resize(keys_.size());
    auto named = keys_.size();
    for (std::size_t i = pinned_; i < keys_.size(); ++i) {
        if (!signs[i]) {
            auto const checked = check_signature(checkpoint.note, keys_[i]);
            if (checked && !checked->ok()) return {true, "a signature on it is wrong"};
            signs[i] = checked.has_value();
        }
        if (signs[i]) named = i;  // the newest that signs: from here on the keys before it don't
    }
    if (named != keys_.size()) oldest_ = std::max(oldest_, named);
    // The writer signs with its own keys alone, so a line by anybody else was put there later.
    for (auto const& signature : checkpoint.note.signatures) {
        auto const fits = [&](NoteKey const& key) { return key.name() == signature.name && key.id() == signature.key_id; };
        if (!std::ranges::any_of(keys_, fits)) return {true, "it bears a signature by a key that is not known"};
    }
    return {true, std::nullopt};
}

bool Signers::take_announced(std::string const& origin) {
    bool good = true;
    for (auto const& vkey : announced_) {
        auto key = NoteKey::parse(vkey);
        bool const fits = key.ok() && key.value().kind() == KeyKind::ed25519 && key.value().name() == origin;
        if (fits) keys_.push_back(std::move(key).value());
        good = good && fits;
    }
    announced_.clear();
    return good;
}

}  // namespace zephyr::tlog
