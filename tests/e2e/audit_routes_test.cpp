// The audit log over HTTP: who may read it, that reading is recorded, proofs, tiles, and the pages of auditors.
#include <gtest/gtest.h>

#include <filesystem>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/base64.h"
#include "zephyr/tlog/verify.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Client;
using testing::TestApp;

std::filesystem::path fresh_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "zephyr-audit-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw Fault{"no temporary folder"};
    return name;
}

class AuditOverHttp : public ::testing::Test {
protected:
    AuditOverHttp() {
        auto const origin = std::string{"127.0.0.1:8080/audit/one"};
        auto& parts = app.stack.audit_log;
        parts.node = "one";
        auto writer = tlog::LogWriter::open({.folder = folder / "log", .origin = origin, .checkpoint_every = 1h},
                                            tlog::NoteSigner{origin, tlog::KeyKind::ed25519, crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)},
                                            app.clock, app.log);
        parts.writer = std::move(writer).value();
        parts.reader = tlog::LogReader::open(folder / "log").value();
        app.stack.evidence.attach({.node = "one", .writer = parts.writer.get(), .reader = parts.reader.get()});
        EXPECT_TRUE(app.stack.begin_trail({.node = "one"}).ok());
        auto const root = app.add_user("root", "auditor");
        auto const secret = app.enrol(root);
        client.submit("/sign-in", {{"username", "root"}, {"password", TestApp::good_password.data()}});
        EXPECT_EQ(client.submit("/sign-in/factor", {{"code", app.code_for(secret)}}).status(), 303);
    }
    ~AuditOverHttp() override { std::filesystem::remove_all(folder); }

    std::size_t count(std::string_view code) { return app.stack.audit.query({.code = std::string{code}, .limit = 1000}).size(); }
    audit::StoredEvent newest(std::string_view code) { return app.stack.audit.query({.code = std::string{code}, .limit = 1}).front(); }

    std::filesystem::path folder = fresh_folder();
    TestApp app;
    Client client{app};
};

TEST_F(AuditOverHttp, is_not_for_people_without_the_permission) {
    app.add_user("alice");
    Client alice{app};
    alice.log_in("alice");
    Client stranger{app};
    for (std::string const path : {"/audit/events", "/audit/checkpoint", "/audit/tile/0/000", "/audit/tile/entries/000.p/1", "/admin/audit",
                                   "/audit/events/01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3", "/audit/proofs/01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3"}) {
        EXPECT_EQ(alice.get(path).status(), 403) << path;
        EXPECT_EQ(stranger.get(path).status(), 401) << path;
    }
    EXPECT_EQ(count(audit::codes::audit_read), 0u);
}

TEST_F(AuditOverHttp, an_auditor_administers_nothing) {
    EXPECT_EQ(client.get("/audit/events").status(), 200);
    EXPECT_EQ(client.page("/admin/audit").status(), 200);
    EXPECT_EQ(client.page("/admin").status(), 403);
    EXPECT_EQ(client.page("/admin/users").status(), 403);
    EXPECT_EQ(client.page("/admin/audit").body().find("href=\"/admin/users"), std::string::npos) << "no link that leads nowhere";
}

TEST_F(AuditOverHttp, reading_is_recorded_once_with_its_filter) {
    ASSERT_EQ(client.get("/audit/events?code=auth.signed_in&from=2000-01-01").status(), 200);
    EXPECT_EQ(count(audit::codes::audit_read), 1u);
    auto const read = newest(audit::codes::audit_read);
    EXPECT_EQ(read.actor.type, audit::Actor::Type::user);
    std::string details;
    for (auto const& [name, value] : read.details) details += name + "=" + value + " ";
    EXPECT_EQ(details, "code=auth.signed_in from=2000-01-01 records=1 ");
}

