// Nothing can be changed without a trace: for every route that may change something the table below says which audit codes it emits, and
// the test makes the calls and looks for them. A new route without a row fails, and so does a row whose route stays silent.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "testing/app/test_app.h"
#include "zephyr/audit/codes.h"
#include "zephyr/encoding/base32.h"

namespace zephyr {
namespace {

using encoding::Json;
using testing::Answer;
using testing::Client;
using testing::TestApp;
namespace codes = audit::codes;

constexpr char const* password = "correct horse battery staple";
constexpr char const* other_password = "another fine pass phrase";

struct Call {
    std::string path;
    std::vector<std::pair<std::string, std::string>> fields = {};  // of a form, sent with the token of the page `from`
    std::string from = {};
    std::optional<Json> json = std::nullopt;  // instead of a form
};

config::Settings everything_mounted() {
    auto settings = TestApp::settings_with_messages();
    settings.recovery.self_service = true;
    settings.signup.open = true;
    settings.metrics.enabled = true;
    settings.server.trusted_proxies = {"10.0.0.1/32"};
    settings.forward_auth.rules = {"app.example.com"};
    return settings;
}

struct World {
    TestApp app{everything_mounted()};
    Client browser{app};
    users::User alice = app.add_user("alice");

    void sign_in() { browser.submit("/sign-in", {{"username", "alice"}, {"password", password}}); }
    // With a second factor; returns its secret.
    Bytes sign_in_with_factor(std::string const& name, users::User const& user) {
        auto secret = app.enrol(user);
        browser.submit("/sign-in", {{"username", name}, {"password", password}});
        browser.submit("/sign-in/factor", {{"code", app.code_for(secret)}});
        return secret;
    }
    void sign_in_as_admin() { sign_in_with_factor("root", app.add_user("root", "admin")); }
    void verify_address() {
        app.stack.database->write([&](storage::Transaction& tx) {
            return app.stack.users.mark_email_verified(tx, alice.id, "alice@example.test");
        }).value();
        app.clock.advance(1s);
    }
    // Of the link in the newest mail.
    std::string mailed_path() {
        while (app.sender->run_once() > 0) {}
        auto const link = testing::link_in(app.mail.last().text);
        return link.substr(app.stack.settings.server.public_url.size());
    }
    std::string reset_path() {
        verify_address();
        browser.post("/auth/password/forgot", Json::object({{"login", "alice"}}));
        return mailed_path();
    }
    std::string alice_page() const { return "/admin/users/" + alice.id.str(); }
    Call on_alice(std::string const& what, std::vector<std::pair<std::string, std::string>> fields = {}) const {
        return {alice_page() + what, std::move(fields), alice_page()};
    }

