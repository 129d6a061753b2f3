// C2SP tlog-policy, without groups of groups: what is left is "N of these witnesses", which TrustPolicy can say.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "tlog/lines.h"
#include "zephyr/tlog/checkpoint.h"

namespace zephyr::tlog {

namespace {

constexpr std::size_t largest_policy = 64 * 1024;
constexpr std::size_t most_of_each = 100;  // "strongly recommended that an implementation supports at least up to 32"
constexpr std::string_view none = "none";

using Words = std::vector<std::string_view>;

// "the items on each line are separated by "whitespace", which in this specification means sequences of ASCII space and tab characters
// *only*."
Words words_of(std::string_view line) {
    Words words;
    for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
        auto const end = std::min(line.find_first_of(" \t", at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

// "the allowed octet values are 0x09 (tab), 0x0A (newline), 0x20-0x7E, and 0x80-0xFF."
bool is_policy_characters(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        auto const octet = static_cast<unsigned char>(c);
        return octet == '\t' || octet == '\n' || (octet >= 0x20 && octet != 0x7f);
    });
}

class PolicyReader {
public:
    // A sentence about what is wrong with the line, or nothing.
    std::optional<std::string> read(Words const& words) {
        auto const& what = words.front();
        if (what == "log") return read_log(words);
        if (what == "witness") return read_witness(words);
        if (what == "group") return read_group(words);
        if (what == "quorum") return read_quorum(words);
        return "no such line: " + std::string{what};
    }

    std::optional<TrustPolicy> finish() && {
        if (!quorum_seen_) return std::nullopt;
        TrustPolicy policy{std::move(logs_), {}, quorum_.needed};
        for (auto const& member : quorum_.members) policy.witnesses.push_back(witnesses_.at(member));
        return policy;
    }

private:
    struct Group {
        std::vector<std::string> members;
        std::size_t needed = 0;
    };

    // "Two vkeys are considered duplicate if they wrap the same underlying public key, even if they differ by key name and key id."
    static std::optional<std::string> refuse_key(Result<NoteKey> const& key, KeyKind kind, std::set<Bytes>& seen) {
        if (!key.ok()) return "no verifier key";
        if (key.value().kind() != kind) return "a key of the wrong kind";
        if (seen.size() == most_of_each) return "too many keys";
        if (!seen.insert(key.value().key().ed25519_point()).second) return "the same key twice";
        return std::nullopt;
    }
    std::optional<std::string> refuse_name(std::string const& name) const {
        if (name == none) return "the name none has a meaning of its own";
        if (witnesses_.contains(name) || groups_.contains(name)) return "the name twice: " + name;
        return std::nullopt;
    }

    std::optional<std::string> read_log(Words const& words) {
        if (words.size() != 2 && words.size() != 3) return "log VKEY [URL]";
        auto key = NoteKey::parse(words[1]);
        if (auto const wrong = refuse_key(key, KeyKind::ed25519, log_points_)) return wrong;
        logs_.push_back(std::move(key).value());
        return std::nullopt;
    }

    std::optional<std::string> read_witness(Words const& words) {
        if (words.size() != 3 && words.size() != 4) return "witness NAME VKEY [URL]";
        std::string const name{words[1]};
        if (auto const wrong = refuse_name(name)) return wrong;
        auto key = NoteKey::parse(words[2]);
        if (auto const wrong = refuse_key(key, KeyKind::cosignature, witness_points_)) return wrong;
        witnesses_.emplace(name, std::move(key).value());
        return std::nullopt;
    }

    // "it is required that 1 <= k <= n", and "Each defined name can be listed as a group member at most once", in any group.
    std::optional<std::string> read_group(Words const& words) {
        if (words.size() < 4) return "group NAME all|any|N MEMBER...";
        std::string const name{words[1]};
        if (auto const wrong = refuse_name(name)) return wrong;
        if (groups_.size() == most_of_each) return "too many groups";
        Group group;
        for (std::size_t i = 3; i < words.size(); ++i) {
            std::string const member{words[i]};
            if (groups_.contains(member)) return "a group in a group is not supported: " + member;
            if (!witnesses_.contains(member)) return "no such witness: " + member;
            if (!grouped_.insert(member).second) return "a member twice: " + member;
            group.members.push_back(member);
        }
        auto const count = group.members.size();
        auto const needed = words[2] == "all" ? count : words[2] == "any" ? 1 : parse_decimal(words[2]).value_or(0);
        if (needed < 1 || needed > count) return "not from 1 to the number of members: " + std::string{words[2]};
        group.needed = needed;
        groups_.emplace(name, std::move(group));
        return std::nullopt;
    }

    std::optional<std::string> read_quorum(Words const& words) {
        if (words.size() != 2) return "quorum NAME|none";
        if (std::exchange(quorum_seen_, true)) return "a second quorum line";
        std::string const name{words[1]};
        if (name == none) return std::nullopt;
        if (witnesses_.contains(name)) {
            quorum_ = {{name}, 1};
        } else if (auto const group = groups_.find(name); group != groups_.end()) {
            quorum_ = group->second;
        } else {
            return "no such witness or group: " + name;
        }
        return std::nullopt;
    }

    std::vector<NoteKey> logs_;
    std::map<std::string, NoteKey> witnesses_;
    std::map<std::string, Group> groups_;
    std::set<std::string> grouped_;
    std::set<Bytes> log_points_;
    std::set<Bytes> witness_points_;
    Group quorum_;
    bool quorum_seen_ = false;
};

}  // namespace

Result<TrustPolicy> TrustPolicy::parse(std::string_view text) {
    if (text.size() > largest_policy) return Error{errors::policy_malformed, "too long"};
    if (!is_policy_characters(text)) return Error{errors::policy_malformed, "a control character"};
    PolicyReader reader;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto const end = text.find('\n');
        auto const words = words_of(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (words.empty() || words.front().starts_with('#')) continue;
        if (auto const wrong = reader.read(words)) return Error{errors::policy_malformed, "line " + std::to_string(number) + ": " + *wrong};
    }
    auto policy = std::move(reader).finish();
    // "A policy file must include exactly one quorum line."
    if (!policy) return Error{errors::policy_malformed, "no quorum line"};
    return std::move(*policy);
}

}  // namespace zephyr::tlog