TEST_F(AuditOverHttp, whose_events_were_read_does_not_stand_in_the_clear_in_the_log) {
    auto const alice = app.add_user("alice");
    ASSERT_EQ(client.get("/audit/events?subject=" + alice.id.str()).status(), 200);
    ASSERT_EQ(client.get("/audit/events?actor=" + alice.id.str()).status(), 200);
    for (auto const& event : app.stack.audit.query({.code = std::string{audit::codes::audit_read}})) {
        EXPECT_EQ(as_text(event.body).find(alice.id.str()), std::string_view::npos) << as_text(event.body);
    }
}

TEST_F(AuditOverHttp, pages_lead_through_every_event_once) {
    for (int i = 0; i < 7; ++i) app.stack.audit.append({.code = audit::codes::setting_changed, .actor = audit::Actor::system()});
    std::set<std::string> seen;
    std::string path = "/audit/events?code=server.setting_changed&limit=3";
    std::string cursor;
    for (int pages = 0; pages < 4; ++pages) {
        auto const answer = client.get(path + cursor).json();
        for (auto const& event : *answer.find("events")->items()) EXPECT_TRUE(seen.insert(event.string_at("id").value()).second);
        auto const next = answer.string_at("cursor");
        if (!next) break;
        cursor = "&cursor=" + *next;
    }
    EXPECT_EQ(seen.size(), 7u);
    // The same cursor under another filter, and in somebody else's hands.
    EXPECT_EQ(client.get("/audit/events?limit=3" + cursor).id(), "audit.cursor_wrong");
    EXPECT_EQ(client.get(path + "&cursor=AAAA").id(), "audit.cursor_wrong");
}

TEST_F(AuditOverHttp, refuses_filters_it_cannot_read) {
    for (std::string const query : {"limit=0", "limit=1001", "limit=x", "code=nothing", "outcome=good", "from=now", "subject=alice", "limit=1&limit=2"}) {
        auto const answer = client.get("/audit/events?" + query);
        if (query == "limit=1&limit=2") continue;  // repeated: as if absent
        EXPECT_EQ(answer.status(), 400) << query;
        EXPECT_EQ(answer.id(), "audit.filter_invalid") << query;
    }
    EXPECT_EQ(count(audit::codes::audit_read), 1u) << "nothing was read";
}

TEST_F(AuditOverHttp, an_event_comes_with_bytes_that_its_proof_proves) {
    auto const id = newest(audit::codes::auth_signed_in).id;
    auto const event = client.get("/audit/events/" + id).json();
    auto const stored = encoding::base64_decode(event.string_at("stored").value()).value();
    auto const text = client.get("/audit/proofs/" + id);
    ASSERT_EQ(text.status(), 200) << text.body();
    EXPECT_EQ(text.header("Content-Type"), "text/plain; charset=utf-8");
    auto const proof = tlog::LogProof::parse(text.body()).value();
    tlog::TrustPolicy const trust{.logs = {app.stack.audit_log.writer->public_key()}};
    EXPECT_TRUE(tlog::verify_proof(proof, stored, trust).ok());
    auto changed = stored;
    changed[10] ^= std::byte{1};
    EXPECT_FALSE(tlog::verify_proof(proof, changed, trust).ok());
    EXPECT_EQ(client.get("/audit/proofs/01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3").id(), "audit.event_unknown");
    EXPECT_EQ(client.get("/audit/events/1").id(), "audit.event_unknown");
}

TEST_F(AuditOverHttp, a_proof_that_another_node_has_is_asked_for_there) {
    auto const id = newest(audit::codes::auth_signed_in).id;
    app.stack.database->write([&](storage::Transaction& tx) { tx.run("UPDATE audit_event SET node = 'two' WHERE id = $1", id); });
    auto const answer = client.get("/audit/proofs/" + id);
    EXPECT_EQ(answer.status(), 404);
    EXPECT_EQ(answer.id(), "audit.other_node");
    EXPECT_NE(answer.body().find("two"), std::string::npos);
    EXPECT_EQ(client.page("/admin/audit/" + id).status(), 200) << "the event is still readable";
}

