// A witness over HTTP: POST /add-checkpoint (C2SP tlog-witness) and GET /healthz.
#pragma once

#include "zephyr/foundation/log.h"
#include "zephyr/http/dispatcher.h"
#include "zephyr/tlog/witness.h"

namespace zephyr::server {

class WitnessService final : public http::Dispatcher {
public:
    static constexpr std::size_t largest_body = 64 * 1024;

    WitnessService(tlog::Witness& witness, Log& log) : witness_{witness}, log_{log} {}
    bool runs_inline(http::Request const&) const override { return false; }
    http::Response dispatch(http::Request&& request) override;

private:
    http::Response add_checkpoint(http::Request const& request);
    tlog::Witness& witness_;
    Log& log_;
};

}  // namespace zephyr::server