    Answer send(Call const& call) {
        return call.json ? browser.post(call.path, *call.json) : browser.submit(call.path, call.fields, call.from);
    }
};

// Brings the world so far that the call is the next thing to happen.
using Prepare = std::function<Call(World&)>;
struct Attempt {
    std::vector<std::string_view> emits;  // at least one of them
    Prepare prepare;
};
struct Row {
    std::optional<Attempt> done = std::nullopt;     // none only with changes_nothing
    std::optional<Attempt> refused = std::nullopt;  // none: it can only be refused to somebody nobody knows, which the access log tells
    std::string changes_nothing = {};               // whatever its method: why
};

Json credentials(std::string const& name, std::string const& secret) { return Json::object({{"username", name}, {"password", secret}}); }

// Somebody signed in, but without the role.
Prepare by_alice(std::string const& what) {
    return [what](World& world) {
        world.sign_in();
        return Call{what.starts_with('/') && what.find("{id}") == std::string::npos ? what : world.alice_page() + what.substr(what.find("{id}") + 4),
                    {},
                    "/account"};
    };
}
Prepare by_admin(std::string const& what, std::vector<std::pair<std::string, std::string>> const& fields = {}) {
    return [=](World& world) {
        world.sign_in_as_admin();
        return world.on_alice(what, fields);
    };
}
Row admin_row(std::string const& what, std::vector<std::string_view> emits, Prepare prepare) {
    return {.done = Attempt{std::move(emits), std::move(prepare)}, .refused = Attempt{{codes::access_refused}, by_alice("{id}" + what)}};
}

std::string begin_totp(World& world) {
    world.sign_in();
    world.browser.submit("/account/factors/totp/begin", {{"device_name", "Phone"}}, "/account");
    auto const page = world.browser.page("/account/factors/totp").body();
    auto const at = page.find("secret=");
    return page.substr(at + 7, page.find_first_of("&\"<", at) - at - 7);
}
Call confirm_totp(World& world, bool right) {
    auto const secret = encoding::base32_decode(begin_totp(world));
    auto const code = secret.ok() ? world.app.code_for(secret.value()) : std::string{"no secret on the page"};
    return {"/account/factors/totp/confirm", {{"code", right ? code : "000000"}}, "/account/factors/totp"};
}
Call verify_over_api(World& world, bool right) {
    world.browser.log_in("alice");
    auto const secret = encoding::base32_decode(world.browser.post("/auth/mfa/totp/setup").json().string_at("secret").value()).value();
    auto const code = right ? world.app.code_for(secret) : std::string{"000000"};
    return {.path = "/auth/mfa/totp/verify", .json = Json::object({{"code", code}})};
}
// The code in the newest message, or another one.
std::string sent_code(World& world, testing::SentMessages const& kept, bool right) {
    while (world.app.send_messages() > 0) {}
    auto const code = testing::code_in(kept.last().text);
    return right ? code : code == "123456" ? "123457" : "123456";
}
Call set_up_sms(World& world) {
    world.browser.log_in("alice");
    return {.path = "/auth/mfa/sms/setup", .json = Json::object({{"phone", "+49 151 23456742"}})};
}
Call set_up_email(World& world) {
    world.verify_address();
    world.browser.log_in("alice");
    return {.path = "/auth/mfa/email/setup", .json = Json::object()};
}
// Begins it once, so that the call comes too soon.
Call too_soon(World& world, Call const& call) {
    world.send(call);
    return call;
}
Call confirm_sent(World& world, Call const& begin, testing::SentMessages const& kept, bool right) {
    world.send(begin);
    return {.path = begin.path.substr(0, begin.path.rfind('/')) + "/verify", .json = Json::object({{"code", sent_code(world, kept, right)}})};
}
// A factor, and half a minute until the next code may be sent.
Call send_again(World& world, Call const& begin, testing::SentMessages const& kept) {
    world.send(confirm_sent(world, begin, kept, true));
    world.app.clock.advance(30s);
    return {.path = begin.path.substr(0, begin.path.rfind('/')) + "/send", .json = Json::object()};
}
Call send_to_nobody(World& world, std::string const& kind) {
    world.browser.log_in("alice");
    return {.path = "/auth/mfa/" + kind + "/send", .json = Json::object()};
}
Call refresh_with(World& world, bool right) {
    auto const tokens = world.browser.post("/auth/token", credentials("alice", password)).json();
    auto token = tokens.string_at("refresh_token").value();
    if (!right) {
        // Used, replaced, and used again when nobody can have meant it.
        world.browser.post("/auth/refresh", Json::object({{"refresh_token", token}}));
        world.app.clock.advance(10min);
    }
    return {.path = "/auth/refresh", .json = Json::object({{"refresh_token", token}})};
}

// A number of alice's, added on the pages in her session.
void add_number_by_page(World& world) {
    world.sign_in();
    world.browser.submit("/account/factors/sms/begin", {{"phone", "+49 151 23456742"}}, "/account/factors/sms");
    world.browser.submit("/account/factors/sms/confirm", {{"code", sent_code(world, world.app.sms, true)}}, "/account/factors/sms");
    world.app.clock.advance(30s);
}
Call send_at_sign_in(World& world) {
    add_number_by_page(world);
    world.browser.submit("/sign-out", {}, "/account");
    world.sign_in();
    return {"/sign-in/factor/send", {{"method", "sms"}}, "/sign-in/factor"};
}
Call send_at_step_up(World& world) {
    add_number_by_page(world);
    return {"/account/verify/send", {{"method", "sms"}}, "/account/verify"};
}
// What the pages of a person's own second factors emit.
void add_factor_pages(std::map<std::string, Row>& out) {
    out["POST /sign-in/factor/send"] = {Attempt{{codes::mfa_code_sent}, send_at_sign_in},
                                        Attempt{{codes::mfa_sending_refused}, [](World& world) { return too_soon(world, send_at_sign_in(world)); }}};
    out["POST /account/verify/send"] = {Attempt{{codes::mfa_code_sent}, send_at_step_up},
                                        Attempt{{codes::mfa_sending_refused}, [](World& world) { return too_soon(world, send_at_step_up(world)); }}};
    for (std::string const kind : {"sms", "email"}) {
        auto const path = "/account/factors/" + kind;
        auto const begin = [=](World& world) {
            if (kind == "email") world.verify_address();
            world.sign_in();
            return Call{path + "/begin", {{"phone", "+49 151 23456742"}}, path};
        };
        auto const confirm = [=](World& world, bool right) {
            world.send(begin(world));
            return Call{path + "/confirm", {{"code", sent_code(world, kind == "sms" ? world.app.sms : world.app.mail, right)}}, path};
        };
        out["POST " + path + "/begin"] = {Attempt{{codes::mfa_enrolment_begun}, begin},
                                          Attempt{{codes::mfa_sending_refused}, [=](World& world) { return too_soon(world, begin(world)); }}};
        out["POST " + path + "/confirm"] = {Attempt{{codes::mfa_enrolled}, [=](World& world) { return confirm(world, true); }},
                                            Attempt{{codes::mfa_enrolment_refused}, [=](World& world) { return confirm(world, false); }}};
    }
    out["POST /account/factors/backup-codes"] = {Attempt{{codes::mfa_backup_codes_made}, [](World& world) {
                                                             world.sign_in_with_factor("alice", world.alice);
                                                             return Call{"/account/factors/backup-codes"};
                                                         }}};
    out["POST /account/factors/backup-codes/download"] = {.changes_nothing = "gives back, as a file, what the form brought"};
    out["POST /account/browsers/{id}/forget"] = {Attempt{{codes::mfa_device_forgotten}, [](World& world) {
                                                             world.sign_in();
                                                             auto const known = world.app.stack.known_devices.list(world.alice.id);
                                                             return Call{"/account/browsers/" + known.at(0).id + "/forget", {}, "/account"};
                                                         }}};
}

std::map<std::string, Row> rows() {
    std::map<std::string, Row> out;
    add_factor_pages(out);
    auto const json = [](std::string path, Json body) -> Prepare {
        return [=](World&) { return Call{.path = path, .json = body}; };
    };
    auto const form = [](std::string path, std::vector<std::pair<std::string, std::string>> fields) -> Prepare {
        return [=](World&) { return Call{path, fields}; };
    };
    // Of a page that is not there any more.
    auto const form_from = [](std::string path, std::string from) -> Prepare {
        return [=](World&) { return Call{path, {}, from}; };
    };
    auto const signed_in = [](Call call) -> Prepare {
        return [=](World& world) {
            world.sign_in();
            return call;
        };
    };
    auto const stale = [](Call call) -> Prepare {
        return [=](World& world) {
            world.sign_in();
            world.app.clock.advance(20min);
            return call;
        };
    };

    out["POST /auth/register"] = {Attempt{{codes::auth_registered}, json("/auth/register", credentials("newcomer", other_password))},
                                  Attempt{{codes::auth_registration_refused}, json("/auth/register", credentials("alice", other_password))}};
    out["POST /sign-up"] = {Attempt{{codes::auth_registered}, form("/sign-up", {{"username", "newcomer"}, {"password", other_password}})},
                            Attempt{{codes::auth_registration_refused},
                                    form("/sign-up", {{"username", "alice"}, {"password", other_password}})}};
    for (std::string const path : {"/auth/login", "/auth/token"}) {
        out["POST " + path] = {Attempt{{codes::auth_signed_in}, json(path, credentials("alice", password))},
                               Attempt{{codes::auth_refused}, json(path, credentials("alice", other_password))}};
    }
    out["POST /sign-in"] = {Attempt{{codes::auth_signed_in}, form("/sign-in", {{"username", "alice"}, {"password", password}})},
                            Attempt{{codes::auth_refused}, form("/sign-in", {{"username", "alice"}, {"password", other_password}})}};
    auto const half_way = [](bool right) -> Prepare {
        return [right](World& world) {
            auto const secret = world.app.enrol(world.alice);
            world.sign_in();
            return Call{"/sign-in/factor", {{"code", right ? world.app.code_for(secret) : "000000"}}};
        };
    };
    out["POST /sign-in/factor"] = {Attempt{{codes::auth_signed_in}, half_way(true)}, Attempt{{codes::mfa_refused}, half_way(false)}};
    out["POST /auth/refresh"] = {Attempt{{codes::refresh_rotated}, [](World& world) { return refresh_with(world, true); }},
                                 Attempt{{codes::refresh_reuse_detected}, [](World& world) { return refresh_with(world, false); }}};
    out["POST /auth/logout"] = {Attempt{{codes::auth_signed_out}, [](World& world) {
                                            world.browser.log_in("alice");
                                            return Call{.path = "/auth/logout", .json = Json::object()};
                                        }}};
    out["POST /sign-out"] = {Attempt{{codes::auth_signed_out}, signed_in({"/sign-out", {}, "/account"})}};
    auto const set_up = [](bool right) -> Prepare {
        return [right](World& world) {
            auto const path = "/setup/" + world.app.stack.setup.issue().value().reveal();
            return Call{right ? path : "/setup/" + std::string(43, 'A'), {{"username", "root"}, {"password", password}}, path};
        };
    };
    out["POST /setup/{token}"] = {Attempt{{codes::setup_admin_created}, set_up(true)}, Attempt{{codes::setup_link_refused}, set_up(false)}};

    out["POST /auth/mfa/totp/setup"] = {Attempt{{codes::mfa_enrolment_begun}, [](World& world) {
                                                    world.browser.log_in("alice");
                                                    return Call{.path = "/auth/mfa/totp/setup", .json = Json::object()};
                                                }}};
    out["POST /auth/mfa/totp/verify"] = {Attempt{{codes::mfa_enrolled}, [](World& world) { return verify_over_api(world, true); }},
                                         Attempt{{codes::mfa_enrolment_refused}, [](World& world) { return verify_over_api(world, false); }}};
    out["POST /auth/mfa/sms/setup"] = {Attempt{{codes::mfa_enrolment_begun}, set_up_sms},
                                       Attempt{{codes::mfa_sending_refused}, [](World& world) { return too_soon(world, set_up_sms(world)); }}};
    out["POST /auth/mfa/sms/send"] = {
        Attempt{{codes::mfa_code_sent}, [](World& world) { return send_again(world, set_up_sms(world), world.app.sms); }},
        Attempt{{codes::mfa_sending_refused}, [](World& world) { return send_to_nobody(world, "sms"); }}};
    out["POST /auth/mfa/sms/verify"] = {
        Attempt{{codes::mfa_enrolled}, [](World& world) { return confirm_sent(world, set_up_sms(world), world.app.sms, true); }},
        Attempt{{codes::mfa_enrolment_refused}, [](World& world) { return confirm_sent(world, set_up_sms(world), world.app.sms, false); }}};
    out["POST /auth/mfa/email/setup"] = {Attempt{{codes::mfa_enrolment_begun}, set_up_email},
                                         Attempt{{codes::mfa_sending_refused}, [](World& world) { return too_soon(world, set_up_email(world)); }}};
    out["POST /auth/mfa/email/send"] = {
        Attempt{{codes::mfa_code_sent}, [](World& world) { return send_again(world, set_up_email(world), world.app.mail); }},
        Attempt{{codes::mfa_sending_refused}, [](World& world) { return send_to_nobody(world, "email"); }}};
    out["POST /auth/mfa/email/verify"] = {
        Attempt{{codes::mfa_enrolled}, [](World& world) { return confirm_sent(world, set_up_email(world), world.app.mail, true); }},
        Attempt{{codes::mfa_enrolment_refused}, [](World& world) { return confirm_sent(world, set_up_email(world), world.app.mail, false); }}};
    out["POST /auth/mfa/backup-codes"] = {Attempt{{codes::mfa_backup_codes_made}, [](World& world) {
                                                      world.sign_in_with_factor("alice", world.alice);
                                                      return Call{.path = "/auth/mfa/backup-codes", .json = Json::object()};
                                                  }}};
    auto const backup_code = [](bool right) -> Prepare {
        return [right](World& world) {
            world.sign_in_with_factor("alice", world.alice);
            auto const made = world.browser.post("/auth/mfa/backup-codes").json();
            auto const code = *made.find("backup_codes")->items()->at(0).string();
            return Call{.path = "/auth/mfa/backup-codes/verify", .json = Json::object({{"code", right ? code : "0000-0000-0000-0000"}})};
        };
    };
    out["POST /auth/mfa/backup-codes/verify"] = {Attempt{{codes::mfa_backup_code_used}, backup_code(true)},
                                                 Attempt{{codes::mfa_refused}, backup_code(false)}};
    out["POST /auth/devices/{id}/forget"] = {Attempt{{codes::mfa_device_forgotten}, [](World& world) {
                                                         world.sign_in();
                                                         auto const id = world.app.stack.known_devices.list(world.alice.id).at(0).id;
                                                         return Call{.path = "/auth/devices/" + id + "/forget", .json = Json::object()};
                                                     }}};
    out["POST /account/factors/totp/begin"] = {
        Attempt{{codes::mfa_enrolment_begun}, signed_in({"/account/factors/totp/begin", {{"device_name", "Phone"}}, "/account"})}};
    out["POST /account/factors/totp/confirm"] = {Attempt{{codes::mfa_enrolled}, [](World& world) { return confirm_totp(world, true); }},
                                                 Attempt{{codes::mfa_enrolment_refused}, [](World& world) { return confirm_totp(world, false); }}};
    out["POST /auth/mfa/factors/{id}/remove"] = {Attempt{{codes::mfa_removed}, [](World& world) {
                                                             world.sign_in_with_factor("alice", world.alice);
                                                             auto const device = world.app.stack.totp.list(world.alice.id).front().id.str();
                                                             return Call{.path = "/auth/mfa/factors/" + device + "/remove", .json = Json::object()};
                                                         }}};
    out["POST /account/factors/{id}/remove"] = {Attempt{{codes::mfa_removed}, [](World& world) {
                                                            world.sign_in_with_factor("alice", world.alice);
                                                            auto const device = world.app.stack.totp.list(world.alice.id).front().id.str();
                                                            return Call{"/account/factors/" + device + "/remove", {}, "/account"};
                                                        }}};
    out["POST /account/profile"] = {Attempt{{codes::user_updated}, signed_in({"/account/profile", {{"display_name", "Alice A."}}, "/account"})}};
    out["POST /account/password"] = {
        Attempt{{codes::password_changed}, signed_in({"/account/password", {{"current_password", password}, {"password", other_password}}})},
        Attempt{{codes::password_wrong}, signed_in({"/account/password", {{"current_password", "guessed"}, {"password", other_password}}})}};
    out["POST /account/verify"] = {Attempt{{codes::auth_step_up}, stale({"/account/verify", {{"password", password}}})},
                                   Attempt{{codes::auth_step_up_refused}, stale({"/account/verify", {{"password", other_password}}})}};
    out["POST /account/sessions/revoke-others"] = {Attempt{{codes::sessions_ended_all}, [](World& world) {
                                                               Client{world.app}.log_in("alice");
                                                               world.sign_in();
                                                               return Call{"/account/sessions/revoke-others", {}, "/account"};
                                                           }}};
    out["POST /account/sessions/{ref}/revoke"] = {Attempt{{codes::session_ended}, [](World& world) {
                                                              Client{world.app}.log_in("alice");
                                                              auto const ref = world.app.stack.sessions.list(world.alice.id).front().ref.str();
                                                              world.sign_in();
                                                              return Call{"/account/sessions/" + ref + "/revoke", {}, "/account"};
                                                          }}};
    out["POST /account/notices/dismiss"] = {Attempt{{codes::auth_notices_seen}, [](World& world) {
                                                        world.app.stack.database->write([&](storage::Transaction& tx) {
                                                            world.app.stack.notices.post(tx, world.alice.id, "factors_reset");
                                                        });
                                                        world.sign_in();
                                                        return Call{"/account/notices/dismiss", {}, "/account"};
                                                    }}};

    out["POST /admin/users/new"] = {Attempt{{codes::user_created}, [](World& world) {
                                                world.sign_in_as_admin();
                                                return Call{"/admin/users/new", {{"username", "carol"}, {"password", other_password}}};
                                            }},
                                    Attempt{{codes::access_refused}, by_alice("/admin/users/new")}};
    out["POST /admin/users/{id}/disable"] = admin_row("/disable", {codes::user_state_changed}, by_admin("/disable"));
    out["POST /admin/users/{id}/enable"] = admin_row("/enable", {codes::user_state_changed}, [](World& world) {
        world.sign_in_as_admin();
        (void)world.app.stack.lifecycle.disable(world.alice.id, audit::Actor::system(), {}).ok();
        return world.on_alice("/enable");
    });
    auto const asked = [](World& world, std::string const& asker) {
        auto const user = world.app.add_user(asker, "admin");
        world.app.enrol(world.alice);
        world.sign_in_as_admin();
        (void)world.app.stack.recovery.ask(world.alice.id, audit::Actor::user(user.id), {}, "lost").ok();
    };
    out["POST /admin/users/{id}/recovery"] = admin_row("/recovery", {codes::recovery_asked}, [](World& world) {
        world.app.enrol(world.alice);
        world.sign_in_as_admin();
        return world.on_alice("/recovery", {{"reason", "lost"}});
    });
    out["POST /admin/users/{id}/recovery/approve"] = admin_row("/recovery/approve", {codes::recovery_approved}, [=](World& world) {
        asked(world, "second");
        return world.on_alice("/recovery/approve");
    });
    out["POST /admin/users/{id}/recovery/cancel"] = admin_row("/recovery/cancel", {codes::recovery_cancelled}, [=](World& world) {
        asked(world, "second");
        return world.on_alice("/recovery/cancel");
    });
    out["POST /account/recovery/cancel"] = {Attempt{{codes::recovery_cancelled}, [](World& world) {
                                                        auto const user = world.app.add_user("second", "admin");
                                                        auto const secret = world.sign_in_with_factor("alice", world.alice);
                                                        (void)world.app.stack.recovery.ask(world.alice.id, audit::Actor::user(user.id), {}, "lost").ok();
                                                        return Call{"/account/recovery/cancel", {}, "/account"};
                                                    }}};
    out["POST /sign-in/lost-factor"] = {Attempt{{codes::recovery_link_asked}, [](World& world) {
                                                    world.app.enrol(world.alice);
                                                    world.sign_in();
                                                    return Call{"/sign-in/lost-factor"};
                                                }}};
    out["POST /recover/{token}"] = {.done = Attempt{{codes::recovery_begun},
                                                    [](World& world) {
                                                        world.verify_address();
                                                        world.app.enrol(world.alice);
                                                        world.sign_in();
                                                        world.browser.submit("/sign-in/lost-factor", {});
                                                        auto const path = world.mailed_path();
                                                        world.app.clock.advance(1s);
                                                        return Call{path};
                                                    }},
                                    .refused = Attempt{{codes::auth_link_refused}, form_from("/recover/x", "/sign-in")}};
    out["POST /forgot-password"] = {Attempt{{codes::auth_reset_asked}, form("/forgot-password", {{"login", "alice"}})}};
    out["POST /auth/password/forgot"] = {
        Attempt{{codes::auth_reset_asked}, json("/auth/password/forgot", Json::object({{"login", "nobody"}}))}};
    out["POST /reset-password/{token}"] = {.done = Attempt{{codes::auth_reset_done},
                                                           [](World& world) {
                                                               return Call{world.reset_path(), {{"password", other_password}}};
                                                           }},
                                           .refused = Attempt{{codes::auth_link_refused}, form_from("/reset-password/x", "/sign-in")}};
    out["POST /auth/password/reset"] = {.done = Attempt{{codes::auth_reset_done},
                                                        [](World& world) {
                                                            auto const path = world.reset_path();
                                                            return Call{.path = "/auth/password/reset",
                                                                        .json = Json::object({{"token", path.substr(path.rfind('/') + 1)},
                                                                                              {"password", other_password}})};
                                                        }},
                                        .refused = Attempt{{codes::auth_link_refused},
                                                           json("/auth/password/reset", Json::object({{"token", "x"}, {"password", other_password}}))}};
    out["POST /account/email/verify"] = {Attempt{{codes::auth_address_link_sent}, signed_in({"/account/email/verify", {}, "/account/email"})}};
    out["POST /account/email/change"] = {
        Attempt{{codes::auth_address_change_asked}, signed_in({"/account/email/change", {{"email", "new@example.com"}}, "/account/email"})}};
    out["POST /auth/email/verify/send"] = {
        Attempt{{codes::auth_address_link_sent}, signed_in({.path = "/auth/email/verify/send", .json = Json::object()})}};
    out["POST /verify-email/{token}"] = {.done = Attempt{{codes::auth_address_verified},
                                                         [](World& world) {
                                                             world.sign_in();
                                                             world.browser.submit("/account/email/verify", {}, "/account/email");
                                                             return Call{world.mailed_path()};
                                                         }},
                                         .refused = Attempt{{codes::auth_link_refused}, form_from("/verify-email/x", "/sign-in")}};
    out["POST /admin/users/{id}/end-sessions"] = admin_row("/end-sessions", {codes::sessions_ended_all}, [](World& world) {
        Client{world.app}.log_in("alice");
        world.sign_in_as_admin();
        return world.on_alice("/end-sessions");
    });
    out["POST /admin/users/{id}/roles"] =
        admin_row("/roles", {codes::role_granted}, by_admin("/roles", {{"change", "grant"}, {"role", "auditor"}}));
    out["POST /admin/users/{id}/delete"] = admin_row("/delete", {codes::user_deleted}, by_admin("/delete", {{"confirm", "alice"}}));
    out["POST /admin/audit/export"] = {Attempt{{codes::audit_exported}, [](World& world) {
                                                   world.sign_in_as_admin();
                                                   return Call{"/admin/audit/export", {{"format", "jsonl"}}, "/admin/audit"};
                                               }},
                                       Attempt{{codes::access_refused}, by_alice("/admin/audit/export")}};

    for (std::string const method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
        out[method + " /auth/forward"] = {.changes_nothing = "a proxy's question about somebody else's request, whose method it repeats"};
    }
    return out;
}

std::vector<std::string> unsafe_routes(TestApp& app) {
    std::vector<std::string> out;
    for (auto const& route : app.stack.app.table()) {
        if (route.method != "GET" && route.method != "HEAD") out.push_back(route.method + " " + route.pattern);
    }
    return out;
}

// True when the path is one of the pattern's.
bool fits(std::string const& pattern, std::string const& path) {
    std::size_t p = 0, at = 0;
    while (p < pattern.size()) {
        if (pattern[p] == '{') {
            p = pattern.find('}', p) + 1;
            auto const end = path.find('/', at);
            if (end == at) return false;
            at = end == std::string::npos ? path.size() : end;
        } else if (at >= path.size() || pattern[p++] != path[at++]) {
            return false;
        }
    }
    return at == path.size();
}

struct Seen {
    int status = 0;
    std::string location;
    std::string path;
    std::vector<std::string> emitted;
};

Seen make(Attempt const& attempt) {
    World world;
    auto const call = attempt.prepare(world);
    // The page that a form comes from may itself leave a trace; only what follows counts.
    if (!call.json) world.browser.page(call.from.empty() ? call.path : call.from);
    auto const before = world.app.stack.audit.query(audit::Query{.limit = 1});
    auto const last = before.empty() ? 0 : before.front().sequence;
    auto const answer = world.send(call);
    Seen seen{answer.status(), answer.location(), call.path, {}};
    for (auto const& event : world.app.stack.audit.query(audit::Query{.limit = 100})) {
        if (event.sequence > last) seen.emitted.push_back(event.code);
    }
    return seen;
}

bool one_of(std::vector<std::string> const& emitted, std::vector<std::string_view> const& wanted) {
    return std::any_of(emitted.begin(), emitted.end(),
                       [&](std::string const& code) { return std::find(wanted.begin(), wanted.end(), code) != wanted.end(); });
}

TEST(Emits, every_route_that_may_change_something_has_a_row_and_no_row_is_of_a_route_that_is_gone) {
    TestApp app{everything_mounted()};
    auto const known = rows();
    std::vector<std::string> missing, gone;
    auto const routes = unsafe_routes(app);
    for (auto const& route : routes) {
        if (!known.contains(route)) missing.push_back(route);
    }
    for (auto const& [route, row] : known) {
        if (std::find(routes.begin(), routes.end(), route) == routes.end()) gone.push_back(route);
    }
    EXPECT_TRUE(missing.empty()) << "say in the table which audit codes these emit: " << ::testing::PrintToString(missing);
    EXPECT_TRUE(gone.empty()) << ::testing::PrintToString(gone);
}

TEST(Emits, what_every_route_changes_is_in_the_audit_log) {
    for (auto const& [route, row] : rows()) {
        if (!row.done) continue;
        auto const seen = make(*row.done);
        EXPECT_TRUE(fits(route.substr(route.find(' ') + 1), seen.path)) << route << " is not " << seen.path;
        EXPECT_LT(seen.status, 400) << route << ": the call was to succeed";
        EXPECT_TRUE(one_of(seen.emitted, row.done->emits))
            << route << " (" << seen.status << " " << seen.location << ") emitted " << ::testing::PrintToString(seen.emitted) << ", not one of "
            << ::testing::PrintToString(row.done->emits);
    }
}

TEST(Emits, what_every_route_refuses_is_in_the_audit_log) {
    for (auto const& [route, row] : rows()) {
        if (!row.refused) continue;
        auto const seen = make(*row.refused);
        EXPECT_TRUE(fits(route.substr(route.find(' ') + 1), seen.path)) << route << " is not " << seen.path;
        EXPECT_GE(seen.status, 300) << route << ": the call was to be refused";
        EXPECT_TRUE(one_of(seen.emitted, row.refused->emits))
            << route << " (" << seen.status << " " << seen.location << ") emitted " << ::testing::PrintToString(seen.emitted) << ", not one of "
            << ::testing::PrintToString(row.refused->emits);
    }
}

// A table that says nothing would find nothing.
TEST(Emits, each_row_is_about_something) {
    for (auto const& [route, row] : rows()) {
        EXPECT_EQ(row.done.has_value(), row.changes_nothing.empty()) << route;
        for (auto const& attempt : {row.done, row.refused}) {
            if (!attempt) continue;
            EXPECT_FALSE(attempt->emits.empty()) << route;
            for (auto const code : attempt->emits) EXPECT_NE(audit::find_code(code), nullptr) << code;
        }
    }
}

}  // namespace
}  // namespace zephyr
