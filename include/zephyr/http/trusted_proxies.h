// Who is on the other side, and how they spelled our name: the socket's word, unless a listed proxy says otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zephyr/foundation/result.h"
#include "zephyr/http/request.h"

namespace zephyr::http {

namespace errors {
// An entry of the trusted proxies is no address and no block.
inline constexpr Failure proxy_list_malformed{Kind::invalid, "http.proxy_list_malformed"};
// A trusted proxy sent a forwarding header that cannot be read.
inline constexpr Failure forwarded_malformed{Kind::invalid, "http.forwarded_malformed"};
}  // namespace errors

// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is the IPv4 one.
class IpAddress {
public:
    // Strict: no blanks, zone, port, brackets, leading zeros or short IPv4 forms ("127.1").
    static std::optional<IpAddress> parse(std::string_view text);

    bool is_v6() const { return v6_; }
    std::string str() const;
    // The first `bits` bits, the rest zero: for limits that treat a /64 as one client.
    IpAddress prefix(unsigned bits) const;
    bool operator==(IpAddress const&) const = default;

private:
    bool v6_ = false;
    std::array<std::uint8_t, 16> bytes_{};  // IPv4 uses the first four
};

// 192.0.2.0/24, 2001:db8::/32 or a single address. Host bits set ("10.0.0.1/8") are refused: a likely mistake.
class Cidr {
public:
    static std::optional<Cidr> parse(std::string_view text);
    bool contains(IpAddress const& address) const;

private:
    IpAddress base_;
    unsigned bits_ = 0;
};

// One header family is believed, never both: a proxy that sets one lets a client's other one through.
enum class ForwardedStyle { x_forwarded, forwarded };

class TrustedProxies {
public:
    TrustedProxies() = default;  // trusts nobody
    // Fails with proxy_list_malformed; the detail names the entry.
    static Result<TrustedProxies> parse(std::vector<std::string> const& cidrs,
                                        ForwardedStyle style = ForwardedStyle::x_forwarded);
    bool trusts(std::string_view address) const;
    bool empty() const { return cidrs_.empty(); }
    ForwardedStyle style() const { return style_; }

private:
    std::vector<Cidr> cidrs_;
    ForwardedStyle style_ = ForwardedStyle::x_forwarded;
};

struct ClientFacts {
    std::string address;
    std::string scheme;
    std::string host;
};

// From a peer that is not listed, every forwarding header is ignored. From a listed one: the address is the last in the
// chain that is not itself listed (walking from the right, so a client cannot prepend), scheme and host are single
// values. Fails with forwarded_malformed when a listed proxy sends something else.
Result<ClientFacts> client_facts(std::string_view peer, std::string_view socket_scheme, Headers const& headers,
                                 TrustedProxies const& proxies);
// The address alone.
Result<std::string> client_address_from(std::string_view peer, Headers const& headers, TrustedProxies const& proxies);

}  // namespace zephyr::http