TEST_F(AuditOverHttp, an_index_that_leads_to_another_event_proves_nothing) {
    auto const id = newest(audit::codes::auth_signed_in).id;
    app.stack.database->write([&](storage::Transaction& tx) { tx.run("UPDATE audit_event SET log_index = 0 WHERE id = $1", id); });
    EXPECT_EQ(client.get("/audit/proofs/" + id).id(), "audit.not_logged");
}

// Who can write to the database can change what people read, and nothing of what is proved: the two are compared.
TEST_F(AuditOverHttp, a_row_that_says_something_else_than_the_log_is_shown_as_wrong) {
    auto const bob = app.add_user("bob");
    auto const event = newest(audit::codes::auth_signed_in);
    ASSERT_EQ(client.get("/audit/proofs/" + event.id).status(), 200);
    auto const body = to_text(event.body);
    auto const set = [&](std::string const& what, std::string const& value) {
        app.stack.database->write([&](storage::Transaction& tx) {
            if (what == "body") tx.run("UPDATE audit_event SET body = $2 WHERE id = $1", event.id, to_bytes(value));
            else if (what == "time") tx.run("UPDATE audit_event SET time = $2 WHERE id = $1", event.id, event.time + 1ms);
            else tx.run("UPDATE audit_event SET " + what + " = $2 WHERE id = $1", event.id, value);
        });
    };
    auto const restore = [&] {
        app.stack.database->write([&](storage::Transaction& tx) {
            tx.run("UPDATE audit_event SET actor_ref = $2, subject = $3, actor_type = 'user', code = $4, outcome = 'success', reason = $5,"
                   " time = $6, body = $7 WHERE id = $1",
                   event.id, event.actor.ref, event.subject->str(), event.code, event.reason, event.time, event.body);
        });
    };
    std::string const details = "\"details\":{";
    auto const at = body.find(details);
    ASSERT_NE(at, std::string::npos) << body;
    std::vector<std::pair<std::string, std::string>> const changes{
        {"actor_ref", bob.id.str()},
        {"actor_ref", "01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3"},
        {"subject", bob.id.str()},
        {"actor_type", "system"},
        {"code", std::string{audit::codes::auth_signed_out}},
        {"outcome", "failure"},
        {"reason", "users.locked"},
        {"time", ""},
        {"body", ""},
        {"body", "{}"},
        {"body", body.substr(0, at + details.size()) + "\"altered\":\"yes\"," + body.substr(at + details.size())}};
    for (auto const& [what, value] : changes) {
        set(what, value);
        auto const refused = client.get("/audit/proofs/" + event.id);
        EXPECT_EQ(refused.status(), 409) << what << " " << value;
        EXPECT_EQ(refused.id(), "audit.row_differs") << what << " " << value;
        auto const json = client.get("/audit/events/" + event.id).json();
        EXPECT_EQ(json.string_at("unproved"), "audit.row_differs") << what;
        EXPECT_EQ(json.find("stored"), nullptr) << what;
        auto const page = client.page("/admin/audit/" + event.id).body();
        EXPECT_NE(page.find("not what the log holds"), std::string::npos) << what;
        EXPECT_EQ(page.find("data-proof-url"), std::string::npos) << what << ": nothing that a browser would prove";
        EXPECT_EQ(page.find("No log holds"), std::string::npos) << what;
        restore();
        EXPECT_EQ(client.get("/audit/proofs/" + event.id).status(), 200) << what << " was put back";
    }
}

