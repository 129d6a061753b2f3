// The whole stack with a wire that keeps mails, for tests of what goes by mail.
#pragma once

#include <gtest/gtest.h>

#include "testing/app/test_app.h"
#include "testing/sent_messages.h"

namespace zephyr::testing {

struct MailWorld {
    static config::Settings settings() {
        auto chosen = TestApp::settings_with_messages();
        chosen.recovery.self_service = true;
        return chosen;
    }

    explicit MailWorld(config::Settings chosen = settings()) : app{std::move(chosen)} {}
    // Over a database that is migrated already.
    explicit MailWorld(std::unique_ptr<storage::Database> database) : app{settings(), std::move(database)} {}

    TestApp app;
    SentMessages& sent = app.mail;

    std::string address_of(std::string const& name) const { return name + "@example.com"; }
    // With an address, verified or not.
    users::User person(std::string const& name, bool verified = true, std::optional<std::string> const& role = std::nullopt) {
        auto const user = app.add_user(name, role);
        give_address(user.id, address_of(name), verified);
        app.clock.advance(1s);
        return app.stack.users.find(user.id).value();
    }
    void give_address(UserId const& id, std::string const& address, bool verified) {
        auto const changed = app.stack.users.update_profile(id, {.email = address}, audit::Actor::system());
        if (!changed.ok()) throw std::runtime_error{"no address: " + std::string{changed.error().id()}};
        if (!verified) return;
        app.stack.database->write([&](storage::Transaction& tx) {
            return app.stack.users.mark_email_verified(tx, id, *changed.value().canonical_email);
        }).value();
    }

    // Mails waiting for this address are handed over; how many came there since the last call.
    std::size_t deliver() {
        auto const before = sent.count();
        while (app.sender->run_once() > 0) {}
        return sent.count() - before;
    }
    // The path of the newest link in the mails to this address.
    std::string path_to(std::string const& address) {
        deliver();
        auto const link = link_in(sent.last_to(address).text);
        auto const& origin = app.stack.settings.server.public_url;
        return link.starts_with(origin) ? link.substr(origin.size()) : "elsewhere: " + link;
    }
    static std::string token_of(std::string const& path) { return path.substr(path.rfind('/') + 1); }

    bool happened(std::string_view code, std::optional<UserId> const& subject, std::string_view reason = {}) {
        for (auto const& event : app.stack.audit.query({.subject = subject, .limit = 200})) {
            if (event.code == code && (reason.empty() || event.reason == reason)) return true;
        }
        return false;
    }
};

}  // namespace zephyr::testing
