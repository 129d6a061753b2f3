// The threads that drain the outbox: claim a row, hand it to the wire outside any transaction, record what became of it.
//
// Several nodes over one database may run one each. A row whose node died while sending is uncertain: it is sent again only where the
// wire is idempotent(). Each channel has threads of its own, so a provider that hangs holds up nothing but itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "zephyr/foundation/log.h"
#include "zephyr/messages/outbox.h"
#include "zephyr/messages/templates.h"
#include "zephyr/ports/message_sender.h"

namespace zephyr::messages {

struct SenderSettings {
    TemplateSettings templates = {};
    std::chrono::milliseconds first_pause = 2s;      // after the first failure; doubles, and half of it is left to chance
    std::chrono::milliseconds longest_pause = 10min;
    std::chrono::milliseconds lease = 3min;          // longer than the deadline of any wire
    std::chrono::milliseconds poll = 3s;             // for what is due again, and for other nodes' messages
    std::size_t threads = 2;                         // per channel
};

// Null: nothing of that channel is sent.
struct Wires {
    std::unique_ptr<ports::MessageSender> sms;
    std::unique_ptr<ports::MessageSender> email;
};

class Sender {
public:
    // Nothing runs yet. The outbox must outlive the sender.
    Sender(Outbox&, Log&, Wires, SenderSettings = {});
    ~Sender();  // stop()
    Sender(Sender const&) = delete;
    Sender& operator=(Sender const&) = delete;

    void start();
    // Waits for what is being sent right now: at most as long as a wire may take. May be called again.
    void stop();
    // Sends what is due now, on the calling thread; how many tries. For tests and one-shot programs, instead of start().
    std::size_t run_once();

    struct Stats {  // of what this sender decided itself
        std::int64_t accepted = 0;
        std::int64_t postponed = 0;
        std::int64_t dead = 0;
    };
    Stats stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace zephyr::messages
