// The target of a request line, split and decoded: "/v1/models/a%2Fb?x=1" or, as a proxy would send
// it, "http://host/v1/…". Pure functions: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"

namespace hearth {

struct RequestTarget {
  std::string authority;  // as sent; empty unless the target was an absolute address
  std::string path;       // what IncomingRequest promises of its path
  HttpFields query;       // decoded, "+" is a space; valid UTF-8
};

// Nothing for a target that breaks those promises: another form ("*", "host:port"), a fragment,
// bytes that should have been percent-encoded, broken percent-encoding or UTF-8, a control
// character or a dot segment in the path.
std::optional<RequestTarget> parse_request_target(std::string_view target);

}  // namespace hearth
