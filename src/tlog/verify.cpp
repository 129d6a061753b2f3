#include "zephyr/tlog/verify.h"

#include <algorithm>
#include <set>

#include "tlog/checkpoint_file.h"
#include "tlog/note_check.h"
#include "tlog/verify_entries.h"
#include "tlog/verify_folder.h"
#include "tlog/verify_signers.h"
#include "tlog/verify_tree.h"

namespace zephyr::tlog {

namespace fs = std::filesystem;

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

class Verification {
public:
    Verification(fs::path const& folder, VerifyOptions const& options)
        : folder_{folder}, options_{options}, signers_{options.trust.logs} {}

    VerifyReport run() {
        if (check_folder(folder_, options_.must_end_in_checkpoint, findings_)) {
            read_origin();
            read_history();
            choose_signers();
            walk();
            judge_witnesses();
        }
        return conclude();
    }

private:
    void read_origin() {
        auto const text = read_whole(folder_ / "origin");
        bool const one_line = text && text->size() > 1 && text->find('\n') == text->size() - 1;
        if (!one_line) findings_.add("\"origin\" does not name the log");
        else report_.origin = text->substr(0, text->size() - 1);
    }

    void read_history() {
        auto const file = LogFile::if_there(checkpoints_path(folder_));
        if (!file) {
            findings_.add("there are no checkpoints");
            history_damaged_ = true;
            return;
        }
        auto stored = read_checkpoints(*file);
        auto last = stored.end < file->size() ? last_stored_checkpoint(*file) : std::nullopt;
        bool const torn = !options_.must_end_in_checkpoint && (!last || last->end <= stored.end);
        if (stored.end < file->size() && !torn) {
            history_damaged_ = true;
            findings_.add("\"checkpoints\" is damaged behind checkpoint " + number(stored.all.size()) + ", at byte " + number(stored.end));
            if (last && last->end > stored.end) stored.all.push_back(std::move(last->checkpoint));
        }
        report_.checkpoints = stored.all.size();
        for (auto& each : stored.all) admit(std::move(each));
        if (history_.empty() && !history_damaged_) {
            findings_.add("there are no checkpoints");
            history_damaged_ = true;
        }
    }

    // Into the history, unless it does not belong there at all.
    void admit(SignedCheckpoint next) {
        auto const before = history_.size();
        auto const what = "checkpoint of size " + number(next.checkpoint.size);
        if (!report_.origin.empty() && next.checkpoint.origin != report_.origin) {
            findings_.add("a " + what + " is of another log, \"" + next.checkpoint.origin + "\"");
        } else if (!history_.empty() && next.checkpoint.size < history_.back().checkpoint.size) {
            findings_.add("a " + what + " stands behind one of size " + number(history_.back().checkpoint.size) + ": the history goes back");
        } else {
            history_.push_back(std::move(next));
        }
        history_damaged_ = history_damaged_ || history_.size() == before;
    }

    // Keys that signed nothing here vouch for nothing: without them it may still be whole. One wrong or missing signature beside good ones
    // is another matter.
    void choose_signers() {
        if (!signers_.any()) return;
        auto const has_signed = [&](NoteKey const& key) {
            if (key.kind() != KeyKind::ed25519) return false;
            return std::ranges::any_of(history_, [&](SignedCheckpoint const& each) {
                return each.checkpoint.origin == key.name() && std::ranges::any_of(each.note.signatures, [&](NoteSignature const& signature) {
                           return signature.name == key.name() && signature.key_id == key.id();
                       });
            });
        };
        strangers_ = std::ranges::none_of(signers_.keys(), has_signed);
        if (strangers_) signers_ = Signers{{}};
    }

    std::uint64_t signed_size() const { return history_.empty() ? 0 : history_.back().checkpoint.size; }

    void walk() {
        auto const torn_from = options_.must_end_in_checkpoint ? std::nullopt : std::optional{signed_size()};
        EntryWalk entries{folder_, torn_from, findings_};
        TreeCheck tree{folder_, findings_};
        report_.first_index = entries.first_index();
        for (std::uint64_t index = 0;; ++index) {
            judge_at(tree);
            auto const* const stored = tree.stored_leaf(index);
            auto const entry = index < entries.first_index() ? std::nullopt : entries.entry(index);
            if (stored == nullptr && !entry) break;
            if (!entry) {
                tree.append(*stored);
                continue;
            }
            auto const leaf = leaf_hash(*entry);
            if (stored != nullptr && *stored != leaf) findings_.add("entry " + number(index) + " is not the one that was hashed", index);
            else listen(*entry);
            tree.append(stored != nullptr ? *stored : leaf);
        }
        judge_ends(entries, tree);
    }

