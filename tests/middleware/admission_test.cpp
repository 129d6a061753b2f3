#include "zephyr/middleware/admission.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace zephyr::middleware {
namespace {

http::Request costly() {
    http::Request request;
    request.rate_class = "sign-in";
    return request;
}

TEST(Admission, refuses_at_once_beyond_its_places_and_gives_each_place_back) {
    auto const piece = admission({.classes = {"sign-in"}, .places = 2});
    int reached = 0;
    // Each request holds its place while the next one tries.
    std::function<http::Response(int)> nested = [&](int depth) {
        auto request = costly();
        return piece.run(request, [&](http::Request&) {
            ++reached;
            if (depth == 3) return http::Response::text(200, "deepest");
            auto const inner = nested(depth + 1);
            EXPECT_EQ(inner.status, depth < 2 ? 200 : 503);
            if (depth == 2) {
                EXPECT_EQ(inner.headers.get("Retry-After"), "2");
            }
            return http::Response::text(200, "done");
        });
    };
    EXPECT_EQ(nested(1).status, 200);
    EXPECT_EQ(reached, 2);
    EXPECT_EQ(nested(1).status, 200) << "the places came back";
}

TEST(Admission, gives_the_place_back_when_the_handler_throws) {
    auto const piece = admission({.classes = {"sign-in"}, .places = 1});
    for (int i = 0; i < 3; ++i) {
        auto request = costly();
        EXPECT_THROW(piece.run(request, [](http::Request&) -> http::Response { throw std::runtime_error{"fault"}; }), std::runtime_error);
    }
    auto request = costly();
    EXPECT_EQ(piece.run(request, [](http::Request&) { return http::Response::text(200, ""); }).status, 200);
}

TEST(Admission, leaves_other_routes_alone) {
    auto const piece = admission({.classes = {"sign-in"}, .places = 0});
    http::Request request;
    EXPECT_EQ(piece.run(request, [](http::Request&) { return http::Response::text(200, ""); }).status, 200);
    auto refused = costly();
    EXPECT_EQ(piece.run(refused, [](http::Request&) { return http::Response::text(200, ""); }).status, 503);
}

}  // namespace
}  // namespace zephyr::middleware