TEST_F(AuditOverHttp, an_event_of_an_epoch_before_is_proved_there_and_its_log_is_opened_once) {
    auto const event = newest(audit::codes::auth_signed_in);
    auto& parts = app.stack.audit_log;
    ASSERT_TRUE(parts.writer->checkpoint().ok());
    auto const origin = std::string{"127.0.0.1:8080/audit/one/2"};
    auto const next = tlog::LogWriter::open({.folder = folder / "next", .origin = origin},
                                            tlog::NoteSigner{origin, tlog::KeyKind::ed25519, crypto::SigningKey::generate(crypto::SignatureAlgorithm::ed25519)},
                                            app.clock, app.log);
    auto const reader = tlog::LogReader::open(folder / "next");
    app.stack.evidence.attach(
        {.node = "one", .writer = next.value().get(), .reader = reader.value().get(), .earlier_epochs = {folder / "gone", folder / "log"}});
    EXPECT_EQ(client.get("/audit/proofs/" + event.id).status(), 200);
    std::filesystem::rename(folder / "log" / "origin", folder / "origin");
    EXPECT_EQ(client.get("/audit/proofs/" + event.id).status(), 200) << "the reader is kept";
    app.stack.database->write([&](storage::Transaction& tx) { tx.run("UPDATE audit_event SET reason = 'x' WHERE id = $1", event.id); });
    EXPECT_EQ(client.get("/audit/proofs/" + event.id).id(), "audit.row_differs");
    std::filesystem::rename(folder / "origin", folder / "log" / "origin");
    app.stack.evidence.attach({.node = "one", .writer = parts.writer.get(), .reader = parts.reader.get()});
}

TEST_F(AuditOverHttp, readers_have_at_most_one_checkpoint_signed_a_second) {
    auto const signed_so_far = [&] { return app.stack.audit_log.reader->checkpoints().value().size(); };
    auto const prove_new = [&] {
        app.stack.audit.append({.code = audit::codes::setting_changed, .actor = audit::Actor::system()});
        return client.get("/audit/proofs/" + newest(audit::codes::setting_changed).id);
    };
    auto const before = signed_so_far();
    EXPECT_EQ(prove_new().status(), 200);
    for (int i = 0; i < 5; ++i) {
        auto const refused = prove_new();
        EXPECT_EQ(refused.status(), 503);
        EXPECT_EQ(refused.id(), "audit.not_yet_signed");
        EXPECT_NE(refused.header("Retry-After"), "");
    }
    EXPECT_NE(client.page("/admin/audit/" + newest(audit::codes::setting_changed).id).body().find("No signature covers this event yet"),
              std::string::npos);
    EXPECT_EQ(signed_so_far(), before + 1);
    app.clock.advance(1s);
    EXPECT_EQ(client.get("/audit/proofs/" + newest(audit::codes::setting_changed).id).status(), 200);
    EXPECT_EQ(signed_so_far(), before + 2);
}

TEST_F(AuditOverHttp, a_row_with_words_nobody_knows_is_listed_and_exported_with_the_others) {
    auto const id = newest(audit::codes::auth_signed_in).id;
    app.stack.database->write([&](storage::Transaction& tx) {
        tx.run("UPDATE audit_event SET code = 'ZNONE99I', actor_type = 'robot', outcome = 'good' WHERE id = $1", id);
    });
    EXPECT_NE(client.get("/audit/events").body().find(id), std::string::npos);
    EXPECT_NE(client.page("/admin/audit").body().find("ZNONE99I"), std::string::npos);
    EXPECT_EQ(client.page("/admin/audit/" + id).status(), 200);
    auto const file = client.submit("/admin/audit/export", {{"format", "ocsf"}}, "/admin/audit");
    EXPECT_EQ(file.status(), 200);
    EXPECT_NE(file.body().find("ZNONE99I"), std::string::npos);
}

