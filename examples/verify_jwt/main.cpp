// Checks bearer tokens against their issuer's keys, which are fetched when needed and followed through rotations:
//   verify_jwt ISSUER AUDIENCE JWKS_URL [TYP] <tokens        one token a line; TYP is "JWT" unless it says "at+jwt" or another
#include <zephyr/adapters/curl_http_client.h>
#include <zephyr/jose/jwt.h>

#include <iostream>

using namespace zephyr;

int main(int argc, char** argv) {
    if (argc < 4) return std::cerr << "usage: verify_jwt ISSUER AUDIENCE JWKS_URL [TYP] <tokens\n", 64;
    SystemClock clock;
    adapters::CurlHttpClient http{{.allow_loopback = true}};  // https, or plain to this machine; no redirects, nothing private
    jose::RemoteKeys keys{http, {.url = argv[3], .between_requests = 5s}, clock};
    jose::JwtVerifier const verifier{keys, {argv[1], argv[2], argc > 4 ? argv[4] : "JWT"}, clock};

    bool all_good = true;
    for (std::string token; std::getline(std::cin, token);) {
        auto const jwt = verifier.verify(token);
        all_good = all_good && jwt.ok();
        if (jwt.ok()) std::cout << "accepted " << jwt.value().subject() << std::endl;
        else std::cout << "refused " << jwt.error().id() << std::endl;
    }
    return all_good ? 0 : 1;
}
