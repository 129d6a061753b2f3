#include "zephyr/middleware/request_id.h"

#include <gtest/gtest.h>

#include "testing/header_judge.h"
#include "testing/manual_clock.h"
#include "testing/scripted_random.h"
#include "zephyr/foundation/ids.h"

namespace zephyr::middleware {
namespace {

using namespace zephyr::testing;

TEST(RequestId, is_ours_whatever_the_client_sends) {
    ManualClock clock;
    ScriptedRandom random;
    auto const layer = request_id(clock, random);
    std::string inside;
    auto const next = [&](http::Request& request) {
        inside = request.request_id;
        return http::Response::no_content().with_header("X-Request-Id", "set by a handler");
    };
    auto request = request_for(http::Method::get, "/", {{"X-Request-Id", "forged\"}"}});
    auto const first = layer.run(request, next);
    EXPECT_TRUE(is_uuid(inside));
    EXPECT_EQ(inside[14], '7');
    EXPECT_EQ(first.headers.get("X-Request-Id"), inside);
    auto const before = inside;
    static_cast<void>(layer.run(request, next));
    EXPECT_NE(inside, before);
}

}  // namespace
}  // namespace zephyr::middleware
