#include "tlog/cosigned_file.h"

#include <algorithm>

#include "tlog/checkpoint_file.h"

namespace zephyr::tlog {

namespace {

constexpr std::size_t most_recent = 512;

void merge(Note& into, std::vector<NoteSignature> const& signatures) {
    for (auto const& each : signatures) {
        auto const same = std::find_if(into.signatures.begin(), into.signatures.end(),
                                       [&](auto const& one) { return one.name == each.name && one.key_id == each.key_id; });
        if (same == into.signatures.end())
            into.signatures.push_back(each);
        else
            *same = each;  // a witness that signs again states a later time
    }
}

}  // namespace

std::optional<SignedCheckpoint> read_cosigned(std::filesystem::path const& log) {
    auto const text = read_whole(cosigned_path(log));
    if (!text) return std::nullopt;
    auto parsed = SignedCheckpoint::parse(*text);
    // It holds nothing that is not signed elsewhere, so rubbish counts as nothing here; verifying the log tells of it.
    return parsed.ok() ? std::optional{std::move(parsed).value()} : std::nullopt;
}

SignedCheckpoint with_cosignatures(SignedCheckpoint newest, std::optional<SignedCheckpoint> const& cosigned) {
    if (!cosigned || cosigned->note.text != newest.note.text) return newest;
    auto merged = *cosigned;
    merge(merged.note, newest.note.signatures);
    return merged;
}

CosignedFile::CosignedFile(std::filesystem::path const& log) : log_{log}, newest_{read_cosigned(log)} {}

void CosignedFile::signed_now(SignedCheckpoint const& checkpoint) {
    std::lock_guard const guard{mutex_};
    recent_.push_back(checkpoint);
    if (recent_.size() > most_recent) recent_.pop_front();
}

std::optional<SignedCheckpoint> CosignedFile::add(Checkpoint const& to, std::vector<NoteSignature> const& cosignatures) {
    std::lock_guard const one_at_a_time{file_mutex_};
    std::optional<SignedCheckpoint> merged;
    if (newest_ && newest_->checkpoint == to) merged = newest_;
    {
        std::lock_guard const guard{mutex_};
        // The newest of equals: after a change of keys it bears both signatures.
        auto const known = std::find_if(recent_.rbegin(), recent_.rend(), [&](auto const& each) { return each.checkpoint == to; });
        if (known != recent_.rend()) {
            if (merged) merge(merged->note, known->note.signatures);
            else merged = *known;
        }
    }
    if (!merged || cosignatures.empty() || (newest_ && newest_->checkpoint.size > to.size)) return std::nullopt;
    // Whoever answers as a witness may answer anything: nobody replaces what the log itself signed, and what is kept must read back.
    if (std::any_of(cosignatures.begin(), cosignatures.end(), [&](auto const& each) { return each.name == to.origin; })) return std::nullopt;
    merge(merged->note, cosignatures);
    if (!Note::parse(merged->note.str()).ok()) return std::nullopt;
    replace_file(cosigned_path(log_), merged->note.str());
    newest_ = merged;
    return merged;
}

}  // namespace zephyr::tlog
