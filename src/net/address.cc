#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace hearth {
namespace {

// First and last address of the IPv4 ranges that are not public (IANA special-purpose registry).
struct Range {
  std::uint32_t first;
  unsigned prefix_bits;
  AddressScope scope;
};
constexpr Range kSpecial[] = {
    {0x00000000, 8, AddressScope::kLinkLocal},   // "this network"
    {0x0a000000, 8, AddressScope::kPrivate},     // 10/8
    {0x64400000, 10, AddressScope::kPrivate},    // 100.64/10, carrier NAT
    {0x7f000000, 8, AddressScope::kLoopback},    // 127/8
    {0xa9fe0000, 16, AddressScope::kLinkLocal},  // 169.254/16
    {0xac100000, 12, AddressScope::kPrivate},    // 172.16/12
    {0xc0000000, 24, AddressScope::kPrivate},    // 192.0.0/24
    {0xc0a80000, 16, AddressScope::kPrivate},    // 192.168/16
    {0xc6120000, 15, AddressScope::kPrivate},    // 198.18/15, benchmarks
    {0xe0000000, 3, AddressScope::kLinkLocal},   // multicast and reserved
};

AddressScope scope_of_v4(std::uint32_t address) noexcept {
  for (const Range& range : kSpecial) {
    if ((address ^ range.first) >> (32 - range.prefix_bits) == 0) return range.scope;
  }
  return AddressScope::kPublic;
}

std::uint32_t big_endian(const std::uint8_t* bytes) noexcept {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool zeros(const std::uint8_t* bytes, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

AddressScope scope_of_v6(const std::uint8_t* bytes) noexcept {
  if (zeros(bytes, 10) && bytes[10] == 0xff && bytes[11] == 0xff) {  // ::ffff:a.b.c.d
    return scope_of_v4(big_endian(bytes + 12));
  }
  if (zeros(bytes, 15) && bytes[15] == 1) return AddressScope::kLoopback;
  if (zeros(bytes, 12)) return scope_of_v4(big_endian(bytes + 12));                 // ::, ::a.b.c.d
  if (big_endian(bytes) == 0x0064ff9b) return scope_of_v4(big_endian(bytes + 12));  // NAT64
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return scope_of_v4(big_endian(bytes + 2));  // 6to4
  if ((bytes[0] & 0xfeu) == 0xfc) return AddressScope::kPrivate;                        // fc00::/7
  if ((bytes[0] & 0xe0u) == 0x20) return AddressScope::kPublic;                         // 2000::/3
  return AddressScope::kLinkLocal;
}

}  // namespace

AddressScope scope_of(const sockaddr& socket_address) noexcept {
  if (socket_address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &socket_address, sizeof v4);
    return scope_of_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (socket_address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &socket_address, sizeof v6);
    return scope_of_v6(v6.sin6_addr.s6_addr);
  }
  return AddressScope::kLinkLocal;
}

bool is_loopback(const std::string& numeric_address) noexcept {
  in_addr v4;
  if (::inet_pton(AF_INET, numeric_address.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == 127;  // 127.0.0.0/8
  }
  in6_addr v6;
  return ::inet_pton(AF_INET6, numeric_address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string address_text(const sockaddr& socket_address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (socket_address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &socket_address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (socket_address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &socket_address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

bool outward_only(const Hop& hop) noexcept {
  if (!hop.redirected) return true;
  return hop.scope >= hop.first_scope && hop.scope != AddressScope::kLinkLocal;
}

}  // namespace hearth