TEST_F(AuditOverHttp, reading_by_the_pages_of_administrators_is_recorded_once_a_view) {
    auto const alice = app.add_user("alice");
    auto const boss = app.add_user("boss", "admin");
    auto const secret = app.enrol(boss);
    Client admin{app};
    admin.submit("/sign-in", {{"username", "boss"}, {"password", TestApp::good_password.data()}});
    ASSERT_EQ(admin.submit("/sign-in/factor", {{"code", app.code_for(secret)}}).status(), 303);
    auto const before = count(audit::codes::audit_read);
    ASSERT_EQ(admin.page("/admin/users/" + alice.id.str()).status(), 200);
    EXPECT_EQ(count(audit::codes::audit_read), before + 1);
    auto const read = newest(audit::codes::audit_read);
    EXPECT_EQ(read.actor.ref, boss.id.str());
    EXPECT_EQ(read.subject, alice.id);
    for (int i = 0; i < 12; ++i) ASSERT_EQ(admin.page("/admin").status(), 200);
    EXPECT_EQ(count(audit::codes::audit_read), before + 13);
    EXPECT_EQ(newest(audit::codes::audit_read).details.front(), (std::pair<std::string, std::string>{"filter", "dashboard"}));
    auto const page = admin.page("/admin").body();
    EXPECT_NE(page.find(">Signed in<"), std::string::npos) << "views of the list do not fill the list";
    EXPECT_EQ(page.find(newest(audit::codes::audit_read).id), std::string::npos);
    ASSERT_EQ(admin.get("/admin/dashboard").status(), 200);
    EXPECT_EQ(count(audit::codes::audit_read), before + 14) << "numbers are no events";
}

TEST_F(AuditOverHttp, whose_events_were_read_is_recorded_of_erased_people_too) {
    auto const alice = app.add_user("alice");
    ASSERT_TRUE(app.stack.lifecycle.remove(alice.id, audit::Actor::operator_cli(), {}, "asked for it").ok());
    auto const pseudonym = newest(audit::codes::user_deleted).subject.value().str();
    ASSERT_EQ(pseudonym.size(), 32u);
    for (std::string const field : {"subject", "actor"}) {
        ASSERT_EQ(client.get("/audit/events?" + field + "=" + pseudonym).status(), 200);
        auto const read = newest(audit::codes::audit_read).details;
        EXPECT_NE(std::find(read.begin(), read.end(), std::pair{field, pseudonym}), read.end()) << field;
    }
}

TEST_F(AuditOverHttp, checkpoint_and_tiles_verify_against_each_other) {
    app.stack.audit_log.writer->checkpoint().value();
    auto const checkpoint = tlog::SignedCheckpoint::parse(client.get("/audit/checkpoint").body()).value();
    EXPECT_TRUE(tlog::verify_checkpoint(checkpoint, {.logs = {app.stack.audit_log.writer->public_key()}}).ok());
    auto const size = checkpoint.checkpoint.size;
    ASSERT_LT(size, 256u);
    auto const hashes = client.get("/audit/tile/0/000.p/" + std::to_string(size)).body();
    ASSERT_EQ(hashes.size(), size * 32);
    tlog::Frontier frontier;
    for (std::size_t i = 0; i < size; ++i) {
        tlog::Hash leaf{};
        std::memcpy(leaf.data(), hashes.data() + i * 32, 32);
        frontier.append(leaf);
    }
    EXPECT_EQ(frontier.root(), checkpoint.checkpoint.root);
    auto const bundle = client.get("/audit/tile/entries/000.p/" + std::to_string(size)).body();
    std::size_t at = 0;
    for (std::size_t i = 0; i < size; ++i) {
        auto const length = static_cast<unsigned char>(bundle[at]) * 256u + static_cast<unsigned char>(bundle[at + 1]);
        auto const leaf = tlog::leaf_hash(as_bytes(std::string_view{bundle}.substr(at + 2, length)));
        EXPECT_EQ(std::memcmp(leaf.data(), hashes.data() + i * 32, 32), 0) << i;
        at += 2 + length;
    }
    EXPECT_EQ(at, bundle.size());
    EXPECT_EQ(newest(audit::codes::audit_read).details.front().first, "entries_from") << "entries say what happened: reading them is recorded";
    for (std::string const path : {"/audit/tile/0/000", "/audit/tile/0/001.p/1", "/audit/tile/8/000.p/1", "/audit/tile/0/0", "/audit/tile/x/000",
                                   "/audit/tile/entries/000", "/audit/tile/0/000.p/256"}) {
        EXPECT_EQ(client.get(path).status(), 404) << path;
    }
}

