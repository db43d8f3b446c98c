// Operating errors: thrown where they are found, caught only at the edges (command, request, job).
// The public message says what happened, what was got, what was wanted and what to do next; the
// detail (paths, addresses, numbers that would leak) goes to the terminal and the log, never to a
// client.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace hearth {

enum class ErrorCode {
  kInvalidArgument,    // the caller asked for something that makes no sense
  kNotFound,           // no such model, file, tensor, command
  kCorruptData,        // a file or a message that breaks its own format's rules
  kUnsupported,        // well-formed, and we cannot do it
  kResourceExhausted,  // memory, disk, context length, a named limit
  kPermissionDenied,   // the system, or a policy of ours, says no
  kUnavailable,        // the network or another program did not answer
  kCancelled,          // the caller left
  kDeadlineExceeded,   // it took longer than the caller allowed
  kInternal,           // our fault
};

// Process exit code for a command that ends with this error: 2 for a wrong call, 3 for not found,
// 4 corrupt, 5 unsupported, 6 out of a resource, 7 permission, 8 unavailable, 130 cancelled, 9
// deadline, 1 else.
int exit_code(ErrorCode code) noexcept;
std::string_view to_string(ErrorCode code) noexcept;

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message, std::string detail = {})
      : code_(code), message_(std::move(message)), detail_(std::move(detail)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& detail() const noexcept { return detail_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_;
  std::string detail_;
};

}  // namespace hearth
