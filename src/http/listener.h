// Listener: one listening socket, bound and non-blocking. Owns its descriptor and, for a Unix
// socket, the file that it made: removed with it, unless another has taken the name since. One
// thread.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "http/server.h"
#include "platform/file.h"

namespace hearth {

class Listener {
 public:
  // kInvalidArgument for an address that is none (or not this machine's), kUnavailable when it is
  // taken, kPermissionDenied. An IPv6 address takes no IPv4: two addresses are two listeners.
  static Listener tcp(const TcpEndpoint& endpoint);
  // The file has mode 0600 from its first moment, whatever the umask. kUnavailable when a server
  // listens there; a socket file of this user that nobody listens on is replaced, anything else is
  // kInvalidArgument and stays.
  static Listener unix_socket(const std::filesystem::path& path);

  ~Listener();
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;

  int fd() const noexcept { return fd_.get(); }
  bool local() const noexcept { return !path_.empty(); }
  const TcpEndpoint& endpoint() const noexcept { return endpoint_; }  // with the port it got

 private:
  Listener() = default;
  UniqueFd fd_;
  TcpEndpoint endpoint_;
  std::filesystem::path path_;  // of the file to remove
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace hearth