TEST_F(AuditOverHttp, the_page_of_an_event_says_everything_and_its_reading_is_recorded) {
    auto const event = newest(audit::codes::auth_signed_in);
    auto const page = client.page("/admin/audit/" + event.id);
    ASSERT_EQ(page.status(), 200);
    for (auto const& word : {std::string{"Somebody signed in"}, event.id, std::string{"root"}, std::string{"192.0.2.10"}, event.session_ref,
                             "/audit/proofs/" + event.id, app.stack.audit_log.writer->public_key().vkey().substr(0, 20)}) {
        EXPECT_NE(page.body().find(word), std::string::npos) << word;
    }
    EXPECT_EQ(newest(audit::codes::audit_read).details.front(), (std::pair<std::string, std::string>{"event", event.id}));
    EXPECT_EQ(client.page("/admin/audit/nothing").status(), 404);
}

TEST_F(AuditOverHttp, the_page_says_plainly_that_details_were_erased) {
    auto const alice = app.add_user("alice");
    Client browser{app};
    browser.log_in("alice");
    auto const id = newest(audit::codes::auth_signed_in).id;
    ASSERT_EQ(client.page("/admin/audit/" + id).body().find("details of this event were erased"), std::string::npos);
    ASSERT_TRUE(app.stack.lifecycle.remove(alice.id, audit::Actor::operator_cli(), {}, "asked for it").ok());
    auto const page = client.page("/admin/audit/" + id).body();
    EXPECT_NE(page.find("details of this event were erased"), std::string::npos);
    EXPECT_EQ(page.find("alice"), std::string::npos);
    EXPECT_EQ(client.get("/audit/proofs/" + id).status(), 200) << "and its proof still stands";
}

TEST_F(AuditOverHttp, the_list_filters_by_person_day_and_outcome_and_keeps_what_was_typed) {
    auto const alice = app.add_user("alice");
    auto const found = client.page("/admin/audit?user=alice");
    EXPECT_EQ(found.status(), 200);
    EXPECT_NE(found.body().find("value=\"alice\""), std::string::npos);
    EXPECT_NE(found.body().find(alice.id.str()), std::string::npos);
    EXPECT_EQ(client.page("/admin/audit?user=nobody").status(), 404);
    EXPECT_NE(client.page("/admin/audit?user=nobody").body().find("id=\"user-error\""), std::string::npos);
    auto const wrong = client.page("/admin/audit?from=tomorrow");
    EXPECT_EQ(wrong.status(), 400);
    EXPECT_NE(wrong.body().find("id=\"from-error\""), std::string::npos);
    EXPECT_NE(wrong.body().find("value=\"tomorrow\""), std::string::npos);
}

TEST_F(AuditOverHttp, an_export_is_a_file_and_is_recorded) {
    auto const file = client.submit("/admin/audit/export", {{"format", "csv"}, {"export_from", ""}, {"export_until", ""}}, "/admin/audit");
    ASSERT_EQ(file.status(), 200) << file.body();
    EXPECT_EQ(file.header("Content-Disposition"), "attachment; filename=\"audit-events.csv\"");
    EXPECT_NE(file.body().find("ZAUTH01I"), std::string::npos);
    EXPECT_EQ(file.body().find("192.0.2.10"), std::string::npos) << "addresses only when asked for";
    EXPECT_EQ(count(audit::codes::audit_exported), 1u);
    auto const with = client.submit("/admin/audit/export", {{"format", "csv"}, {"personal", "yes"}}, "/admin/audit");
    EXPECT_NE(with.body().find("192.0.2.10"), std::string::npos);
    EXPECT_EQ(client.submit("/admin/audit/export", {{"format", "pdf"}}, "/admin/audit").status(), 400);
    EXPECT_EQ(client.submit("/admin/audit/export", {{"format", "csv"}, {"export_from", "x"}}, "/admin/audit").status(), 400);
    EXPECT_EQ(count(audit::codes::audit_exported), 2u) << "a refused export exports nothing";
}

}  // namespace
}  // namespace zephyr
