#include "server/witnesses.h"

#include "zephyr/adapters/curl_http_client.h"

namespace zephyr::server {

namespace {

// "https://[2001:db8::1]:8443/w" -> "2001:db8::1": what the operator names may have a private address, and nothing else may.
std::string host_of(std::string_view url) {
    auto rest = url.substr(url.find("://") + 3);
    rest = rest.substr(0, rest.find('/'));
    if (rest.starts_with('[')) return std::string{rest.substr(1, rest.find(']') - 1)};
    return std::string{rest.substr(0, rest.find(':'))};
}

}  // namespace

Result<std::unique_ptr<Witnesses>> Witnesses::begin(Stack& stack) {
    auto const& from = stack.settings.audit;
    if (from.witnesses.empty() || !stack.audit_log.writer) return std::unique_ptr<Witnesses>{};
    audit::WitnessSettings settings{.witnesses = {}, .quorum = static_cast<std::size_t>(from.witness_quorum)};
    adapters::CurlHttpClientSettings reach;
    for (auto const& line : from.witnesses) {
        auto target = audit::WitnessTarget::parse(line);
        if (!target.ok()) {
            return Error{target.error().failure(), line}.with_reason("audit.witnesses: \"" + line +
                                                                     "\" is not the key of a witness and its address, as zephyr witness key prints them.");
        }
        reach.allowed_hosts.push_back(host_of(target.value().url));
        settings.witnesses.push_back(std::move(target).value());
    }
    auto http = std::make_unique<adapters::CurlHttpClient>(std::move(reach));
    return std::unique_ptr<Witnesses>{new Witnesses{stack, std::move(http), std::move(settings)}};
}

Witnesses::Witnesses(Stack& stack, std::unique_ptr<ports::HttpClient> http, audit::WitnessSettings settings)
    : stack_{stack}, http_{std::move(http)}, settings_{std::move(settings)},
      clients_{std::make_shared<audit::WitnessClients>(settings_, *http_, *stack.audit_log.writer, *stack.audit_log.reader, stack.audit,
                                                       stack.clock, stack.log)} {
    // The numbers may be asked for when this is gone.
    auto const read = [clients = std::weak_ptr{clients_}](auto value) {
        auto const held = clients.lock();
        return held ? static_cast<double>(value(held->health())) : 0.0;
    };
    stack.metrics.gauge("zephyr_audit_witnesses_up_to_date", "Witnesses that have signed the last checkpoint.",
                        [read] { return read([](auto const& health) { return health.up_to_date; }); });
    stack.metrics.gauge("zephyr_audit_witnesses_good", "1 while the quorum has signed the last checkpoint and no witness refuses it.",
                        [read] { return read([](auto const& health) { return health.good() ? 1 : 0; }); });
    stack.metrics.gauge("zephyr_audit_witnessed_entries", "Entries of the audit log that enough witnesses have signed.",
                        [read] { return read([](auto const& health) { return health.witnessed_size; }); });
    stack.metrics.gauge("zephyr_audit_witnesses_refusing", "Witnesses that say this log does not continue what they signed.",
                        [read] { return read([](auto const& health) { return health.refused.size(); }); });
}

void Witnesses::finish() {
    if (stack_.trail) stack_.trail->catch_up();
    static_cast<void>(stack_.audit_log.writer->checkpoint().ok());  // a log that fails has said so
    if (!clients_->wait_for_last(settings_.deadline)) stack_.log.warning("audit.end_not_witnessed");
    clients_->stop();
}

}  // namespace zephyr::server
