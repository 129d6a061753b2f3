// The key that signs the log: made once, changed without a gap, and found again after a crash at every step of a change. And epochs.
#include "audit/trail_fixture.h"

#include <atomic>
#include <thread>

#include "zephyr/audit/epochs.h"
#include "zephyr/audit/log_keys.h"
#include "zephyr/audit/witnesses.h"
#include "zephyr/foundation/durable_file.h"
#include "zephyr/tlog/verify.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::audit {
namespace {

namespace fs = std::filesystem;
using tlog::VerifyReport;
constexpr auto base = "login.example/audit/n1";

class LogKeysTest : public ::testing::Test {
protected:
    struct Node {
        std::unique_ptr<storage::Database> database;
        testing::KeptLog log;
        SubjectKeys keys;
        AuditLog audit;
        std::unique_ptr<tlog::LogWriter> writer;
        std::unique_ptr<tlog::LogReader> reader;
        std::unique_ptr<Trail> trail;
        std::optional<tlog::NoteSigner> next;

        explicit Node(LogKeysTest& test)
            : database{testing::memory_database(test.clock)}, keys{*database, test.sealer, test.clock, test.random},
              audit{*database, keys, test.clock, test.random} {
            auto const epoch = current_epoch(test.folder.path(), base);
            fs::create_directories(epoch.folder.parent_path());
            auto loaded = test.load();
            tlog::LogSettings settings;
            settings.folder = epoch.folder;
            settings.origin = epoch.origin;
            settings.checkpoint_every = std::chrono::hours{1};
            writer = tlog::LogWriter::open(settings, loaded.value().current, test.clock, log).value();
            next = loaded.value().next;
            reader = tlog::LogReader::open(epoch.folder).value();
            trail = Trail::open({*database, *writer, *reader, keys, test.clock, test.random, log},
                                {.node = "n1", .epoch = epoch.number, .first = epoch_begun(epoch)}).value();
            audit.attach(trail.get());
        }
        ~Node() { audit.attach(nullptr); }
        void refusal() { audit.append({.code = codes::auth_refused, .outcome = Outcome::denied}); }
        std::string rotate(LogKeysTest& test) {
            return rotate_log_key(audit, *writer, test.folder.path(), test.sealer, Actor::operator_cli()).value().vkey();
        }
    };

    Result<LogKeys> load() {
        auto const epoch = current_epoch(folder.path(), base);
        return load_or_create_log_keys(folder.path(), epoch.folder, epoch.origin, sealer);
    }
    fs::path log() { return current_epoch(folder.path(), base).folder; }
    VerifyReport verify(std::string const& vkey) {
        return tlog::verify_log(log(), {.trust = {.logs = {tlog::NoteKey::parse(vkey).value()}}, .key_change = next_log_key});
    }

