#include "http/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "base/error.h"

namespace hearth {
namespace {

std::string reason(int error_number) { return std::generic_category().message(error_number); }

std::string text_of(const TcpEndpoint& endpoint) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return (v6 ? '[' + endpoint.address + ']' : endpoint.address) + ':' +
         std::to_string(endpoint.port);
}

[[noreturn]] void throw_no_tcp(const TcpEndpoint& endpoint, int error_number) {
  const std::string what = "cannot listen on " + text_of(endpoint) + ": " + reason(error_number);
  switch (error_number) {
    case EADDRINUSE:
      throw Error(ErrorCode::kUnavailable,
                  what + "; \"ss -ltnp 'sport = :" + std::to_string(endpoint.port) +
                      "'\" shows by whom. Stop it, or choose another port");
    case EACCES:
      throw Error(ErrorCode::kPermissionDenied, what + "; ports below 1024 are the system's");
    case EADDRNOTAVAIL:
      throw Error(ErrorCode::kInvalidArgument, what + "; it wants an address of this machine");
    default: throw Error(ErrorCode::kUnavailable, what);
  }
}

UniqueFd open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    throw Error(ErrorCode::kResourceExhausted, "cannot make a socket: " + reason(errno));
  }
  return fd;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList numeric_address(const TcpEndpoint& endpoint) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  if (endpoint.address.empty() ||
      ::getaddrinfo(endpoint.address.c_str(), port.c_str(), &hints, &found) != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "cannot listen on '" + endpoint.address +
                    "': it wants a numeric IPv4 or IPv6 address, such as 127.0.0.1 or ::1");
  }
  return {found, &::freeaddrinfo};
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage bound{};
  socklen_t bytes = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bytes);
  // The port stands at the same place in both families.
  sockaddr_in v4;
  std::memcpy(&v4, &bound, sizeof v4);
  return ntohs(v4.sin_port);
}

sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof address.sun_path) {
    throw Error(ErrorCode::kInvalidArgument,
                "cannot listen on '" + text + "': the path of a socket has 1 to " +
                    std::to_string(sizeof address.sun_path - 1) + " bytes, this one has " +
                    std::to_string(text.size()));
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

// Removes a socket file of ours that nobody listens on; throws for anything else that is there.
void clear_dead_socket(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return;  // bind() will say what else is wrong
  if (!S_ISSOCK(status.st_mode) || status.st_uid != ::geteuid()) {
    throw Error(ErrorCode::kInvalidArgument,
                "cannot listen on '" + path.string() +
                    "': something that is no socket of yours is there, and it stays; choose "
                    "another path, or move it away");
  }
  const UniqueFd probe = open_socket(AF_UNIX);
  const int connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno != ECONNREFUSED) {
    throw Error(ErrorCode::kUnavailable, "cannot listen on '" + path.string() +
                                             "': a server listens there already; \"ss " +
                                             "-lxp\" shows which");
  }
  ::unlink(path.c_str());
}

}  // namespace

Listener Listener::tcp(const TcpEndpoint& endpoint) {
  const AddressList address = numeric_address(endpoint);
  Listener out;
  out.fd_ = open_socket(address->ai_family);
  const int on = 1;
  ::setsockopt(out.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->ai_family == AF_INET6) {
    ::setsockopt(out.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(out.fd(), address->ai_addr, address->ai_addrlen) != 0 ||
      ::listen(out.fd(), SOMAXCONN) != 0) {
    throw_no_tcp(endpoint, errno);
  }
  out.endpoint_ = {endpoint.address, bound_port(out.fd())};
  return out;
}

Listener Listener::unix_socket(const std::filesystem::path& path) {
  const sockaddr_un address = unix_address(path);
  // Two servers that start at once would each take the other's fresh socket for a dead one.
  const auto lock = FileLock::try_lock(path.string() + ".lock");
  if (!lock) {
    throw Error(ErrorCode::kUnavailable,
                "cannot listen on '" + path.string() + "': another server is starting there");
  }
  clear_dead_socket(path, address);
  Listener out;
  out.fd_ = open_socket(AF_UNIX);
  // The file that bind() makes has the mode of the socket's own inode, less the umask: there is no
  // moment at which it is open to others.
  if (::fchmod(out.fd(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(out.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_system_error("listen on", path, errno);
  }
  out.path_ = path;
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0) {
    out.device_ = status.st_dev;
    out.inode_ = status.st_ino;
  }
  if (::listen(out.fd(), SOMAXCONN) != 0) throw_system_error("listen on", path, errno);
  return out;
}

Listener::~Listener() {
  struct stat status{};
  if (!fd_.valid() || path_.empty() || ::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace hearth