    void listen(ByteView entry) {
        if (options_.key_change != nullptr) {
            if (auto vkey = options_.key_change(entry)) signers_.announce(std::move(*vkey));
        }
        if (options_.deletion != nullptr) {
            if (auto const below = options_.deletion(entry)) announced_ = std::max(announced_, *below);
        }
    }

    // Everything that was ever said of a tree of this size.
    void judge_at(TreeCheck const& tree) {
        std::optional<Hash> root;
        auto const same_root = [&](Checkpoint const& checkpoint) {
            if (!root) root = tree.root();
            return checkpoint.root == *root;
        };
        for (; judged_ < history_.size() && history_[judged_].checkpoint.size == tree.size(); ++judged_) {
            if (root_broken_) continue;  // every later one is wrong too
            auto const& checkpoint = history_[judged_];
            bool const good = same_root(checkpoint.checkpoint);
            bool authentic = true;  // without keys nobody can tell
            if (signers_.any()) {
                auto const judgement = signers_.judge(checkpoint, good);
                authentic = judgement.authentic;
                if (judgement.wrong) {
                    findings_.add("checkpoint " + number(judged_) + ", of size " + number(tree.size()) + ": " + *judgement.wrong);
                }
            }
            // What nobody trusted has said blames no entry.
            history_damaged_ = history_damaged_ || !authentic;
            if (good && authentic) deletable_ = announced_;  // what stands behind the last good checkpoint anybody may have written
            if (good) good_size_ = tree.size();
            else if (authentic) blame_root(tree.size());
        }
        if (options_.seen && options_.seen->checkpoint.size == tree.size() && !same_root(options_.seen->checkpoint)) {
            findings_.add("the first " + number(tree.size()) + " entries are not those that were seen before: the log was forked or made anew");
        }
    }

    // The root of this size is not the one signed, while that of good_size_ was.
    void blame_root(std::uint64_t size) {
        root_broken_ = true;
        if (findings_.first_within(good_size_, size)) return;  // that explains it
        if (size == good_size_) {
            findings_.add("two checkpoints of size " + number(size) + " name different roots");
            return;
        }
        findings_.add("the entries " + number(good_size_) + " to " + number(size - 1) + " and their hashes are not those that were signed: "
                      "one of them or more were changed together with their hashes", good_size_);
    }

    // How many entries there were when a trusted key last signed, of checkpoints of more entries than there are hashes too.
    std::uint64_t last_signed_size() {
        auto size = judged_ == 0 ? 0 : history_[judged_ - 1].checkpoint.size;
        for (auto at = judged_; at < history_.size(); ++at) {
            auto const& checkpoint = history_[at];
            if (signers_.any() && !signers_.judge(checkpoint, false).authentic) {
                history_damaged_ = true;
                findings_.add("checkpoint " + number(at) + ", of size " + number(checkpoint.checkpoint.size) +
                              ": its signature is wrong, or by a key that is not known");
            } else {
                size = checkpoint.checkpoint.size;
            }
        }
        return size;
    }

    void judge_ends(EntryWalk const& entries, TreeCheck& tree) {
        auto const end = entries.end();
        auto const due = last_signed_size();
        if (end < due && !findings_.first_within(end, due)) {
            // With their hashes gone too, nothing is left to hold the entries before them against.
            auto const doubt = tree.size() < due && good_size_ < end
                                   ? "; those from " + number(good_size_) + " on are covered by no checkpoint that can be checked"
                                   : std::string{};
            findings_.add("entries " + number(end) + " to " + number(due - 1) + " are missing: the log was cut" + doubt, end);
        }
        bool const stopped = options_.must_end_in_checkpoint;
        if (stopped && end > due && !history_damaged_) {
            findings_.add("entries from " + number(due) + " on stand behind the last checkpoint: its end was cut off, or the log was not stopped",
                          due);
        }
        tree.check_lengths(stopped && history_damaged_ ? std::max(end, due) : due, stopped && end <= due);
        if (options_.deletion != nullptr && entries.first_index() > deletable_) {
            findings_.add("entries " + number(deletable_) + " to " + number(entries.first_index() - 1) +
                          " are gone, and no entry says that they were to be deleted", deletable_);
        }
        report_.size = due;
        if (!options_.seen) return;
        auto const& seen = options_.seen->checkpoint;
        if (!report_.origin.empty() && seen.origin != report_.origin) findings_.add("the checkpoint seen before is of another log, \"" + seen.origin + "\"");
        else if (seen.size > due) {
            findings_.add("a checkpoint of size " + number(seen.size) + " was seen before, and this log ends at " + number(due) +
                          ": it was rolled back", due);
        }
    }