    testing::TemporaryFolder folder;
    testing::ManualClock clock;
    testing::ScriptedRandom random;
    crypto::Sealer sealer{crypto::Keyring{crypto::MasterKey::generate(random)}, random};
};

TEST_F(LogKeysTest, the_key_is_made_once_and_sealed) {
    auto const vkey = load().value().current.key().vkey();
    EXPECT_EQ(load().value().current.key().vkey(), vkey);
    EXPECT_EQ(crypto::Sealer::key_id_of(read_small_file(folder.path() / "signing-key", 4096).value()), sealer.active_key_id());
}

TEST_F(LogKeysTest, a_lost_key_is_not_replaced_in_silence) {
    { Node{*this}.refusal(); }
    fs::remove(folder.path() / "signing-key");
    EXPECT_EQ(load().error(), errors::log_key_missing);
}

TEST_F(LogKeysTest, a_key_that_is_damaged_or_sealed_by_another_master_key_refuses) {
    static_cast<void>(load().value());
    auto const file = folder.path() / "signing-key";
    auto const good = read_small_file(file, 4096).value();
    auto bad = good;
    bad[40] ^= std::byte{1};
    replace_file(file, bad);
    EXPECT_EQ(load().error(), errors::log_key_damaged);
    replace_file(file, good);
    sealer.replace(crypto::Keyring{crypto::MasterKey::generate(random)});
    EXPECT_EQ(load().error(), errors::log_key_damaged);
}

TEST_F(LogKeysTest, another_logs_key_refuses) {
    { Node{*this}.refusal(); }
    testing::TemporaryFolder other;
    static_cast<void>(load_or_create_log_keys(other.path(), other.path() / "epochs" / "0001", base, sealer).value());
    fs::copy_file(other.path() / "signing-key", folder.path() / "signing-key", fs::copy_options::overwrite_existing);
    EXPECT_EQ(load().error(), errors::log_key_wrong);
}

TEST_F(LogKeysTest, the_file_is_sealed_again_under_a_new_master_key) {
    auto const vkey = load().value().current.key().vkey();
    auto const older = crypto::MasterKey::generate(random);
    // The key ring of the fixture plus a new active one.
    auto const second = crypto::MasterKey::generate(random);
    crypto::Sealer both{crypto::Keyring::from_keys({second, older}).value(), random};
    replace_file(folder.path() / "signing-key", [&] {
        crypto::Sealer first{crypto::Keyring{older}, random};
        fs::remove(folder.path() / "signing-key");
        static_cast<void>(load_or_create_log_keys(folder.path(), log(), base, first).value());
        return read_small_file(folder.path() / "signing-key", 4096).value();
    }());
    auto const before = load_or_create_log_keys(folder.path(), log(), base, both).value().current.key().vkey();
    EXPECT_NE(before, vkey);
    EXPECT_EQ(crypto::Sealer::key_id_of(read_small_file(folder.path() / "signing-key", 4096).value()), second.id());
}

TEST_F(LogKeysTest, a_changed_key_is_followed_by_who_knows_the_first) {
    auto const first = load().value().current.key().vkey();
    std::string second, third;
    {
        Node node{*this};
        node.refusal();
        second = node.rotate(*this);
        node.refusal();
        third = node.rotate(*this);
        node.refusal();
    }
    {
        Node node{*this};
        EXPECT_EQ(node.writer->public_key().vkey(), third);
        EXPECT_FALSE(node.next);
        node.refusal();
    }
    EXPECT_EQ(verify(first).verdict, VerifyReport::Verdict::authenticated);
    EXPECT_NE(second, first);
    EXPECT_NE(third, second);
    EXPECT_FALSE(fs::exists(folder.path() / "signing-key.next"));
}

// Killed at each step: the next start goes on, and who knows the first key still can follow.
TEST_F(LogKeysTest, a_change_survives_a_crash_at_every_step) {
    auto const first = load().value().current.key().vkey();
    auto const next_file = folder.path() / "signing-key.next";
    // Behind the first step: the next key is on disk, and the log says nothing.
    {
        testing::TemporaryFolder other;
        static_cast<void>(load_or_create_log_keys(other.path(), other.path(), base, sealer).value());
        Node{*this}.refusal();
        fs::copy_file(other.path() / "signing-key", next_file);
    }
    std::string second;
    {
        Node node{*this};
        ASSERT_TRUE(node.next);
        EXPECT_EQ(node.writer->public_key().vkey(), first);
        second = node.next->key().vkey();
        ASSERT_TRUE(finish_key_change(node.audit, *node.writer, folder.path(), std::move(*node.next), Actor::system()).ok());
    }
    EXPECT_FALSE(fs::exists(next_file));
    EXPECT_EQ(load().value().current.key().vkey(), second);
    EXPECT_EQ(verify(first).verdict, VerifyReport::Verdict::authenticated);
    // Behind the last checkpoint of the change, before the file was moved.
    auto const before = folder.path() / "before";
    fs::copy_file(folder.path() / "signing-key", before);
    std::string third;
    {
        Node node{*this};
        third = node.rotate(*this);
    }
    fs::rename(folder.path() / "signing-key", next_file);
    fs::rename(before, folder.path() / "signing-key");
    {
        Node node{*this};
        EXPECT_EQ(node.writer->public_key().vkey(), third) << "the old key signs nothing more";
        EXPECT_FALSE(node.next);
        node.refusal();
    }
    EXPECT_FALSE(fs::exists(next_file));
    EXPECT_EQ(verify(first).verdict, VerifyReport::Verdict::authenticated);
}

TEST_F(LogKeysTest, sealing_the_files_again_never_puts_the_old_key_over_the_next) {
    auto const one = crypto::MasterKey::generate(random);
    auto const other = crypto::MasterKey::generate(random);
    sealer.replace(crypto::Keyring::from_keys({one, other}).value());
    crypto::Sealer const again{crypto::Keyring::from_keys({other, one}).value(), random};  // each finds the other's work due
    Node node{*this};
    std::atomic<bool> done{false};
    std::jthread resealing{[&] {
        while (!done) {
            auto const loaded = load_or_create_log_keys(folder.path(), log(), base, again);
            EXPECT_TRUE(loaded.ok()) << loaded.error();
        }
    }};
    std::string last;
    for (int i = 0; i < 30; ++i) last = node.rotate(*this);
    done = true;
    resealing.join();
    EXPECT_EQ(load().value().current.key().vkey(), last);
}

TEST_F(LogKeysTest, only_the_entry_of_a_change_names_a_key) {
    EXPECT_EQ(next_log_key(as_bytes("")), std::nullopt);
    EXPECT_EQ(next_log_key(as_bytes("ZAUDIT06W")), std::nullopt);
    EXPECT_EQ(next_log_key(as_bytes(R"({"code":"ZAUDIT06W","details":{"new_key":"x"}})")), std::nullopt) << "no record";
}

TEST_F(LogKeysTest, an_origin_is_the_host_without_the_schemes_own_port) {
    EXPECT_EQ(log_origin("https://login.example", "n1"), "login.example/audit/n1");
    EXPECT_EQ(log_origin("https://login.example:443/", "n1"), "login.example/audit/n1");
    EXPECT_EQ(log_origin("http://login.example:80", "n1"), "login.example/audit/n1");
    EXPECT_EQ(log_origin("http://127.0.0.1:8080", "n1"), "127.0.0.1:8080/audit/n1");
    EXPECT_EQ(log_origin("https://login.example:80", "n1"), "login.example:80/audit/n1");
}

TEST_F(LogKeysTest, an_epoch_begins_with_what_is_known_of_the_one_before) {
    EXPECT_EQ(begin_next_epoch(folder.path(), base, {.reason = "too early"}).error(), errors::epoch_none);
    auto const first = load().value().current.key();
    {
        Node node{*this};
        for (int i = 0; i < 7; ++i) node.refusal();
    }
    auto const old_folder = log();
    auto const seen = tlog::LogReader::open(old_folder).value()->last_checkpoint().value();
    auto const begun = begin_next_epoch(folder.path(), base, {.reason = "restored", .indexed = 9, .witnessed = seen}).value();
    EXPECT_EQ(begun.number, 2u);
    EXPECT_EQ(begun.origin, std::string{base} + "/2");
    EXPECT_EQ(current_epoch(folder.path(), "another.example/audit/n1").origin, std::string{base} + "/2") << "a log keeps its name";
    auto const ended = ended_before(begun).value();
    EXPECT_EQ(ended.folder_size, 7u);
    EXPECT_EQ(ended.indexed, 9u);
    EXPECT_EQ(ended.witnessed_size, 7u);
    {
        Node node{*this};
        node.refusal();
        auto const record = Record::parse(node.reader->entry(0).value()).value();
        EXPECT_EQ(record.code, codes::audit_epoch_begun);
        EXPECT_EQ(record.reason, "restored");
        EXPECT_EQ(node.writer->public_key().key().fingerprint(), first.key().fingerprint()) << "the same key under another name";
        EXPECT_EQ(node.writer->public_key().name(), begun.origin);
    }
    { Node again{*this}; EXPECT_EQ(Record::parse(again.reader->entry(1).value()).value().code, codes::auth_refused); }
    EXPECT_EQ(tlog::verify_log(old_folder, {.trust = {.logs = {first}}}).verdict, VerifyReport::Verdict::authenticated);
    EXPECT_EQ(all_epochs(folder.path(), base).size(), 2u);
    EXPECT_EQ(begin_next_epoch(folder.path(), base, {.reason = "again"}).value().origin, std::string{base} + "/3");
}

TEST_F(LogKeysTest, an_epoch_begins_in_an_empty_folder_when_the_database_knows_a_log) {
    testing::TemporaryFolder empty;
    auto const begun = begin_next_epoch(empty.path(), base, {.reason = "the volume is lost", .indexed = 9, .known = 3}).value();
    EXPECT_EQ(begun.number, 4u);
    EXPECT_EQ(current_epoch(empty.path(), base).number, 4u);
    EXPECT_EQ(ended_before(begun).value().indexed, 9u);
    EXPECT_EQ(ended_before(begun).value().origin, std::string{base} + "/3");
}

// A real witness, reached without a network.
class NearWitness final : public ports::HttpClient {
public:
    NearWitness(fs::path folder, tlog::NoteSigner signer, std::vector<tlog::NoteKey> logs, Clock const& clock)
        : witness{std::move(folder), std::move(signer), std::move(logs), clock} {}
    Result<ports::HttpReply> send(ports::HttpRequest const& request) override {
        ++asked;
        if (down) return ports::errors::http_unreachable;
        EXPECT_EQ(request.url, "http://w1.example/add-checkpoint");
        EXPECT_EQ(request.method, "POST");
        auto const reply = witness.add_checkpoint(request.body);
        auto body = reply.body;
        if (lies && reply.status == 200) body[body.size() - 10] = body[body.size() - 10] == 'A' ? 'B' : 'A';
        return ports::HttpReply{reply.status, {{"content-type", reply.content_type}}, body};
    }
    tlog::Witness witness;
    std::atomic<bool> down{false}, lies{false};
    std::atomic<int> asked{0};
};

class WitnessesTest : public LogKeysTest {
protected:
    void SetUp() override { fs::create_directories(memory.path() / "state"); }
    std::unique_ptr<NearWitness> witness(Node const& node) {
        return std::make_unique<NearWitness>(memory.path() / "state", signer, std::vector{node.writer->public_key()}, clock);
    }
    std::unique_ptr<WitnessClients> clients(Node& node, NearWitness& near, std::size_t quorum = 1) {
        return std::make_unique<WitnessClients>(WitnessSettings{.witnesses = {{signer.key(), "http://w1.example"}},
                                                                .quorum = quorum,
                                                                .first_pause = std::chrono::milliseconds{5},
                                                                .longest_pause = std::chrono::milliseconds{20}},
                                                near, *node.writer, *node.reader, node.audit, clock, node.log);
    }
    testing::TemporaryFolder memory;
    tlog::NoteSigner signer{"w1.example", tlog::KeyKind::cosignature, crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)};
};

