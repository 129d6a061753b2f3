// Our notes and trees by lines on stdin and stdout, for tlog_interop_test.py, which asks main.go the same questions.
//
//   vkey SEED NAME                            the verifier key
//   sign SEED NAME TEXT                       a note
//   open VKEY NOTE                            the text, or "refused"
//   grow SIZE                                 the root of the tree of the entries "entry 0", "entry 1", ...
//   checkpoint SEED ORIGIN SIZE               a signed checkpoint of it
//   inclusion INDEX SIZE, consistency OLD NEW a proof: hashes with blanks between
//   check_inclusion INDEX SIZE ROOT HASH...   "good" or "refused"
//   check_consistency OLD NEW OLD_ROOT NEW_ROOT HASH...
//   read_checkpoint VKEY NOTE                 size and root, or "refused"
// Seeds are hexadecimal; names, texts, notes and hashes are base64.
#include <algorithm>
#include <iostream>
#include <sstream>

#include "tlog/lines.h"
#include "tlog/note_keys.h"
#include "zephyr/encoding/base64.h"

using namespace zephyr;
using namespace zephyr::tlog;

namespace {

std::string decoded(std::string const& base64) {
    return to_text(encoding::base64_decode(base64).value());
}
std::string encoded(std::string const& text) {
    return encoding::base64_encode(as_bytes(text));
}
std::string joined(HashList const& hashes) {
    std::string out;
    for (auto const& hash : hashes) out += (out.empty() ? "" : " ") + hash_text(hash);
    return out;
}

// Complete subtrees, as the files of a log hold them.
class Tree {
public:
    void grow(std::uint64_t size) {
        while (levels_.front().size() < size) {
            auto hash = leaf_hash(as_bytes("entry " + std::to_string(levels_.front().size())));
            for (std::size_t level = 0;; ++level) {
                if (level == levels_.size()) levels_.emplace_back();
                levels_[level].push_back(hash);
                if (levels_[level].size() % 2 == 1) break;
                hash = node_hash(levels_[level][levels_[level].size() - 2], hash);
            }
        }
    }
    NodeReader nodes() const {
        return [this](unsigned level, std::uint64_t index) { return levels_.at(level).at(index); };
    }

private:
    std::vector<HashList> levels_ = std::vector<HashList>(1);
};

class Tool {
public:
    std::string answer(std::string const& line) {
        std::istringstream words{line};
        std::string const command = word(words);
        if (command == "vkey") return encoded(signer(words).key().vkey());
        if (command == "sign") return sign(words);
        if (command == "open") return open(words);
        if (command == "grow") return grow(number(words));
        if (command == "checkpoint") return checkpoint(words);
        if (command == "read_checkpoint") return read_checkpoint(words);
        auto const first = number(words), second = number(words);
        if (command == "inclusion") return joined(inclusion_proof(first, second, tree_.nodes()).value());
        if (command == "consistency") return joined(consistency_proof(first, second, tree_.nodes()).value());
        auto const hashes = rest(words);
        bool good = false;
        if (command == "check_inclusion") {
            auto const leaf = leaf_hash(as_bytes("entry " + std::to_string(first)));
            good = verify_inclusion(first, second, leaf, {hashes.begin() + 1, hashes.end()}, hashes.at(0)).ok();
        } else if (command == "check_consistency") {
            good = verify_consistency(first, second, hashes.at(0), hashes.at(1), {hashes.begin() + 2, hashes.end()}).ok();
        }
        return good ? "good" : "refused";
    }

private:
    static std::string word(std::istringstream& words) {
        std::string out;
        words >> out;
        return out;
    }
    static std::uint64_t number(std::istringstream& words) { return parse_decimal(word(words)).value(); }
    static HashList rest(std::istringstream& words) {
        HashList hashes;
        for (std::string base64; words >> base64;) hashes.push_back(parse_hash(base64).value());
        return hashes;
    }
    static NoteSigner signer(std::istringstream& words) {
        auto const seed = encoding::hex_decode(word(words)).value();
        return {decoded(word(words)), KeyKind::ed25519, key_of_seed(seed)};
    }

    static std::string sign(std::istringstream& words) {
        auto const key = signer(words);
        auto const text = decoded(word(words));
        return encoded(Note{text, {key.sign(text, {})}}.str());
    }
    static std::string open(std::istringstream& words) {
        auto const key = NoteKey::parse(decoded(word(words)));
        auto const note = Note::parse(decoded(word(words)));
        return key.ok() && note.ok() && verify_note(note.value(), key.value()).ok() ? encoded(note.value().text) : "refused";
    }
    std::string grow(std::uint64_t size) {
        tree_.grow(size);
        return hash_text(root_of(size, tree_.nodes()));
    }
    std::string checkpoint(std::istringstream& words) {
        auto const key = signer(words);
        auto const size = number(words);
        tree_.grow(size);
        return encoded(signed_by({key.key().name(), size, root_of(size, tree_.nodes())}, {key}).note.str());
    }
    static std::string read_checkpoint(std::istringstream& words) {
        auto const key = NoteKey::parse(decoded(word(words)));
        auto const checkpoint = SignedCheckpoint::parse(decoded(word(words)));
        if (!key.ok() || !checkpoint.ok() || !verify_checkpoint(checkpoint.value(), {{key.value()}, {}, 0}).ok()) return "refused";
        return std::to_string(checkpoint.value().checkpoint.size) + " " + hash_text(checkpoint.value().checkpoint.root);
    }

    Tree tree_;
};

}  // namespace

int main() {
    Tool tool;
    for (std::string line; std::getline(std::cin, line);) std::cout << tool.answer(line) << std::endl;
    return 0;
}
