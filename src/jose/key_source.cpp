#include "zephyr/jose/key_source.h"

#include "zephyr/foundation/fault.h"

namespace zephyr::jose {

namespace {

// While a usable set is at hand, more callers than this do not wait for a key that may not exist: tokens with made-up
// kids would else hold every worker for as long as the issuer takes to answer.
constexpr std::size_t most_waiting = 16;

Result<Jwk> found_in(JwkSet const& keys, std::string_view kid, Algorithm algorithm) {
    if (auto const* const key = keys.find(kid, algorithm)) return *key;
    if (!kid.empty() && keys.has(kid)) return errors::algorithm_refused;
    return errors::unknown_key;
}

}  // namespace

Result<Jwk> StaticKeys::find(std::string_view kid, Algorithm algorithm) { return found_in(keys_, kid, algorithm); }

RemoteKeys::RemoteKeys(ports::HttpClient& client, RemoteKeysSettings settings, Clock const& clock)
    : client_{client}, settings_{std::move(settings)}, clock_{clock} {
    if (settings_.url.empty()) throw Fault{"jose: remote keys need an address"};
    if (settings_.lifetime <= 0s || settings_.last_good < settings_.lifetime || settings_.between_requests < 1s)
        throw Fault{"jose: times of remote keys contradict each other"};
}

bool RemoteKeys::may_ask(MonotonicTime now) const { return !asking_ && (!asked_at_ || now >= *asked_at_ + settings_.between_requests); }
bool RemoteKeys::fresh(MonotonicTime now) const { return fetched_ && now < fetched_->at + settings_.lifetime; }
bool RemoteKeys::usable(MonotonicTime now) const { return fetched_ && now < fetched_->at + settings_.last_good; }

Result<Jwk> RemoteKeys::find(std::string_view kid, Algorithm algorithm) {
    Lock lock{mutex_};
    for (;;) {
        auto const now = clock_.monotonic();
        auto found = usable(now) ? found_in(fetched_->keys, kid, algorithm) : Result<Jwk>{errors::unknown_key};
        bool const known = found.ok() || found.error() == errors::algorithm_refused;
        // One caller renews a set that has aged; the others go on with it meanwhile.
        if (known && (fresh(now) || !may_ask(now))) return found;
        if (may_ask(now)) {
            ask(lock);
            continue;
        }
        if (asking_ && (!usable(now) || waiting_ < most_waiting)) {
            ++waiting_;
            answered_.wait(lock, [this] { return !asking_; });
            --waiting_;
            continue;
        }
        if (usable(now) && !last_failed_ && !asking_) return errors::unknown_key;
        // The key may be new, and nobody can tell.
        return Error{errors::keys_unavailable, last_problem_};
    }
}

void RemoteKeys::ask(Lock& lock) {
    auto const started = clock_.monotonic();
    asking_ = true;
    asked_at_ = started;
    lock.unlock();
    auto fetched = [this]() -> Result<JwkSet> {
        try {
            return fetch();
        } catch (std::exception const& fault) {
            return Error{errors::keys_unavailable, fault.what()};  // those who wait must be woken
        }
    }();
    lock.lock();
    asking_ = false;
    last_failed_ = !fetched.ok();
    last_problem_ = fetched.ok() ? "" : std::string{fetched.error().id()} + ": " + std::string{fetched.error().detail()};
    if (fetched.ok()) fetched_ = Fetched{std::move(fetched).value(), started};
    answered_.notify_all();
}

Result<JwkSet> RemoteKeys::fetch() const {
    ZEPHYR_TRY(auto const reply, client_.send({.url = settings_.url,
                                               .headers = {{"Accept", "application/jwk-set+json, application/json"}},
                                               .deadline = settings_.deadline,
                                               .max_body_bytes = settings_.max_bytes}));
    if (reply.status != 200) return Error{errors::keys_unavailable, "status " + std::to_string(reply.status)};
    return JwkSet::parse_text(reply.body);
}

}  // namespace zephyr::jose
