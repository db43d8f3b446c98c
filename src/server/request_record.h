// RequestRecord: what the log says of one request: a line of fields, written when the last who
// works on it lets go. Never what was asked or answered, nor a secret. It goes from hand to hand:
// of one thread at a time, but for `follows`, which is set before the first hand lets go.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "server/generation.h"

namespace hearth {

struct RequestRecord {
  RequestRecord() = default;
  ~RequestRecord();
  RequestRecord(const RequestRecord&) = delete;
  RequestRecord& operator=(const RequestRecord&) = delete;

  std::string id, method;
  std::string route;  // its pattern
  std::string key;    // its name; empty: without one
  std::string model;
  int status = 200;
  std::string error;     // the catalogue's code; empty: none
  bool follows = false;  // the reply comes after the handler's end
  std::optional<GenerationReport> report;
  std::chrono::steady_clock::time_point arrived = std::chrono::steady_clock::now();
};

}  // namespace hearth