TEST_F(WitnessesTest, every_checkpoint_is_taken_to_the_witness_and_its_signature_kept) {
    Node node{*this};
    auto const near = witness(node);
    {
        auto const taking = clients(node, *near);
        for (int i = 0; i < 5; ++i) {
            node.refusal();
            ASSERT_TRUE(node.writer->checkpoint().ok());
        }
        ASSERT_TRUE(taking->wait_for_last(10s));
        EXPECT_EQ(taking->health().witnessed_size, node.writer->size());
        EXPECT_TRUE(taking->health().good());
    }
    EXPECT_TRUE(tlog::verify_note(node.writer->last_checkpoint().note, signer.key()).ok());
    auto const vkey = node.writer->public_key();
    auto const folder_of_log = log();
    node.trail->stop();
    node.writer->stop();
    tlog::VerifyOptions const options{.trust = {.logs = {vkey}, .witnesses = {signer.key()}, .quorum = 1}};
    EXPECT_EQ(tlog::verify_log(folder_of_log, options).verdict, VerifyReport::Verdict::authenticated);
}

TEST_F(WitnessesTest, a_witness_that_was_away_is_caught_up_with) {
    Node node{*this};
    auto const near = witness(node);
    near->down = true;
    auto const taking = clients(node, *near);
    node.refusal();
    ASSERT_TRUE(node.writer->checkpoint().ok());
    EXPECT_FALSE(taking->wait_for_last(50ms));
    EXPECT_TRUE(taking->health().refused.empty()) << "away is not refused";
    EXPECT_FALSE(taking->health().good()) << "the quorum is one";
    near->down = false;
    EXPECT_TRUE(taking->wait_for_last(10s));
    EXPECT_TRUE(taking->health().good());
    taking->stop();
    std::vector<std::string> events;
    for (auto const& line : node.log.lines()) {
        if (line.event.ends_with("_witnesses")) events.push_back(line.event);
    }
    EXPECT_EQ(events, (std::vector<std::string>{"audit.too_few_witnesses", "audit.enough_witnesses"})) << "once, not for each try";
}

