#include "zephyr/adapters/smpp_sender.h"

#include <array>
#include <mutex>
#include <optional>

#include "adapters/http_outcome.h"
#include "adapters/redis_stream.h"
#include "adapters/smpp_pdu.h"

namespace zephyr::adapters {

using ports::SendOutcome;
using What = SendOutcome::What;
namespace command = smpp::command;

namespace {

// The other side is away, or has broken the protocol. Stays in this file.
inline constexpr Failure gone{Kind::unavailable, "smpp.gone"};

std::string hex(std::uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back(digits[(value >> shift) & 15]);
    return out;
}

// SMPP 3.4, 5.1.3: what is wrong with this message, and will be tomorrow: its length, its addresses and their types, its coding. Everything
// else (throttled, queue full, system error, not bound, …) is about the moment or about us.
bool never_will(std::uint32_t status) {
    switch (status) {
        case 0x01: case 0x02: case 0x0a: case 0x0b: case 0x33: case 0x40: case 0x42: case 0x43: case 0x48: case 0x49: case 0x50: case 0x51:
        case 0x66: case 0xc0: case 0xc1: case 0xc2: case 0xc3: case 0xc4:
            return true;
        default: return false;
    }
}

// SMPP 3.4, 5.1.3: not bound as a transmitter, bind failed, password or system id refused. This session will take nothing more.
bool ends_session(std::uint32_t status) { return status == 0x04 || (status >= 0x0d && status <= 0x0f); }

}  // namespace

struct SmppSender::State {
    State(SmppSettings chosen, Clock const& time) : settings{std::move(chosen)}, clock{time} {
        if (settings.tls) tls = std::make_unique<TlsClient>(settings.ca_file);
    }

    SmppSettings settings;
    Clock const& clock;
    std::unique_ptr<TlsClient> tls;
    std::timed_mutex busy;
    // Of the session, if there is one.
    std::unique_ptr<RedisStream> stream;
    std::string buffer;
    std::uint32_t sequence = 0;
    MonotonicTime used_at{};

