#include "zephyr/middleware/order.h"

#include <algorithm>

#include "zephyr/foundation/fault.h"

namespace zephyr::middleware {

void install(http::App& app, std::vector<http::Middleware> pieces) {
    for (auto const name : order) {
        auto const is_this = [&](http::Middleware const& piece) { return piece.name == name; };
        auto const count = std::count_if(pieces.begin(), pieces.end(), is_this);
        if (count > 1) throw Fault{"middleware " + std::string{name} + " is installed twice"};
        if (count == 0) continue;
        auto const found = std::find_if(pieces.begin(), pieces.end(), is_this);
        app.use(std::move(*found));
        pieces.erase(found);
    }
    if (!pieces.empty()) throw Fault{"middleware " + pieces.front().name + " has no place in the order"};
}

}  // namespace zephyr::middleware
