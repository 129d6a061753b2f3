#include "zephyr/server/node.h"

#include <csignal>
#include <filesystem>
#include <thread>

#include "server/audit_folder.h"
#include "server/control_socket.h"
#include "server/descriptors.h"
#include "server/jobs.h"
#include "server/free_port.h"
#include "server/listener_settings.h"
#include "server/witnesses.h"
#include "zephyr/audit/codes.h"
#include "zephyr/config/load.h"
#include "zephyr/config/read_sources.h"
#include "zephyr/config/reference.h"
#include "zephyr/crypto/key_file.h"
#include "zephyr/http/server.h"
#include "zephyr/server/key_records.h"
#include "zephyr/stack.h"

namespace zephyr::server {

namespace {

std::unique_ptr<storage::Database> open_database(config::StorageSettings const& settings, DataFolder const& folder) {
    if (settings.url.empty()) return storage::open_sqlite({.path = folder.database().string()});
    return storage::open_postgres({.uri = settings.url.reveal(),
                                   .connections = static_cast<std::size_t>(settings.connections),
                                   .statement_timeout = settings.statement_timeout});
}

Error with_hint(Error error, std::string const& hint) {
    if (!error.reason().empty()) return error;
    return std::move(error).with_reason(hint);
}

// Port 0 means any free one, and the public address must be known before the first form is made: so the choice is made here. Should
// somebody else take the port before we listen, starting fails and says so.
void settle_port(config::ServerSettings& server) {
    if (server.listen.port != 0) return;
    bool const derived = server.public_url == config::derived_public_url(server, 0);
    server.listen.port = free_port(server.listen);
    if (derived) server.public_url = config::derived_public_url(server, server.listen.port);
}

// Set by the handler alone, read by the serving loop.
std::atomic<bool> signalled{false};

void watch_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { signalled.store(true); };
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

// Sends until the end of this, however that is reached: the metrics keep the sender alive beyond it, and the log does not last as long.
struct Sending {
    explicit Sending(messages::Sender& one) : sender{one} {
        try {
            sender.start();
        } catch (...) {  // no thread to be had for some of it
            sender.stop();
            throw;
        }
    }
    ~Sending() { sender.stop(); }
    Sending(Sending const&) = delete;
    Sending& operator=(Sending const&) = delete;
    messages::Sender& sender;
};

// Load balancers find out by /readyz; a second signal from somebody in a hurry ends the wait.
void wait_as_lame_duck(std::chrono::milliseconds length, Clock const& clock) {
    signalled = false;
    auto const end = clock.monotonic() + length;
    while (!signalled.load() && clock.monotonic() < end) std::this_thread::sleep_for(std::chrono::milliseconds{20});
}

void publish(http::server::Server const& server, middleware::Metrics& metrics) {
    auto const gauge = [&](char const* name, char const* help, auto read) {
        metrics.gauge(name, help, [&server, read] { return static_cast<double>(read(server.stats())); });
    };
    auto const counter = [&](char const* name, char const* help, auto read) {
        metrics.counter(name, help, [&server, read] { return static_cast<double>(read(server.stats())); });
    };
    gauge("zephyr_connections", "Open connections.", [](auto const& stats) { return stats.connections; });
    gauge("zephyr_queue_depth", "Requests waiting for a worker.", [](auto const& stats) { return stats.queue_depth; });
    counter("zephyr_shed_total", "Requests refused with 503 before they ran.", [](auto const& stats) { return stats.shed; });
    counter("zephyr_connection_timeouts_total", "Connections closed at a deadline.", [](auto const& stats) { return stats.timeouts; });
}

void publish(Stack& stack, std::shared_ptr<messages::Sender const> const& sender) {
    auto& metrics = stack.metrics;
    metrics.gauge("zephyr_messages_waiting", "Messages that wait to be sent.",
                  [&stack] { return static_cast<double>(stack.outbox.counts().waiting); });
    metrics.counter("zephyr_messages_sent_total", "Messages that a mail server or SMS provider took.",
                    [sender] { return static_cast<double>(sender->stats().accepted); });
    metrics.counter("zephyr_messages_postponed_total", "Tries to send a message that failed and will be made again.",
                    [sender] { return static_cast<double>(sender->stats().postponed); });
    metrics.counter("zephyr_messages_dead_total", "Messages that were given up.",
                    [sender] { return static_cast<double>(sender->stats().dead); });
}

}  // namespace

Node::Node(DataFolder folder, std::unique_ptr<Stack> stack, Outside outside)
    : folder_{std::move(folder)}, outside_{outside}, stack_{std::move(stack)} {}

Node::~Node() = default;

http::App& Node::app() { return stack_->app; }
config::Settings const& Node::settings() const { return stack_->settings; }

Result<std::unique_ptr<Node>> Node::open(config::Settings settings, Outside outside) {
    ZEPHYR_TRY(auto folder, DataFolder::lock(settings.storage.data));
    settle_port(settings.server);
    std::error_code unknown;
    bool const embedded = settings.storage.url.empty();
    bool const sqlite_exists = embedded && std::filesystem::exists(folder.database(), unknown);

    std::unique_ptr<storage::Database> database;
    bool exists = sqlite_exists;
    if (!embedded) {
        database = open_database(settings.storage, folder);
        exists = storage::schema_version(*database) > 0;
    }
    crypto::KeySources sources{.data_folder = folder.path(), .credentials_folder = crypto::systemd_credentials_folder()};
    if (!settings.keys.master_key_file.empty()) sources.key_file = settings.keys.master_key_file;
    ZEPHYR_TRY(auto keys, crypto::load_or_create_keys(
                              sources, exists ? crypto::DatabaseState::exists : crypto::DatabaseState::none_yet, outside.random));
    if (!database) database = open_database(settings.storage, folder);

    auto const migrated = storage::migrate(*database, schema_migrations(), outside.clock);
    if (!migrated.ok()) {
        return with_hint(migrated.error(), "The database was written by a newer or changed Zephyr. Install that version, or restore a backup.");
    }
    ZEPHYR_CHECK(KeyRecords(*database, outside.clock).check(keys.keyring));
    ZEPHYR_TRY(auto audit, open_audit(settings, folder.path(), keys.keyring, *database, outside));
    auto stack = std::make_unique<Stack>(StackParts{.settings = std::move(settings),
                                                    .database = std::move(database),
                                                    .keyring = keys.keyring,
                                                    .clock = outside.clock,
                                                    .random = outside.random,
                                                    .log = outside.log,
                                                    .audit_log = std::move(audit.parts)});
    ZEPHYR_CHECK(begin_audit(*stack, audit));
    ZEPHYR_CHECK(KeyRecords(*stack->database, outside.clock).reconcile(keys.keyring, stack->audit));
    return std::unique_ptr<Node>{new Node{std::move(folder), std::move(stack), outside}};
}

int Node::serve(ServeOptions const& options) {
    if (!options.until) {
        signalled = false;
        watch_signals();
    }
    auto const stop = options.until ? options.until : [] { return signalled.load(); };
    auto& stack = *stack_;
    auto listener = listener_settings(stack.settings);
    if (options.listen) listener.max_connections = fitting_connections(stack.settings, outside_.log);
    // Before anybody is let in: a server that an operator can't reach must not start.
    std::unique_ptr<ControlSocket> control;
    if (options.on_command) {
        auto opened = ControlSocket::open(control_socket_path(folder_.path()), outside_.clock, outside_.log,
                                          [&](ControlRequest const& request) { return options.on_command(stack, request); });
        if (!opened.ok()) {
            outside_.log.error("server.no_control_socket", {{"id", opened.error().id()}, {"reason", opened.error().reason()}});
            return 1;
        }
        control = std::move(opened).value();
    }
    http::server::Server server{listener, stack.app, outside_.clock, outside_.log};
    if (auto const started = options.listen ? server.start() : success(); !started.ok()) {
        outside_.log.error("server.cannot_listen",
                           {{"id", started.error().id()}, {"reason", started.error().reason()}, {"detail", started.error().detail()}});
        return 1;
    }
    if (options.listen) publish(server, stack.metrics);
    Jobs jobs{stack, outside_.log};
    std::shared_ptr<messages::Sender> const sender = stack.message_sender();
    publish(stack, sender);
    Sending const sending{*sender};
    auto const witnesses = Witnesses::begin(stack);
    if (!witnesses.ok()) {
        outside_.log.error("server.cannot_begin", {{"id", witnesses.error().id()}, {"reason", witnesses.error().reason()}});
        return 1;
    }

    stack.audit.append({.code = audit::codes::server_started, .actor = audit::Actor::system()});
    auto const& url = stack.settings.server.public_url;
    outside_.log.info("server.listening", {{"address", stack.settings.server.listen.str()}, {"url", url}});
    std::optional<std::string> link;
    if (options.on_listening) {
        if (auto const token = stack.setup.issue()) link = url + "/setup/" + token->reveal();
        options.on_listening(url, link);
    }
    while (!stop()) std::this_thread::sleep_for(std::chrono::milliseconds{50});

    stack.draining = true;
    outside_.log.info("server.stopping");
    server.retire();
    wait_as_lame_duck(stack.settings.server.lame_duck, outside_.clock);
    server.stop();
    control.reset();
    sending.sender.stop();  // what it did last is recorded before the end is
    try {
        stack.audit.append({.code = audit::codes::server_stopped, .actor = audit::Actor::system()});
    } catch (StorageFault const& fault) {  // a database that is gone keeps nobody from stopping
        outside_.log.warning("server.stop_not_recorded", {{"what", fault.what()}});
    }
    if (witnesses.value()) witnesses.value()->finish();
    return 0;
}

Loading load_settings(int argc, char const* const* argv) {
    std::vector<config::FlagValue> flags;
    std::string file;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::string_view{argv[i]} == "--config") file = argv[i + 1];
        else flags.push_back({argv[i], argv[i + 1]});
    }
    Loading loading;
    if (argc > 1 && argc % 2 == 0) {
        loading.problems = std::string{argv[argc - 1]} + ": flags come with a value\n";
        return loading;
    }
    auto sources = config::read_sources(file, std::move(flags));
    if (!sources.ok()) {
        loading.problems = std::string{sources.error().detail()};
        return loading;
    }
    auto outcome = config::load(sources.value());
    if (outcome.ok()) loading.settings = std::move(outcome).loaded().settings;
    else loading.problems = config::check_text(outcome);
    return loading;
}

}  // namespace zephyr::server