    // "cosigned": the newest checkpoint that witnesses signed.
    void judge_witnesses() {
        auto const text = read_whole(folder_ / "cosigned");
        if (!text) return;
        auto const parsed = SignedCheckpoint::parse(*text);
        if (!parsed.ok() || parsed.value().note.str() != *text) {
            findings_.add("\"cosigned\" is no checkpoint");
            return;
        }
        auto const& note = parsed.value().note;
        auto const same = [&](SignedCheckpoint const& each) { return each.note.text == note.text; };
        if (!history_damaged_ && !std::ranges::any_of(history_, same)) {
            findings_.add("\"cosigned\" is none of the log's checkpoints");
            return;
        }
        if (signers_.any() && !signed_by_log(note)) findings_.add("\"cosigned\" bears no good signature of the log");
        std::set<Bytes> cosigners;
        for (auto const& key : options_.trust.witnesses) {
            if (key.kind() != KeyKind::cosignature) continue;  // a log that signs as a log is not its own witness
            auto const checked = check_signature(note, key);
            if (checked && checked->ok()) cosigners.insert(key.key().ed25519_point());
            if (checked && !checked->ok()) findings_.add("the signature of witness \"" + key.name() + "\" in \"cosigned\" is wrong");
        }
        cosigners_ = cosigners.size();
        if (cosigners_ >= options_.trust.quorum) witnessed_size_ = parsed.value().checkpoint.size;
    }

    bool signed_by_log(Note const& note) const {
        bool any = false;
        for (auto const& key : signers_.keys()) {
            auto const checked = check_signature(note, key);
            if (checked && !checked->ok()) return false;
            any = any || checked;
        }
        return any;
    }

    VerifyReport conclude() {
        using Verdict = VerifyReport::Verdict;
        bool const whole = findings_.none();
        auto const quorum = options_.trust.quorum;
        bool const witnessed = quorum == 0 || (cosigners_ >= quorum && witnessed_size_ == report_.size);
        if (!whole) report_.verdict = Verdict::damaged;
        else if (!signers_.any()) report_.verdict = Verdict::self_consistent;
        else if (!witnessed) report_.verdict = Verdict::not_witnessed;
        else report_.verdict = Verdict::authenticated;
        if (whole && quorum > 0 && !witnessed && !strangers_) {
            findings_.add("entries from " + number(witnessed_size_) + " on are not signed by " + number(quorum) + " of the witnesses", witnessed_size_);
        }
        if (whole && strangers_) findings_.add("no key that was given has signed any of its checkpoints");
        report_.findings = std::move(findings_).sorted();
        return std::move(report_);
    }

    fs::path const& folder_;
    VerifyOptions const& options_;
    VerifyReport report_;
    Findings findings_;
    Signers signers_;
    std::vector<SignedCheckpoint> history_;
    bool history_damaged_ = false;
    std::size_t judged_ = 0;
    std::uint64_t good_size_ = 0;  // of the last checkpoint whose root was right
    bool root_broken_ = false;
    bool strangers_ = false;  // keys were given, and none of them ever signed here
    std::uint64_t announced_ = 0;  // below that everything was to be deleted, say the entries so far
    std::uint64_t deletable_ = 0;  // and those that a good checkpoint covers
    std::size_t cosigners_ = 0;
    std::uint64_t witnessed_size_ = 0;
};

}  // namespace

std::optional<std::uint64_t> VerifyReport::first_bad_index() const {
    for (auto const& each : findings)
        if (each.index) return each.index;
    return std::nullopt;
}

VerifyReport verify_log(fs::path const& folder, VerifyOptions const& options) {
    return Verification{folder, options}.run();
}

}  // namespace zephyr::tlog
