// AddressPolicy: which network addresses a request may connect to, asked once per socket with the
// address that will really be connected (after name resolution), so that a name cannot mean one
// thing to the check and another to the connection. Behind a proxy the address is the proxy's.
#pragma once

#include <functional>
#include <string>

struct sockaddr;

namespace hearth {

// Ascending: a redirect may lead outward (to a larger scope), never inward.
enum class AddressScope { kLoopback, kLinkLocal, kPrivate, kPublic };

// `socket_address` is a sockaddr_in or sockaddr_in6; IPv4 inside IPv6 (mapped, 6to4, NAT64) is
// judged by the IPv4 address. Anything unknown counts as link-local, which no redirect may reach.
AddressScope scope_of(const sockaddr& socket_address) noexcept;
// Of a numeric address; false for anything else.
bool is_loopback(const std::string& numeric_address) noexcept;
std::string address_text(const sockaddr& socket_address);

struct Hop {
  std::string host;
  std::string address;
  AddressScope scope;
  AddressScope first_scope;  // where the request began; equals `scope` on the first hop
  bool redirected;
};

using AddressPolicy = std::function<bool(const Hop&)>;

// The person chose the first address; a server chose the others: those may not point further inward
// than where the person pointed, nor at link-local addresses (cloud metadata services).
bool outward_only(const Hop& hop) noexcept;

}  // namespace hearth