    void end() {
        stream.reset();
        buffer.clear();
    }
    Result<void> write(smpp::Pdu const& pdu, Deadline const& deadline) { return stream->write(smpp::write_pdu(pdu), deadline); }
    // Sends a request and waits for its answer; answers what the other side asks meanwhile. Any failure ends the session.
    // `written` tells whether the other side may have the whole request.
    Result<smpp::Pdu> ask(std::uint32_t id, std::string body, Deadline const& deadline, bool& written);
    Result<smpp::Pdu> next(Deadline const& deadline);
    // Answers what the other side asks. Fails when it ended the session.
    Result<void> heed(smpp::Pdu const& request, Deadline const& deadline);
    // Takes in what came since, without waiting. False when the session is over.
    bool catch_up(Deadline const& deadline);
    Result<void> open(Deadline const& deadline);
    Result<void> bind(Deadline const& deadline);
    bool alive(Deadline const& deadline);
    SendOutcome submit(ports::OutgoingMessage const& message);
};

Result<smpp::Pdu> SmppSender::State::next(Deadline const& deadline) {
    for (;;) {
        ZEPHYR_TRY(auto pdu, smpp::take_pdu(buffer));
        if (pdu) return std::move(*pdu);
        std::array<char, 4096> part;
        ZEPHYR_TRY(auto const count, stream->read(part.data(), part.size(), deadline));
        if (!count) return Error{gone, "no answer in time"};
        buffer.append(part.data(), *count);
    }
}

Result<smpp::Pdu> SmppSender::State::ask(std::uint32_t id, std::string body, Deadline const& deadline, bool& written) {
    written = false;
    sequence = sequence >= 0x7fffffff ? 1 : sequence + 1;
    auto const mine = sequence;
    // Not all of it left: a unit that is cut off means nothing to anybody.
    if (auto const sent = write({id, 0, mine, std::move(body)}, deadline); !sent.ok()) return sent.error();
    written = true;
    while (!deadline.passed()) {  // however much else comes
        ZEPHYR_TRY(auto pdu, next(deadline));
        if (pdu.is_response()) {
            bool const answer = pdu.command == (id | command::response) || pdu.command == command::generic_nack;
            if (answer && pdu.sequence == mine) return pdu;
            continue;  // to something older
        }
        ZEPHYR_CHECK(heed(pdu, deadline));
    }
    return Error{gone, "no answer in time"};
}

Result<void> SmppSender::State::heed(smpp::Pdu const& request, Deadline const& deadline) {
    bool const known = request.command == command::enquire_link || request.command == command::unbind;
    // A transmitter is sent no messages; whoever does so hears that we don't know the command (0x03).
    auto const answer = known ? smpp::Pdu{request.command | command::response, 0, request.sequence, {}}
                              : smpp::Pdu{command::generic_nack, 0x03, request.sequence, {}};
    ZEPHYR_CHECK(write(answer, deadline));
    if (request.command == command::unbind) return Error{gone, "the other side ended the session"};
    return success();
}

bool SmppSender::State::catch_up(Deadline const& deadline) {
    while (!deadline.passed()) {  // however much there is
        auto const pdu = smpp::take_pdu(buffer);
        if (!pdu.ok()) return false;
        if (pdu.value()) {
            if (!pdu.value()->is_response() && !heed(*pdu.value(), deadline).ok()) return false;
            continue;
        }
        std::array<char, 4096> part;
        auto const count = stream->read(part.data(), part.size(), deadline.within(0ms));
        if (!count.ok()) return false;
        if (!count.value()) return true;
        buffer.append(part.data(), *count.value());
    }
    return false;
}

Result<void> SmppSender::State::open(Deadline const& deadline) {
    end();
    ZEPHYR_TRY(auto const addresses, resolve(settings.host, settings.port));
    Error last{gone, "no address"};
    for (auto const& address : addresses) {
        auto connected = RedisStream::connect(address, tls.get(), settings.host, deadline);
        if (connected.ok()) {
            stream = std::move(connected).value();
            return bind(deadline);
        }
        last = connected.error();
    }
    return last;
}

Result<void> SmppSender::State::bind(Deadline const& deadline) {
    bool written = false;
    auto const answer =
        ask(command::bind_transmitter, smpp::bind_transmitter_body(settings.system_id, settings.password.reveal()), deadline, written);
    if (!answer.ok()) return answer.error();
    if (answer.value().status != 0) return Error{gone, "bind refused, status " + hex(answer.value().status)};
    return success();
}

// Whether the session of before can be used.
bool SmppSender::State::alive(Deadline const& deadline) {
    if (!stream) return false;
    auto const brief = deadline.within(3s);
    // A farewell or an end of the connection that waits there is found before a message is lost to it.
    if (!catch_up(brief)) return false;
    if (clock.monotonic() - used_at < settings.rest) return true;
    bool written = false;
    auto const answer = ask(command::enquire_link, {}, brief, written);
    return answer.ok() && answer.value().status == 0;
}

SendOutcome SmppSender::State::submit(ports::OutgoingMessage const& message) {
    auto body = is_e164(message.to) ? smpp::submit_sm_body({settings.source, message.to, message.text}) : std::nullopt;
    if (!body) return {.what = What::never, .why = "not a number in E.164, or a text that is too long"};
    // A wait of its own: whoever gets the session has the whole deadline for what follows.
    std::unique_lock const lock{busy, settings.deadline};
    if (!lock.owns_lock()) return {.what = What::later, .why = "the session is busy"};
    Deadline const deadline{clock, settings.deadline};
    if (!alive(deadline)) {
        if (auto const opened = open(deadline); !opened.ok()) {
            end();
            return {.what = What::later, .why = std::string{opened.error().detail()}};
        }
    }
    bool written = false;
    auto const answer = ask(command::submit_sm, std::move(*body), deadline, written);
    used_at = clock.monotonic();
    if (!answer.ok()) {
        end();
        return {.what = written ? What::uncertain : What::later, .why = std::string{answer.error().detail()}};
    }
    auto const status = answer.value().status;
    if (ends_session(status)) end();
    if (answer.value().command != command::generic_nack && status == 0) {
        return {.what = What::accepted, .reference = smpp::message_id(answer.value())};
    }
    return {.what = never_will(status) ? What::never : What::later, .why = "status " + hex(status)};
}

SmppSender::SmppSender(SmppSettings settings, Clock const& clock) : state_{std::make_unique<State>(std::move(settings), clock)} {}

SmppSender::~SmppSender() {
    if (!state_->stream) return;
    // 4.2: a farewell, whose answer nobody needs to wait for.
    (void)state_->write({command::unbind, 0, state_->sequence + 1, {}}, Deadline{state_->clock, 500ms});
}

SendOutcome SmppSender::send(ports::OutgoingMessage const& message) noexcept {
    return caught([&] { return state_->submit(message); });
}

}  // namespace zephyr::adapters
