// zephyr audit verify, zephyr audit verify-proof: what anybody can check who has the files and a public key. They read no settings, no
// database and no server's word.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/audit_commands.h"
#include "zephyr/audit/epochs.h"
#include "zephyr/tlog/verify.h"

namespace zephyr::cli {

namespace fs = std::filesystem;
using tlog::VerifyReport;

namespace {

// Of `verify` and `verify-proof` alone: a script must tell "nobody vouches for it" from "it is broken".
namespace verify_code {
constexpr int authenticated = 0;
constexpr int damaged = 1;
constexpr int not_authenticated = 3;
constexpr int not_witnessed = 4;
}  // namespace verify_code

constexpr std::size_t most_text_bytes = 1 << 20;

struct VerifyCommand {
    std::string folder;
    std::vector<std::string> vkeys;
    std::string policy_file;
    std::string seen_file;
    bool running = false;
};

struct VerifyProofCommand {
    std::string proof_file;
    std::string event_file;
    std::vector<std::string> vkeys;
    std::string policy_file;
};

std::optional<std::string> read_small_file(std::string const& name, Console& console) {
    std::ifstream file{name, std::ios::binary};
    std::string text(most_text_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if ((!file.eof() && file.fail()) || text.size() > most_text_bytes || (text.empty() && !fs::exists(name))) {
        console.err << "zephyr: cannot read " << name << (text.size() > most_text_bytes ? ": it is too large" : "") << "\n";
        return std::nullopt;
    }
    return text;
}

// The keys that were named, and the witnesses a policy asks for. Nothing, and a sentence, when one of them is wrong.
std::optional<tlog::TrustPolicy> read_trust(std::vector<std::string> const& vkeys, std::string const& policy_file, Console& console) {
    tlog::TrustPolicy trust;
    if (!policy_file.empty()) {
        auto const text = read_small_file(policy_file, console);
        if (!text) return std::nullopt;
        auto policy = tlog::TrustPolicy::parse(*text);
        if (!policy.ok()) return refuse(console, policy.error()), std::nullopt;
        trust = std::move(policy).value();
    }
    for (auto const& vkey : vkeys) {
        auto key = tlog::NoteKey::parse(vkey);
        if (!key.ok()) return refuse(console, key.error()), std::nullopt;
        if (key.value().kind() != tlog::KeyKind::ed25519) {
            console.err << "zephyr: " << key.value().name() << " is a witness's key: name witnesses in --witness-policy.\n";
            return std::nullopt;
        }
        trust.logs.push_back(std::move(key).value());
    }
    return trust;
}

std::string words_of(VerifyReport const& report) {
    switch (report.verdict) {
        case VerifyReport::Verdict::authenticated: return "authenticated";
        case VerifyReport::Verdict::self_consistent: return "self-consistent, not authenticated";
        case VerifyReport::Verdict::not_witnessed: return "signed, but not by the witnesses the policy asks for";
        case VerifyReport::Verdict::damaged: break;
    }
    auto const bad = report.first_bad_index();
    return bad ? "DAMAGED, first bad index " + std::to_string(*bad) : "DAMAGED";
}

// Every word of it may come from the folder.
void print(audit::VerifiedLog const& log, Console& console) {
    auto const& report = log.report;
    console.out << printable(report.origin.empty() ? log.folder.string() : report.origin) << ": " << words_of(report) << "\n";
    console.out << "  " << report.size << " events, " << report.checkpoints << " checkpoints\n";
    if (report.first_index > 0) {
        console.out << "  events below index " << report.first_index << " were deleted when their time was over; their hashes are verified\n";
    }
    for (auto const& finding : report.findings) {
        console.out << "  ";
        if (finding.index) console.out << "index " << *finding.index << ": ";
        console.out << printable(finding.what) << "\n";
    }
    for (auto const& note : log.notes) console.out << "  " << printable(note) << "\n";
}

int code_of(VerifyReport::Verdict verdict) {
    switch (verdict) {
        case VerifyReport::Verdict::authenticated: return verify_code::authenticated;
        case VerifyReport::Verdict::self_consistent: return verify_code::not_authenticated;
        case VerifyReport::Verdict::not_witnessed: return verify_code::not_witnessed;
        case VerifyReport::Verdict::damaged: break;
    }
    return verify_code::damaged;
}

// The worst of two: damaged, then nobody vouches, then too few witnesses.
int worse(int a, int b) {
    static constexpr int order[] = {verify_code::damaged, verify_code::not_authenticated, verify_code::not_witnessed,
                                    verify_code::authenticated};
    for (int const code : order) {
        if (a == code || b == code) return code;
    }
    return a;
}

int verify(VerifyCommand const& command, Console& console) {
    auto const trust = read_trust(command.vkeys, command.policy_file, console);
    if (!trust) return exit_code::usage;
    std::optional<tlog::SignedCheckpoint> seen;
    if (!command.seen_file.empty()) {
        auto const text = read_small_file(command.seen_file, console);
        if (!text) return exit_code::usage;
        auto parsed = tlog::SignedCheckpoint::parse(*text);
        if (!parsed.ok()) return refuse(console, parsed.error());
        seen = std::move(parsed).value();
    }
    auto const logs = audit::verify_epochs(command.folder, {.trust = *trust, .seen = seen, .must_end_in_checkpoint = !command.running});
    if (logs.empty()) {
        console.err << "zephyr: there is no log in " << printable(command.folder) << "\n";
        return exit_code::usage;
    }
    int code = verify_code::authenticated;
    for (auto const& log : logs) {
        print(log, console);
        code = worse(code, code_of(log.report.verdict));
    }
    auto const continues = [&](audit::VerifiedLog const& log) { return log.report.origin == seen->checkpoint.origin; };
    if (seen && std::none_of(logs.begin(), logs.end(), continues)) {
        console.out << "no log here continues " << printable(seen->checkpoint.origin) << ", whose checkpoint was given: DAMAGED\n";
        return verify_code::damaged;
    }
    return code;
}

int verify_proof(VerifyProofCommand const& command, Console& console) {
    auto trust = read_trust(command.vkeys, command.policy_file, console);
    auto const proof_text = trust ? read_small_file(command.proof_file, console) : std::nullopt;
    auto const event = proof_text ? read_small_file(command.event_file, console) : std::nullopt;
    if (!event) return exit_code::usage;
    auto const proof = tlog::LogProof::parse(*proof_text);
    if (!proof.ok()) return refuse(console, proof.error()), verify_code::damaged;
    auto const& checkpoint = proof.value().checkpoint.checkpoint;
    auto const included =
        tlog::verify_inclusion(proof.value().index, checkpoint.size, tlog::leaf_hash(as_bytes(*event)), proof.value().path, checkpoint.root);
    if (!included.ok()) {
        console.out << "WRONG: this event is not entry " << proof.value().index << " of " << printable(checkpoint.origin) << " (" << included.error().id()
                    << ")\n";
        return verify_code::damaged;
    }
    auto const place = "entry " + std::to_string(proof.value().index) + " of " + std::to_string(checkpoint.size) + " in " + printable(checkpoint.origin);
    if (trust->logs.empty()) {
        console.out << place << ": self-consistent, not authenticated (give --vkey)\n";
        return verify_code::not_authenticated;
    }
    auto const vouched = tlog::verify_proof(proof.value(), as_bytes(*event), audit::trust_for(*std::move(trust), checkpoint.origin));
    if (vouched.ok()) {
        console.out << place << ": authenticated\n";
        return verify_code::authenticated;
    }
    if (vouched.error() == tlog::errors::witnesses_missing) {
        console.out << place << ": signed, but not by the witnesses the policy asks for\n";
        return verify_code::not_witnessed;
    }
    bool const nobodys = vouched.error() == tlog::errors::origin_wrong || vouched.error() == tlog::errors::note_unsigned;
    console.out << place << (nobodys ? ": self-consistent, not authenticated (" : ": WRONG (") << vouched.error().id() << ")\n";
    return nobodys ? verify_code::not_authenticated : verify_code::damaged;
}

// Commands that need the files alone take no --data and no --config.
void add_trust_options(CLI::App& command, std::vector<std::string>& vkeys, std::string& policy_file) {
    command.add_option("--vkey", vkeys, "The log's public key, as `zephyr audit key show` prints it; may be given again")->allow_extra_args(false);
    command.add_option("--witness-policy", policy_file, "A file (C2SP tlog-policy) that says whose signatures must stand beside it");
}

}  // namespace

void add_audit_verify_commands(CLI::App& audit, Context& context) {
    auto const command = std::make_shared<VerifyCommand>();
    auto* verified = audit.add_subcommand("verify", "Verify a log from its folder alone");
    verified->add_option("folder", command->folder, "A data folder, an audit folder or one epoch's folder")
        ->required()
        ->check(CLI::ExistingDirectory);
    add_trust_options(*verified, command->vkeys, command->policy_file);
    verified->add_option("--from", command->seen_file, "A checkpoint seen earlier: the log must continue it");
    verified->add_flag("--running", command->running, "The server may be writing: what stands behind the last checkpoint is no fault");
    verified->callback([&context, command] {
        context.choice.local = [command](Console& console) { return verify(*command, console); };
    });

    auto const proof = std::make_shared<VerifyProofCommand>();
    auto* proved = audit.add_subcommand("verify-proof", "Verify that an event stands in a log, from two files");
    proved->add_option("proof", proof->proof_file, "The .tlog-proof")->required();
    proved->add_option("event", proof->event_file, "The event's bytes, as `zephyr audit show --stored` prints them")->required();
    add_trust_options(*proved, proof->vkeys, proof->policy_file);
    proved->callback([&context, proof] {
        context.choice.local = [proof](Console& console) { return verify_proof(*proof, console); };
    });
}

}  // namespace zephyr::cli