TEST_F(WitnessesTest, a_wrong_signature_is_not_kept) {
    Node node{*this};
    auto const near = witness(node);
    near->lies = true;
    auto const taking = clients(node, *near);
    node.refusal();
    ASSERT_TRUE(node.writer->checkpoint().ok());
    EXPECT_FALSE(taking->wait_for_last(200ms));
    EXPECT_FALSE(tlog::verify_note(node.writer->last_checkpoint().note, signer.key()).ok());
    EXPECT_GT(near->asked, 1);
}

TEST_F(WitnessesTest, a_restarted_log_goes_on_from_what_the_witness_says) {
    {
        Node node{*this};
        auto const near = witness(node);
        auto const taking = clients(node, *near);
        node.refusal();
        ASSERT_TRUE(node.writer->checkpoint().ok());
        ASSERT_TRUE(taking->wait_for_last(10s));
    }
    Node node{*this};
    auto const near = witness(node);
    auto const taking = clients(node, *near);
    node.refusal();
    ASSERT_TRUE(node.writer->checkpoint().ok());
    EXPECT_TRUE(taking->wait_for_last(10s));
}

TEST_F(WitnessesTest, a_log_that_was_put_back_is_refused_and_says_so) {
    auto const backup = memory.path() / "backup";
    {
        Node node{*this};
        node.refusal();
    }
    fs::copy(folder.path(), backup, fs::copy_options::recursive);
    {
        Node node{*this};
        auto const near = witness(node);
        auto const taking = clients(node, *near);
        for (int i = 0; i < 5; ++i) node.refusal();
        ASSERT_TRUE(node.writer->checkpoint().ok());
        ASSERT_TRUE(taking->wait_for_last(10s));
    }
    for (auto const& each : fs::directory_iterator{folder.path()}) fs::remove_all(each.path());
    fs::copy(backup, folder.path(), fs::copy_options::recursive);
    Node node{*this};
    auto const near = witness(node);
    auto const taking = clients(node, *near);
    node.refusal();
    ASSERT_TRUE(node.writer->checkpoint().ok());
    for (int i = 0; i < 1000 && taking->health().refused.empty(); ++i) std::this_thread::sleep_for(10ms);
    ASSERT_EQ(taking->health().refused, std::vector<std::string>{"w1.example"});
    // Also once it has grown past what the witness saw.
    for (int i = 0; i < 20; ++i) node.refusal();
    ASSERT_TRUE(node.writer->checkpoint().ok());
    EXPECT_FALSE(taking->wait_for_last(100ms));
    EXPECT_FALSE(taking->health().good());
    auto const events = node.audit.query({.code = std::string{codes::audit_witness_refused}});
    ASSERT_EQ(events.size(), 1u) << "said once";
}

TEST(WitnessTargets, only_a_witnesss_key_and_an_http_address_are_taken) {
    tlog::NoteKey const key{"w1.example", tlog::KeyKind::cosignature,
                            crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519).verify_key()};
    EXPECT_EQ(WitnessTarget::parse(key.vkey() + " https://w1.example:8443/w/").value().url, "https://w1.example:8443/w");
    tlog::NoteKey const log{"w1.example", tlog::KeyKind::ed25519, key.key()};
    for (auto const& text : {std::string{}, key.vkey(), key.vkey() + " ftp://w1.example", log.vkey() + " https://w1.example",
                             key.vkey() + " https://w1.example ", key.vkey() + " https://w1.example?x"}) {
        EXPECT_FALSE(WitnessTarget::parse(text).ok()) << text;
    }
}

}  // namespace
}  // namespace zephyr::audit
